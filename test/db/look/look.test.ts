import { freshDb } from "#fresh-db";
import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import type { Db } from "../../../db/client.ts";
import { encodeDetails } from "../../../db/details.ts";
import type { Look, Need } from "../../../db/look.ts";
import { loadLook, windowsToJudge } from "../../../db/queries/look.ts";
import { MAX_MEDIANS, MIN_HOURS } from "../../../db/queries/look/day-medians.ts";
import { MIN_JUDGED_MS } from "../../../db/queries/look/to-judge.ts";
import {
  MAX_PEERS,
  MAX_RECENT,
  ON_ITS_WAY_MS,
  PEER_MS,
  RECENT_MS,
} from "../../../db/queries/look/windows.ts";
import { storeReports } from "../../../db/queries/reports.ts";
import type { StoredReport } from "../../../db/queries/reports.ts";
import { writeFlows } from "../../support/written-flows.ts";
import { ownersOf } from "../../support/owner-words.ts";
import { aCluster, aDump, aReportOf, aStoredReport, START, WINDOW_MS } from "../../support/stored-report.ts";
import { tick } from "../../support/tick.ts";

const HOUR_MS = 3_600_000;

/** A look at the window that came last, after these. */
async function lookAfter(
  reports: readonly StoredReport[],
  need: Need = {},
  { db, damaged }: { db?: Db; damaged?: string[] } = {},
): Promise<Look> {
  const on = db ?? (await freshDb());
  if (!db) await aCluster(on);
  await storeReports(on, reports);
  await tick(on, (reports.at(-1)?.to ?? START) + 1_000);
  return lastLook(on, need, damaged);
}

async function lastLook(db: Db, need: Need, damaged: string[] = []): Promise<Look> {
  const windows = await windowsToJudge(db, { after: 0, until: Number.MAX_SAFE_INTEGER, limit: 1_000 });
  const window = windows.at(-1)?.window;
  if (!window) throw new Error("nothing came");
  return loadLook(db, { clusterId: 1, window, need, onDamaged: () => damaged.push("one") });
}

const node = (name: string, addresses = ["192.168.0.23"]) => ({ name, addresses });

test("nothing is there that was not asked for", async () => {
  const look = await lookAfter([
    aReportOf([{ source: "10.0.0.1", entries: 1 }], { dump: aDump({ entries: 1 }) }),
  ]);
  expect(Object.entries(look).filter(([, value]) => value !== undefined)).toEqual([
    ["window", look.window],
    ["recent", []],
  ]);
});

test("the windows of the ten minutes before are those of the node that had come", async () => {
  const last = 30;
  const come = (sequence: number, some: Partial<StoredReport> = {}) => aStoredReport({ sequence, ...some });
  const receivedAt = START + (last + 1) * WINDOW_MS + 1_000;
  const look = await lookAfter([
    come(last - RECENT_MS / WINDOW_MS - 1),
    come(last - RECENT_MS / WINDOW_MS),
    come(last - 3, { receivedAt: receivedAt + 1 }),
    come(last - 2, { receivedAt }),
    come(last - 1, { node: { ...come(0).node, name: "node-2" } }),
    come(last + 1),
    come(last),
  ]);
  expect(look.recent.map(({ from }) => (from - START) / WINDOW_MS)).toEqual([10, 28]);
});

test("of many short windows the latest are looked at, and the shortest are not judged", async () => {
  const short = (sequence: number, ms = MIN_JUDGED_MS) =>
    aStoredReport({ sequence, from: START + sequence * 2_000, to: START + sequence * 2_000 + ms });
  const db = await freshDb();
  await aCluster(db);
  const reports = Array.from({ length: MAX_RECENT + 2 }, (_, at) => short(at));
  const look = await lookAfter(reports, {}, { db });
  expect(look.recent.map(({ from }) => (from - START) / 2_000)).toEqual(
    Array.from({ length: MAX_RECENT }, (_, at) => at + 1),
  );
  await storeReports(db, [short(MAX_RECENT + 2, MIN_JUDGED_MS - 1)]);
  const came = await windowsToJudge(db, { after: 0, until: Number.MAX_SAFE_INTEGER, limit: 1_000 });
  expect(came.flatMap(({ late }, at) => (late ? [at] : []))).toEqual([MAX_RECENT + 2]);
});

