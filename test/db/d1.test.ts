import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { openD1 } from "../../db/d1.ts";
import { innermost, isDatabaseFailure, isDatabaseFull } from "../../db/failure.ts";

/** A binding that answers nothing else. */
function failing(message: string) {
  const fail = () => Promise.reject(new Error(message));
  const statement = { all: fail, run: fail, raw: fail, first: fail, bind: () => statement };
  return openD1({ prepare: () => statement, batch: fail } as unknown as D1Database);
}

test("errors of D1 are failures of the database, whatever they say", async () => {
  const db = failing("Network connection lost.");
  const failures = [db.all(sql`select 1`), db.run(sql`select 1`), db.batch([db.all(sql`select 1`)])];
  for (const failure of failures) {
    const error = await Promise.resolve(failure).catch((reason: unknown) => reason);
    expect(isDatabaseFailure(error)).toBe(true);
    expect(isDatabaseFull(error)).toBe(false);
    expect(innermost(error).message).toBe("Network connection lost.");
  }
});

test("a full D1 is known as such in batches too", async () => {
  const db = failing("D1_ERROR: Exceeded maximum DB size.");
  const error = await db.batch([db.all(sql`select 1`)]).catch((reason: unknown) => reason);
  expect(isDatabaseFull(error)).toBe(true);
});

test("each call of D1 is heard, a batch as one", async () => {
  const answer = () => Promise.resolve({ results: [], success: true, meta: {} });
  const statement = { all: answer, run: answer, raw: () => Promise.resolve([]), bind: () => statement };
  const binding = { prepare: () => statement, batch: async (all: unknown[]) => Promise.all(all.map(answer)) };
  let calls = 0;
  const db = openD1(binding as unknown as D1Database, () => void (calls += 1));
  await db.all(sql`select 1`);
  await db.run(sql`select 1`);
  expect(calls).toBe(2);
  await db.batch([db.all(sql`select 1`), db.run(sql`select 2`)]);
  expect(calls).toBe(3);
});
