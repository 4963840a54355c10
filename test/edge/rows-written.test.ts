import { freshDb } from "#fresh-db";
import { env } from "cloudflare:workers";
import { test } from "vitest";
import { openD1 } from "../../db/d1.ts";
import { encodeDetails } from "../../db/details.ts";
import { storeReports } from "../../db/queries/reports.ts";
import { HOUR, slotOf } from "../../db/tiers.ts";
import { aTold, upkeepOf } from "../support/folded.ts";
import { aCluster, aDump, aReportOf, START } from "../support/stored-report.ts";

/** The binding, and how many rows its batches wrote as D1 bills them. */
function metered(): { binding: D1Database; rowsWritten: () => number } {
  const { DB } = env as unknown as { DB: D1Database };
  let rows = 0;
  const binding = {
    prepare: (query: string) => DB.prepare(query),
    batch: async (statements: D1PreparedStatement[]) => {
      const results = await DB.batch(statements);
      for (const { meta } of results) rows += meta.rows_written;
      return results;
    },
  } as unknown as D1Database;
  return { binding, rowsWritten: () => rows };
}

/** A minute of a cluster takes as many rows whatever its size, so that a larger one writes fewer a report. */
test("five nodes write fewer than six rows a report in an hour, with a tick a minute", async ({ expect }) => {
  const clusterId = await aCluster(await freshDb());
  const { binding, rowsWritten } = metered();
  const db = openD1(binding);
  const { tick } = upkeepOf(db);
  const begin = slotOf(HOUR, START);
  for (let minute = 0; minute < 60; minute += 1) {
    const reports = ["a", "b", "c", "d", "e"].flatMap((name) =>
      [0, 1].map((half) => ({ ...aTold(name, 2 * minute + half, begin), clusterId })),
    );
    await storeReports(db, reports);
    await tick(begin + (minute + 1) * 60_000);
  }
  await tick(begin + 70 * 60_000);
  expect(rowsWritten() / 600).toBeLessThan(6);
}, 120_000);

const report = (sequence: number) =>
  aReportOf([{ source: "10.0.0.1", entries: 1 }], {
    sequence,
    dump: aDump({ entries: 1 }),
    table: { count: 1, max: 9 },
    details: encodeDetails({ addresses: [], self: { cpuMs: 1 } }),
    natAddresses: ["192.168.0.23", "192.168.0.24"],
  });

test("an address that is new on a node writes one row", async ({ expect }) => {
  await aCluster(await freshDb());
  const { binding, rowsWritten } = metered();
  const db = openD1(binding);
  await storeReports(db, [report(0)]);
  const before = rowsWritten();
  await storeReports(db, [{ ...report(1), natAddresses: ["192.168.0.24", "192.168.0.25"] }]);
  expect(rowsWritten() - before).toBe(3 + 1);
});

test.for([
  ["the second of a node", [1], 3],
  ["one seen before", [0], 0],
  ["ten in one batch", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 30],
] as const)("%s writes three rows a new report", async ([, sequences, rows], { expect }) => {
  await aCluster(await freshDb());
  const { binding, rowsWritten } = metered();
  const db = openD1(binding);
  await storeReports(db, [report(0)]);
  const before = rowsWritten();
  await storeReports(db, sequences.map(report));
  expect(rowsWritten() - before).toBe(rows);
});