test("peers are the latest windows of other nodes that had come for certain, of some minutes", async () => {
  const from = START + 20 * WINDOW_MS;
  const at = from + WINDOW_MS + 1_000;
  const of = (name: string, began: number, came = began + WINDOW_MS) =>
    aStoredReport({
      node: node(name),
      sequence: began - START,
      from: began,
      to: began + WINDOW_MS,
      receivedAt: came,
    });
  const look = await lookAfter(
    [
      of("just", from - 60_000, at - ON_ITS_WAY_MS),
      of("just", from - 90_000),
      of("unsure", from - 60_000, at - ON_ITS_WAY_MS + 1),
      of("old", from - PEER_MS + 1),
      of("too-old", from - PEER_MS),
      of("later", from + 1, from),
      of("node-1", from - 60_000),
      of("node-1", from, at),
    ],
    { peers: true },
  );
  expect(look.peers?.map((peer) => [peer.node, peer.from - from])).toEqual([
    ["just", -60_000],
    ["old", 1 - PEER_MS],
  ]);
});

test("no more peers than are enough", async () => {
  const others = Array.from({ length: MAX_PEERS + 1 }, (_, i) =>
    aStoredReport({ node: node(`node-${i + 2}`) }),
  );
  const look = await lookAfter([...others, aStoredReport({ sequence: 1 })], { peers: true });
  expect(look.peers).toHaveLength(MAX_PEERS);
});

test("flows are summed by owner, whatever its addresses, and peers are named where they are of the cluster", async () => {
  const pods = [
    { address: "10.0.0.1", name: "web-1", workloadKind: "Deployment", workload: "web", since: START },
    { address: "fd00::1", name: "web-1", workloadKind: "Deployment", workload: "web", since: START },
    { address: "10.0.9.1", kind: "service", name: "db", since: START },
  ];
  const elsewhere = [{ address: "10.0.7.7", name: "cache-1", since: START }];
  const common = { peer: "10.0.9.1", peerPort: 5432, nat: "snat", natAddress: "192.168.0.23" } as const;
  const look = await lookAfter(
    [
      aStoredReport({
        node: { ...node("node-2", ["192.168.0.24", "172.17.0.1", "172.18.0.1"]), bootId: "b" },
        natAddresses: ["203.0.113.77"],
        details: encodeDetails({ addresses: [], owners: ownersOf(elsewhere, true) }),
      }),
      aStoredReport({ node: { ...node("node-3", ["192.168.0.25", "172.18.0.1"]), bootId: "c" } }),
      aReportOf(
        [
          { source: "10.0.0.1", ...common, entries: 30, unreplied: 2, opened: 4 },
          { source: "fd00::1", ...common, entries: 12, unreplied: 1, opened: 3 },
          { source: "10.0.0.1", peer: "10.0.7.7", entries: 5, opened: 0 },
          { source: "192.168.0.23", peer: "192.168.0.24", entries: 3, opened: 0 },
          { source: "127.0.0.1", peer: "172.17.0.1", entries: 2, opened: 0 },
          { source: "10.0.7.7", peer: "10.0.0.1", entries: 9, opened: 0 },
          // Bridges of two other nodes, and an address that a node does not have but puts in place of others'.
          { source: "10.0.0.1", peer: "172.18.0.1", entries: 1, opened: 0 },
          { source: "10.0.0.1", peer: "203.0.113.77", entries: 1, opened: 0 },
        ],
        {
          node: node("node-1", ["192.168.0.23", "172.17.0.1"]),
          dump: aDump({ takenAt: START + 5, entries: 103, unreplied: 3 }),
          details: encodeDetails({ addresses: [], owners: ownersOf(pods, true) }),
        },
        {
          talkerRemainder: { sources: 1, entries: 40, snatEntries: 0, unreplied: 0, opened: 5 },
          error: { sources: 7, groups: 0 },
        },
      ),
    ],
    { flows: {} },
  );
  const web = {
    kind: "pod",
    name: "web-1",
    namespace: "shop",
    workloadKind: "Deployment",
    workload: "web",
    address: "10.0.0.1",
  };
  const unknown = { kind: "address", name: "10.0.7.7", address: "10.0.7.7" };
  const host = (address: string, name = "node-1") => ({ kind: "host", name, address });
  expect(look.flows).toMatchObject({ takenAt: START + 5, entries: 103, unreplied: 3, opened: 12, error: 7 });
  expect(look.flows?.parties).toEqual([
    { party: web, entries: 49, snatEntries: 42, unreplied: 3, opened: 7, peers: 5 },
    { party: unknown, entries: 9, snatEntries: 0, unreplied: 0, opened: 0, peers: 1 },
    { party: host("192.168.0.23"), entries: 5, snatEntries: 0, unreplied: 0, opened: 0, peers: 2 },
  ]);
  const of = (party: unknown, peer: string, peerParty?: unknown) => ({
    party,
    peer,
    ...(peerParty ? { peerParty } : {}),
  });
  const cache = { kind: "pod", name: "cache-1", namespace: "shop", address: "10.0.7.7" };
  expect(look.flows?.flows.map(({ party, peer, peerParty }) => of(party, peer, peerParty))).toEqual([
    of(web, "10.0.9.1", { kind: "service", name: "db", namespace: "shop", address: "10.0.9.1" }),
    of(unknown, "10.0.0.1", web),
    of(web, "10.0.7.7", cache),
    of(host("192.168.0.23"), "192.168.0.24", host("192.168.0.24", "node-2")),
    of(host("127.0.0.1"), "172.17.0.1", host("172.17.0.1")),
    of(web, "172.18.0.1"),
    of(web, "203.0.113.77"),
  ]);
  expect(look.flows?.flows[0]).toMatchObject({
    peerPort: 5432,
    protocol: 6,
    nat: "snat",
    natAddress: "192.168.0.23",
    entries: 42,
    unreplied: 3,
    opened: 7,
  });
});

