import { freshDb } from "#fresh-db";
import { expect, test } from "vitest";
import type { Db } from "../../../db/client.ts";
import { storeReports } from "../../../db/queries/reports.ts";
import type { StoredReport } from "../../../db/queries/reports.ts";
import { DAY, SLOT_MS, slotOf } from "../../../db/tiers.ts";
import { ON_WORKERS } from "../../support/on-workers.ts";
import { aTold, foldedIn, upkeepOf } from "../../support/folded.ts";
import { aCluster, randomNumbers, START, WINDOW_MS } from "../../support/stored-report.ts";

const HOUR_MS = 3_600_000;
/** The last twelve minutes of a day and the first eight of the next. */
const BEGIN = slotOf(DAY, START) + SLOT_MS[DAY] - 24 * WINDOW_MS;
const WINDOWS = 40;
const NODES = ["a", "bb", "ccc"];
const END = BEGIN + 25 * HOUR_MS;

const TRACE = Array.from({ length: WINDOWS }, (_, at) => NODES.map((node) => aTold(node, at, BEGIN))).flat();

async function anEmptyStore(): Promise<Db> {
  const db = await freshDb();
  await aCluster(db);
  return db;
}

async function inOrder() {
  const db = await anEmptyStore();
  const { tick, log } = upkeepOf(db);
  for (let at = 0; at < TRACE.length; at += 12) {
    const some = TRACE.slice(at, at + 12);
    await storeReports(db, some);
    await tick((some.at(-1)?.to ?? 0) + 2_000);
  }
  expect(await tick(END), JSON.stringify(log)).toMatchObject({ end: "done" });
  return foldedIn(db);
}

/** In any order, some twice, in batches of any size, with ticks at any moment of a clock that goes on. */
async function shuffled(seed: number) {
  const random = randomNumbers(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const reports: StoredReport[] = TRACE.flatMap((report) => (below(6) === 0 ? [report, report] : [report]));
  for (let at = reports.length - 1; at > 0; at -= 1) {
    const other = below(at + 1);
    [reports[at], reports[other]] = [reports[other]!, reports[at]!];
  }
  const db = await anEmptyStore();
  const { tick } = upkeepOf(db);
  let now = BEGIN + 20 * 60_000;
  while (reports.length > 0) {
    await storeReports(db, reports.splice(0, 1 + below(30)));
    now += below(20 * 60_000);
    if (below(3) > 0) await tick(Math.min(now, END));
  }
  expect(await tick(END)).toMatchObject({ end: "done" });
  return foldedIn(db);
}

test("reports that come late, twice and in any order are folded as those that come in order", async () => {
  const orderly = await inOrder();
  expect(orderly["buckets"]).toHaveLength(48);
  expect(orderly["samples"]?.length).toBeGreaterThan(160);
  expect(orderly["owners"]).toHaveLength(NODES.length * 3);
  expect(orderly["settings"]).toHaveLength(NODES.length * 2);
  expect(orderly["dirty"]).toEqual([]);
  for (const seed of ON_WORKERS ? [1] : [1, 2, 3, 4, 5])
    expect(await shuffled(seed), `seed ${seed}`).toEqual(orderly);
}, 120_000);
