import { freshDb } from "#fresh-db";
import { test } from "vitest";
import { windowsToJudge } from "../../db/queries/look.ts";
import { storeReports } from "../../db/queries/reports.ts";
import { aCluster, aStoredReport, START, WINDOW_MS } from "../support/stored-report.ts";

const SLOW_MS = 11 * 60_000;

/** Which of the windows are late, where each came so long after its end. */
async function late(lateness: readonly number[]): Promise<boolean[]> {
  const db = await freshDb();
  await aCluster(db);
  const reports = lateness.map((ms, sequence) =>
    aStoredReport({ sequence, receivedAt: START + (sequence + 1) * WINDOW_MS + ms }),
  );
  for (const report of reports) await storeReports(db, [report]);
  const windows = await windowsToJudge(db, { after: 0, until: 1_000, limit: 100 });
  return windows.map((window) => window.late);
}

test("windows of a node whose clock is slow are judged, once three before them came as late", async ({
  expect,
}) => {
  const jitter = [0, 9_000, -8_000, 3_000, 1_000, 0];
  expect(await late(jitter.map((ms) => SLOW_MS + ms))).toEqual([true, true, true, false, false, false]);
});

test("what was held up is late still: it comes faster than it was made", async ({ expect }) => {
  const held = Array.from({ length: 8 }, (_, at) => SLOW_MS + (8 - at) * WINDOW_MS);
  expect(await late([1_000, 1_000, 1_000, 1_000, ...held])).toEqual([
    ...Array.from({ length: 4 }, () => false),
    ...Array.from({ length: 8 }, () => true),
  ]);
});
