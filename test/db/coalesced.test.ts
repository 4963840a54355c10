import { freshDb } from "#fresh-db";
import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { coalesced } from "../../db/coalesced.ts";
import { interrupted } from "../support/interrupted.ts";

const one = (value: number) => sql`select ${value} as value`;

test("what is asked at the same time is one call, and each has its own answer", async () => {
  let calls = 0;
  const db = coalesced(interrupted(await freshDb(), 0, () => void (calls += 1)));
  const [first, [second, third], fourth] = await Promise.all([
    db.all(one(1)),
    db.batch([db.all(one(2)), db.all(one(3))]),
    db.all(one(4)),
  ]);
  expect([first, second, third, fourth].map((rows) => rows[0])).toEqual(
    [1, 2, 3, 4].map((value) => ({ value })),
  );
  expect(calls).toBe(1);
  expect(await db.all(one(5))).toEqual([{ value: 5 }]);
  expect(calls).toBe(2);
});

test("where it fails, all that asked hear of it, and it goes on", async () => {
  const db = coalesced(await freshDb());
  const ends = await Promise.allSettled([db.all(one(1)), db.all(sql`select nothing`)]);
  expect(ends.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(await db.all(one(2))).toEqual([{ value: 2 }]);
});
