import {
  MAX_ADDRESSES,
  MAX_GROUPS,
  MAX_HOLDERS,
  MAX_KEYFRAME_LEASES,
  MAX_LEASES,
  MAX_OWNERS,
  MAX_TALKERS,
  type Report,
} from "../../api/wire.ts";
import { aDumpOf, aReport, NOW } from "./a-report.ts";

type Numbers = (rows: number, below: number, from?: number) => number[];

/** Whole numbers that do not repeat in any way a compressor finds (mulberry32). */
function numbersFrom(seed: number): Numbers {
  let state = seed;
  const random = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return (rows, below, from = 0) => Array.from({ length: rows }, () => from + Math.floor(random() * below));
}

/**
 * Every table of flows and leases as long as may be, with values as they are: IPv6 addresses and ports at random, counts as
 * of a table of a million entries, leases opened within five days.
 */
export function theFullestReport(): Report {
  const numbers = numbersFrom(3);
  const words = () => numbers(8, 65_535, 1).map((word) => word.toString(16));
  const addresses = Array.from({ length: MAX_ADDRESSES }, () => words().join(":"));
  const some = () => numbers(MAX_TALKERS, 60, 1);
  const entries = some();
  const total = entries.reduce((sum, value) => sum + value, 0);
  const counts = { opened: some(), closed: some() };
  return aReport({
    dump: aDumpOf(total),
    flows: {
      addresses,
      talkers: {
        source: Array.from({ length: MAX_TALKERS }, (_, row) => row),
        entries,
        snatEntries: entries,
        unreplied: entries,
        peers: some(),
        ...counts,
        established: entries,
        idle: entries,
        closeWait: entries,
      },
      talkerRemainder: {
        sources: 9,
        entries: 0,
        snatEntries: 0,
        unreplied: 0,
        opened: 0,
        closed: 0,
        established: 0,
        idle: 0,
        closeWait: 0,
      },
      groups: {
        source: numbers(MAX_GROUPS, MAX_ADDRESSES),
        peer: numbers(MAX_GROUPS, MAX_ADDRESSES),
        peerPort: numbers(MAX_GROUPS, 65_536),
        protocol: Array(MAX_GROUPS).fill(6),
        nat: Array(MAX_GROUPS).fill("snat"),
        natAddress: numbers(MAX_GROUPS, 4),
        zone: numbers(MAX_GROUPS, 4),
        entries,
        unreplied: entries,
        ...counts,
        bytes: numbers(MAX_GROUPS, 2 ** 40),
        packets: numbers(MAX_GROUPS, 2 ** 30),
      },
      groupRemainder: { groups: 9, entries: 0, unreplied: 0, opened: 0, closed: 0, bytes: 0, packets: 0 },
    },
    leases: {
      ...holders(numbers, MAX_LEASES),
      ...leases(numbers, MAX_LEASES, [30, 0]),
      closed: numbers(MAX_LEASES, 30),
      omitted: 0,
    },
    keyframe: {
      takenAt: NOW,
      part: 0,
      parts: 4,
      fromPort: 0,
      toPort: 65_535,
      ...holders(numbers, MAX_KEYFRAME_LEASES),
      ...leases(numbers, MAX_KEYFRAME_LEASES, [432_000, -432_000]),
      omitted: 0,
    },
  });
}

/** Four leases a holder, of some four hundred sources and a thousand peers. */
const PER_HOLDER = 4;

function holders(numbers: Numbers, leases: number) {
  const rows = Math.min(MAX_HOLDERS, leases / PER_HOLDER);
  return {
    source: numbers(rows, 400),
    natAddress: numbers(rows, 4),
    peer: numbers(rows, 1000, 400),
    peerPort: numbers(rows, 4, 440),
    protocol: Array<number>(rows).fill(6),
    leases: Array<number>(rows).fill(PER_HOLDER),
  };
}

function leases(numbers: Numbers, rows: number, [opened, from]: [number, number]) {
  return {
    natPort: numbers(rows, 15_000, 256),
    sourcePort: numbers(rows, 5000),
    opened: numbers(rows, opened, from),
  };
}

/** As many owners as may be, with names as Kubernetes makes them, and otherwise little. */
export function theMostOwners(): Report {
  const numbers = numbersFrom(5);
  const rows = Array.from({ length: MAX_OWNERS }, (_, row) => row);
  const hex = (length: number) =>
    numbers(length, 16)
      .map((digit) => digit.toString(16))
      .join("");
  const workload = rows.map((row) => `checkout-service-${row % 3000}`);
  return aReport({
    owners: {
      source: "kubernetes",
      complete: true,
      address: rows.map((row) => `10.${100 + (row >> 16)}.${(row >> 8) & 255}.${row & 255}`),
      kind: rows.map(() => "pod" as const),
      namespace: rows.map((row) => `team-${row % 90}`),
      name: rows.map((row) => `${workload[row]}-${hex(9)}-${hex(5)}`),
      uid: rows.map(() => `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(12)}`),
      workloadKind: rows.map(() => "Deployment"),
      workload,
      since: numbers(MAX_OWNERS, 86_400_000, NOW - 86_400_000),
      until: rows.map(() => null),
    },
  });
}
