import { freshDb } from "#fresh-db";
import { expect, test } from "vitest";
import type { Db } from "../../../db/client.ts";
import { leaseWindows, type NodeRange } from "../../../db/queries/attribution/windows.ts";
import { storeReports, type StoredReport } from "../../../db/queries/reports.ts";
import { aLeased } from "../../support/leased.ts";
import { ON_WORKERS } from "../../support/on-workers.ts";
import { aCluster, aStoredReport, START, WINDOW_MS } from "../../support/stored-report.ts";

async function aDb(reports: readonly StoredReport[]): Promise<Db> {
  const db = await freshDb();
  await aCluster(db);
  for (let at = 0; at < reports.length; at += 200) await storeReports(db, reports.slice(at, at + 200));
  return db;
}

const ALL = Number.MAX_SAFE_INTEGER;
const range = (first: number, end: number, nodeId = 1): NodeRange => ({
  clusterId: 1,
  nodeId,
  from: START + first * WINDOW_MS,
  to: START + end * WINDOW_MS,
});

/** Node and number of each window in the order in which it comes. */
async function read(db: Db, ranges: readonly NodeRange[], until = ALL): Promise<string[]> {
  const found: string[] = [];
  for await (const { nodeId, sequence } of leaseWindows(db, ranges, until))
    found.push(`${nodeId} ${sequence}`);
  return found;
}

const numbers = (from: number, to: number, nodeId = 1) =>
  Array.from({ length: to - from }, (_, n) => `${nodeId} ${from + n}`);

/** Of a page in rows. */
test.for([1000, 1001])("%i windows of one range all come, in time", async (many) => {
  const db = await aDb(Array.from({ length: many }, (_, sequence) => aLeased({ sequence })));
  expect(await read(db, [range(0, many)])).toEqual(numbers(0, many));
});

test("windows of more bytes than a page has all come, range by range", async (ctx) => {
  if (ON_WORKERS) ctx.skip("inside workerd a blob of such size takes a second to bind");
  const noise = (seed: number) => {
    const bytes = new Uint8Array(300_000);
    for (let at = 0, state = seed; at < bytes.length; at += 1) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      bytes[at] = state >>> 24;
    }
    return bytes;
  };
  const reports = ["a", "b"].flatMap((name) =>
    Array.from({ length: 9 }, (_, sequence) =>
      aStoredReport({ node: { name }, sequence, details: noise(sequence + 1) }),
    ),
  );
  const db = await aDb(reports);
  expect(await read(db, [range(0, 9, 2), range(0, 9)])).toEqual([...numbers(0, 9, 2), ...numbers(0, 9)]);
});

test("a range has the windows that reach into it, of any boot, with what their samples say, and no later report", async () => {
  const db = await aDb([
    aLeased({ sequence: 0 }),
    aLeased({
      sequence: 1,
      completeness: { interrupted: true, unreadable: { lines: 2, samples: [] }, older: 3 },
    }),
    aStoredReport({ sequence: 1, node: { bootId: "other" }, from: START + WINDOW_MS + 1 }),
    aLeased({ sequence: 2, completeness: { events: "lossy" } }),
    aLeased({ sequence: 3 }),
  ]);
  const some = { ...range(1, 3), from: START + 2 * WINDOW_MS - 1, to: START + 3 * WINDOW_MS };
  const windows = [];
  for await (const { details, ...window } of leaseWindows(db, [some], ALL))
    windows.push({ ...window, details: details !== undefined });
  expect(windows.map(({ boot, sequence }) => [boot, sequence])).toEqual([
    [1, 1],
    [2, 1],
    [1, 2],
  ]);
  expect(windows).toMatchObject([
    { events: "complete", openedBy: "events", interrupted: true, unreadable: 2, older: 3, details: true },
    { events: "off", openedBy: null, interrupted: false, unreadable: 0, older: 0, details: false },
    { events: "lossy", from: START + 2 * WINDOW_MS, to: START + 3 * WINDOW_MS, nodeId: 1 },
  ]);
  expect(await read(db, [some], 3)).toEqual(["1 1", "1 1"]);
  expect(await read(db, [])).toEqual([]);
});