test("what is usual of the largest owners is the median of the hours in which they had any", async () => {
  const db = await freshDb();
  const clusterId = await aCluster(db);
  const hour = Math.floor(START / HOUR_MS) * HOUR_MS;
  const names = Array.from({ length: MAX_MEDIANS + 1 }, (_, i) => `10.0.0.${i + 1}`);
  await storeReports(db, [
    aReportOf(
      [
        ...names.map((source, i) => ({ source, entries: 100 - i })),
        { source: "10.0.1.1", entries: 999 },
        { source: "10.0.1.2", entries: 1 },
      ],
      { dump: aDump({ takenAt: START }) },
    ),
  ]);
  // The last of these hours is not over for long enough; the one before the first is too old.
  for (let back = 26; back >= 1; back--)
    await writeFlows(db, { clusterId, nodeId: 1, start: hour - back * HOUR_MS }, [
      ...names.map((source) => ({ source, entries: back === 26 || back === 1 ? 5_000 : back })),
      ...(back < 2 + MIN_HOURS - 1 ? [{ source: "10.0.1.1", entries: 7 }] : []),
    ]);
  const look = await lastLook(db, { flows: { medianFrom: 95 } });
  const medians = look.flows?.parties.map(({ party, dayMedian }) => [party.address, dayMedian]);
  expect(medians).toEqual([
    ["10.0.1.1", undefined],
    ["10.0.0.1", 13.5],
    ["10.0.0.2", 13.5],
    ["10.0.0.3", 13.5],
    ["10.0.0.4", 13.5],
    ["10.0.0.5", undefined],
    ["10.0.0.6", undefined],
    ["10.0.1.2", undefined],
  ]);
  // Of all: six times as much, and what the newcomer had of late.
  expect(look.flows?.dayMedian).toBe(81);
  expect((await lastLook(db, { flows: { medianFrom: 1_000 } })).flows?.dayMedian).toBeUndefined();
});

