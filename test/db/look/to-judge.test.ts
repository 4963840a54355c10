import { freshDb } from "#fresh-db";
import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import type { Db } from "../../../db/client.ts";
import { LATE_MS, windowsToJudge } from "../../../db/queries/look.ts";
import { storeReports } from "../../../db/queries/reports.ts";
import { aCluster, aDump, aStoredReport, START, WINDOW_MS } from "../../support/stored-report.ts";

const all = { after: 0, until: Number.MAX_SAFE_INTEGER, limit: 100 };
const place = async (db: Db, page = all) =>
  (await windowsToJudge(db, page)).map(({ window: { from }, late, previousTo }) => [
    (from - START) / WINDOW_MS,
    late,
    previousTo === undefined ? undefined : (previousTo - START) / WINDOW_MS,
  ]);

test("a window comes as its report tells it", async () => {
  const db = await freshDb();
  const clusterId = await aCluster(db);
  const report = aStoredReport({
    clusterId,
    completeness: { source: "netlink", events: "complete", overruns: 33 },
    table: { count: 1, max: 2, buckets: 3 },
    dump: aDump({
      takenAt: START + 4,
      entries: 5,
      byProtocol: { 17: 6 },
      byTcpState: { SYN_SENT: 7, SYN_RECV: 8, ESTABLISHED: 9, CLOSE_WAIT: 10, TIME_WAIT: 11 },
      byNat: { none: 12, snat: 13, dnat: 14, both: 15 },
      unreplied: 16,
    }),
    flows: { opened: 17, closed: 18 },
    counters: {
      statistics: {
        found: 19,
        invalid: 20,
        insertFailed: 21,
        drop: 22,
        earlyDrop: 23,
        clashResolve: 24,
        chainTooLong: 25,
      },
      log: { tableFull: 26 },
    },
  });
  const silent = aStoredReport({ clusterId, sequence: 1 });
  await storeReports(db, [report, silent]);
  const [first, second] = await windowsToJudge(db, all);
  expect(first).toMatchObject({ id: 1, clusterId, late: false });
  expect(first?.window).toMatchObject({
    nodeId: 1,
    node: "node-1",
    from: START,
    to: START + WINDOW_MS,
    receivedAt: START + WINDOW_MS + 1_000,
    source: "netlink",
    events: "complete",
    count: 1,
    max: 2,
    buckets: 3,
    takenAt: START + 4,
    entries: 5,
    udp: 6,
    synSent: 7,
    synRecv: 8,
    established: 9,
    closeWait: 10,
    timeWait: 11,
    snat: 28,
    unreplied: 16,
    opened: 17,
    closed: 18,
    found: 19,
    invalid: 20,
    insertFailed: 21,
    drop: 22,
    earlyDrop: 23,
    clashResolve: 24,
    chainTooLong: 25,
    tableFull: 26,
    overruns: 33,
  });
  expect(second?.window).toEqual({
    nodeId: 1,
    node: "node-1",
    from: START + WINDOW_MS,
    to: START + 2 * WINDOW_MS,
    receivedAt: START + 2 * WINDOW_MS + 1_000,
    source: "netlink",
    events: "off",
  });
});

test("in the order in which they came, page by page", async () => {
  const db = await freshDb();
  const clusterId = await aCluster(db);
  await storeReports(
    db,
    [0, 1, 2, 3].map((sequence) => aStoredReport({ clusterId, sequence })),
  );
  expect(await place(db, { ...all, limit: 2 })).toEqual([
    [0, false, undefined],
    [1, false, 1],
  ]);
  expect(await place(db, { ...all, after: 2, until: 3 })).toEqual([[2, false, 2]]);
  expect(await place(db, { ...all, after: 4 })).toEqual([]);
});

test("what came after a later window of its node is late, and no window before that", async () => {
  const db = await freshDb();
  const clusterId = await aCluster(db);
  const later = { receivedAt: START + 5 * WINDOW_MS };
  await storeReports(db, [aStoredReport({ clusterId, sequence: 0 })]);
  await storeReports(db, [aStoredReport({ clusterId, sequence: 3 })]);
  await storeReports(db, [aStoredReport({ clusterId, sequence: 1, ...later })]);
  await storeReports(db, [
    aStoredReport({ clusterId, sequence: 2, ...later, node: { name: "node-2" } }),
    aStoredReport({ clusterId, sequence: 4, receivedAt: START + 6 * WINDOW_MS }),
  ]);
  expect(await place(db)).toEqual([
    [0, false, undefined],
    [3, false, 1],
    [1, true, 1],
    [2, false, undefined],
    [4, false, 4],
  ]);
});

test("so is what ended too long before it came", async () => {
  const db = await freshDb();
  const clusterId = await aCluster(db);
  const end = START + WINDOW_MS;
  await storeReports(db, [aStoredReport({ clusterId, receivedAt: end + LATE_MS })]);
  const other = { clusterId, node: { name: "node-2" } };
  await storeReports(db, [aStoredReport({ ...other, receivedAt: end + LATE_MS + 1 })]);
  expect(await place(db)).toEqual([
    [0, false, undefined],
    [0, true, undefined],
  ]);
});

test("and what has no node or cluster any more, which is passed over", async () => {
  const db = await freshDb();
  const clusterId = await aCluster(db);
  await storeReports(db, [
    aStoredReport({ clusterId, sequence: 0 }),
    aStoredReport({ clusterId, sequence: 1 }),
  ]);
  await db.run(sql`delete from samples where start = ${START}`);
  expect(await place(db)).toEqual([
    [0, true, undefined],
    [1, false, undefined],
  ]);
  await db.run(sql`delete from clusters`);
  expect(await place(db)).toEqual([
    [0, true, undefined],
    [1, true, undefined],
  ]);
});
