import { freshDb } from "#fresh-db";
import { sql } from "drizzle-orm";
import { describe, test } from "vitest";
import type { Db } from "../../db/client.ts";
import { reportWriter } from "../../db/queries/reports.ts";
import { aCluster, aReportOf, aStoredReport, START } from "../support/stored-report.ts";

const rows = [{ source: "10.0.0.1", entries: 1 }];
const storedSequences = async (db: Db) =>
  (await db.all<{ sequence: number }>(sql`select sequence from samples order by sequence`)).map(
    (row) => row.sequence,
  );

/** The same database, and how many batches it was given. */
function counting(db: Db): { db: Db; batches: () => number } {
  let batches = 0;
  const counted: Db = Object.create(db, {
    batch: {
      value: (...args: Parameters<Db["batch"]>) => {
        batches++;
        return db.batch(...args);
      },
    },
  });
  return { db: counted, batches: () => batches };
}

describe("reports that arrive together", () => {
  test("are all stored, in few commits", async ({ expect }) => {
    const { db, batches } = counting(await freshDb());
    await aCluster(db);
    const writer = reportWriter(db);
    const sequences = Array.from({ length: 100 }, (_, sequence) => sequence);
    const answers = await Promise.all(
      sequences.map((sequence) => writer.store(aReportOf(rows, { sequence }))),
    );
    expect(new Set(answers)).toEqual(new Set(["stored"]));
    expect(await storedSequences(db)).toEqual(sequences);
    expect(batches()).toBeLessThan(5);
  });

  test("are each told whether they were new", async ({ expect }) => {
    const db = await freshDb();
    await aCluster(db);
    const writer = reportWriter(db);
    const answers = await Promise.all(
      [3, 4, 3, 3, 5].map((sequence) => writer.store(aReportOf(rows, { sequence }))),
    );
    expect(answers).toEqual(["stored", "stored", "duplicate", "duplicate", "stored"]);
  });

  test("do not fail with one among them that the database refuses", async ({ expect }) => {
    const db = await freshDb();
    await aCluster(db);
    const writer = reportWriter(db);
    const bad = aReportOf(rows, { sequence: Number.NaN, from: START });
    const answers = await Promise.allSettled(
      [aReportOf(rows), bad, aReportOf(rows, { sequence: 2 })].map(writer.store),
    );
    expect(answers.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(await storedSequences(db)).toEqual([0, 2]);
  });
});

test("a writer that failed or fell idle goes on", async ({ expect }) => {
  const db = await freshDb();
  await aCluster(db);
  const writer = reportWriter(db);
  await expect(writer.store({ ...aStoredReport(), to: 0 })).rejects.toThrow(RangeError);
  expect(await writer.store(aStoredReport())).toBe("stored");
  expect(await writer.store(aStoredReport())).toBe("duplicate");
});

test("several writers at once store a report once", async ({ expect }) => {
  const db = await freshDb();
  await aCluster(db);
  const writers = [reportWriter(db), reportWriter(db), reportWriter(db)];
  const answers = await Promise.all(writers.map((writer) => writer.store(aReportOf(rows))));
  expect(answers.toSorted()).toEqual(["duplicate", "duplicate", "stored"]);
});
