import { encodeDetails } from "../db/details.ts";
import type { Details } from "../db/details.ts";
import type { StoredReport } from "../db/queries/reports.ts";
import { encodeSegment, SegmentSizeError } from "../db/segment.ts";
import { ProblemError } from "./problem.ts";
import type { Flows, Report } from "./wire.ts";

/** Of one row of the database, which may have 1,000,000 bytes on D1: the rest is for its key. */
export const MAX_STORED_BYTES = 999_000;

/** A report as it is kept: gauges apart, flows in one blob, all else in another. Throws a problem where it is too large. */
export function toStoredReport(report: Report, clusterId: number, receivedAt: number): StoredReport {
  const { node, sequence, window, completeness, table, dump, flows, counters, self } = report;
  const { from, to } = window;
  const { segment, details } = blobsOf(report);
  if ((segment?.length ?? 0) + (details?.length ?? 0) > MAX_STORED_BYTES) throw tooLarge();
  return {
    clusterId,
    node,
    sequence,
    from,
    to,
    receivedAt,
    completeness,
    table,
    dump,
    flows: flows && { opened: totalOf(flows, "opened"), closed: totalOf(flows, "closed") },
    counters,
    self,
    natAddresses: natAddressesOf(report),
    segment,
    details,
  };
}

/** Addresses that are put in place of the sources' own, those with most leases first. */
function natAddressesOf({ flows, leases, keyframe }: Report): string[] {
  const held = new Map<number, number>();
  for (const table of [leases, keyframe])
    for (const [row, address] of (table?.natAddress ?? []).entries())
      held.set(address, (held.get(address) ?? 0) + (table?.leases[row] ?? 0));
  return [...held]
    .toSorted((one, other) => other[1] - one[1])
    .flatMap(([index]) => flows?.addresses[index] ?? []);
}

function blobsOf(report: Report): Pick<StoredReport, "segment" | "details"> {
  const { flows, completeness } = report;
  try {
    return {
      segment: flows && encodeSegment({ ...flows, untracked: completeness.untracked }),
      details: encodeDetails(detailsOf(report)),
    };
  } catch (error) {
    if (error instanceof SegmentSizeError) throw tooLarge();
    throw error;
  }
}

const tooLarge = () =>
  new ProblemError("too-large", `A report may be at most ${MAX_STORED_BYTES} bytes long as it is kept.`);

/** Of the sources or, where they do not say, of the groups. */
function totalOf(flows: Flows, measure: "opened" | "closed"): number | undefined {
  const { talkers, talkerRemainder, groups, groupRemainder } = flows;
  const of = (values: readonly number[] | undefined, rest: number | undefined) =>
    values?.reduce((total, value) => total + value, rest ?? 0);
  return of(talkers[measure], talkerRemainder[measure]) ?? of(groups[measure], groupRemainder[measure]);
}

/** All that is not flows. Leases and ports get a list of addresses of their own, so that flows can be forgotten first. */
function detailsOf(report: Report): Details {
  const { flows, leases, keyframe, ports, ages, owners, counters, host, dropped, self, dump } = report;
  const addresses: string[] = [];
  const places = new Map<number, number>();
  const place = (index: number) => {
    const known = places.get(index);
    if (known !== undefined) return known;
    places.set(index, addresses.length);
    return addresses.push(flows?.addresses[index] ?? "") - 1;
  };
  const moved = <Table extends { natAddress: number[]; peer: number[] }>(table: Table) => ({
    ...table,
    natAddress: table.natAddress.map(place),
    peer: table.peer.map(place),
  });
  const held = <Table extends { source: number[]; natAddress: number[]; peer: number[] }>(table: Table) => ({
    ...moved(table),
    source: table.source.map(place),
  });
  return {
    addresses,
    leases: leases && held(leases),
    keyframe: keyframe && held(keyframe),
    ports: ports && {
      ...moved(ports),
      shares: { ...ports.shares, source: ports.shares.source.map(place) },
    },
    ages,
    owners,
    counters,
    host,
    dropped,
    self,
    overlay: dump?.overlay,
  };
}