test("of a Pod that is new, what is usual is what its workload had", async () => {
  const db = await freshDb();
  const clusterId = await aCluster(db);
  const pod = {
    address: "10.0.0.9",
    name: "web-9",
    workloadKind: "Deployment",
    workload: "web",
    since: START,
  };
  await storeReports(db, [
    aReportOf(
      [
        { source: "10.0.0.9", entries: 100 },
        { source: "10.0.0.8", entries: 90 },
      ],
      {
        dump: aDump({ takenAt: START }),
        details: encodeDetails({ addresses: [], owners: ownersOf([pod], true) }),
      },
    ),
  ]);
  // Applies the owners.
  await tick(db, START + WINDOW_MS + 1_000);
  const common = { kind: "pod", namespace: "shop", workloadKind: "Deployment" };
  const holders = new Map([
    ["10.0.0.1", { ...common, name: "web-1", workload: "web" }],
    ["10.0.0.2", { ...common, name: "web-2", workload: "web" }],
    ["10.0.0.3", { ...common, name: "db-0", workload: "db" }],
  ]);
  const hour = Math.floor(START / HOUR_MS) * HOUR_MS;
  const before = async (back: number) =>
    writeFlows(
      db,
      { clusterId, nodeId: 1, start: hour - back * HOUR_MS },
      [...holders.keys()].map((source) => ({ source, entries: back })),
      (address) => holders.get(address),
    );
  for (let back = 2; back < MIN_HOURS + 1; back += 1) await before(back);
  const medians = async () =>
    (await lastLook(db, { flows: { medianFrom: 0 } })).flows?.parties.map(({ dayMedian }) => dayMedian);
  expect(await medians()).toEqual([undefined, undefined]);
  await before(MIN_HOURS + 1);
  // Of two to seven entries, twice.
  expect(await medians()).toEqual([9, undefined]);
});

const ports = (used: number, shares: readonly [source: number, used: number][]) => ({
  natAddress: [0],
  peer: [1],
  peerPort: [443],
  protocol: [6],
  used: [used],
  sources: [shares.length],
  shares: {
    row: shares.map(() => 0),
    source: shares.map(([source]) => source),
    used: shares.map(([, n]) => n),
  },
});

test("ports, idle times and reasons come from the details, holders by owner", async () => {
  const pods = [
    { address: "10.0.0.1", name: "web-1", since: START },
    { address: "10.0.0.2", name: "web-1", since: START },
  ];
  const details = encodeDetails({
    addresses: ["192.168.0.23", "203.0.113.9", "10.0.0.1", "10.0.0.2", "10.0.0.3"],
    ports: ports(60, [
      [4, 30],
      [2, 20],
      [3, 11],
    ]),
    ages: [{ of: "tcp-established", timeout: 432_000, entries: [1, 2] }],
    counters: { log: { invalid: [{ reason: "bad checksum", lines: 3, sample: "nf_ct_proto_6: …" }] } },
    owners: ownersOf(pods, true),
  });
  const look = await lookAfter([aStoredReport({ details })], { ports: true, ages: true, invalid: true });
  expect(look.ports).toEqual([
    {
      natAddress: "192.168.0.23",
      peer: "203.0.113.9",
      peerPort: 443,
      protocol: 6,
      zone: 0,
      used: 60,
      holders: [
        { party: { kind: "pod", name: "web-1", namespace: "shop", address: "10.0.0.1" }, used: 31 },
        { party: { kind: "address", name: "10.0.0.3", address: "10.0.0.3" }, used: 30 },
      ],
    },
  ]);
  expect(look.ages).toEqual([{ of: "tcp-established", timeoutS: 432_000, entries: [1, 2] }]);
  expect(look.invalid).toEqual([{ reason: "bad checksum", lines: 3, sample: "nf_ct_proto_6: …" }]);
});

test("what is damaged is not known, and counted", async () => {
  const db = await freshDb();
  await aCluster(db);
  const details = encodeDetails({ addresses: [], ages: [] });
  await storeReports(db, [
    aReportOf([{ source: "10.0.0.1", entries: 1 }], { details, dump: aDump({ entries: 1 }) }),
  ]);
  await db.run(sql`update segments set data = x'0102', details = x'0304'`);
  const damaged: string[] = [];
  const look = await lastLook(db, { flows: {}, ports: true, ages: true }, damaged);
  expect([look.flows, look.ports, look.ages]).toEqual([undefined, undefined, undefined]);
  expect(damaged).toHaveLength(3);
});
