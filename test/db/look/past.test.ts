import { freshDb } from "#fresh-db";
import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import type { Db } from "../../../db/client.ts";
import { windowsIn } from "../../../db/queries/past-windows.ts";
import type { PastQuery, PastWindow } from "../../../db/queries/past-windows.ts";
import { storeReports } from "../../../db/queries/reports.ts";
import { ownersOf } from "../../support/owner-words.ts";
import { aCluster, aDump, aReportOf, aStoredReport, WINDOW_MS } from "../../support/stored-report.ts";
import { encodeDetails } from "../../../db/details.ts";
import { tick } from "../../support/tick.ts";

const TEN_MINUTES_MS = 600_000;
/** 2025-11-21T05:00:00Z: here a slot of ten minutes and an hour begin. */
const BEGIN = 1_763_701_200_000;

const past = async (db: Db, query: PastQuery) => {
  const found: PastWindow[] = [];
  for await (const page of windowsIn(db, 1, query)) found.push(...page);
  return found;
};

const at = (node: string, sequence: number) => {
  const from = BEGIN + sequence * WINDOW_MS;
  return aReportOf(
    [{ source: "10.0.0.1", entries: 1 + sequence, opened: 2, nat: "snat", natAddress: "192.168.0.23" }],
    {
      node: { name: node },
      sequence,
      from,
      table: { count: 10 + sequence, max: 100 },
      dump: aDump({
        takenAt: from,
        entries: 1 + sequence,
        byNat: { none: 0, snat: 1 + sequence, dnat: 0, both: 0 },
      }),
      flows: { opened: 2, closed: 1 },
      receivedAt: from + WINDOW_MS + 1_000,
      ...(sequence === 0 && {
        details: encodeDetails({
          addresses: [],
          owners: ownersOf([{ address: "10.0.0.1", name: `web-${node}`, since: BEGIN }], true),
        }),
      }),
    },
  );
};

test("windows of the nodes asked for come by their begins, each once", async () => {
  const db = await freshDb();
  await aCluster(db);
  await storeReports(
    db,
    ["a", "b", "c"].flatMap((node) => [0, 1, 2, 3].map((sequence) => at(node, sequence))),
  );
  const range = { from: BEGIN + WINDOW_MS, to: BEGIN + 3 * WINDOW_MS };
  const names = (found: readonly PastWindow[]) =>
    found.map(({ window: { node, from }, slot, late, previousTo }) => {
      expect([slot, late, previousTo]).toEqual([false, false, from]);
      return [node, (from - BEGIN) / WINDOW_MS];
    });
  expect(names(await past(db, { ...range, nodes: ["c", "a", "nobody"] }))).toEqual([
    ["a", 1],
    ["c", 1],
    ["a", 2],
    ["c", 2],
  ]);
  expect(await past(db, range)).toHaveLength(6);
  expect(await past(db, { from: range.to, to: range.from })).toEqual([]);
});

test("a day of a node comes in pages, in order", async () => {
  const db = await freshDb();
  await aCluster(db);
  // So far apart that no page has more than one of them.
  const begins = [0, 17 * 3_600_000, 40 * 3_600_000];
  await storeReports(
    db,
    begins.map((begin, sequence) => aStoredReport({ sequence, from: BEGIN + begin })),
  );
  const pages: number[][] = [];
  for await (const page of windowsIn(db, 1, { from: BEGIN, to: BEGIN + 41 * 3_600_000 }))
    pages.push(page.map(({ window }) => window.from - BEGIN));
  expect(pages).toEqual(begins.map((begin) => [begin]));
});

test("where windows are no longer kept, slots of ten minutes stand in their place", async () => {
  const db = await freshDb();
  await aCluster(db);
  const count = (2 * TEN_MINUTES_MS) / WINDOW_MS + 1;
  await storeReports(
    db,
    Array.from({ length: count }, (_, sequence) => [
      at("a", sequence),
      ...([5, 39].includes(sequence) ? [at("b", sequence)] : []),
    ]).flat(),
  );
  await tick(db, BEGIN + 4 * TEN_MINUTES_MS);
  // Within the second slot, of which the windows are then kept in part.
  await db.run(sql`update upkeep set windows_from = ${BEGIN + TEN_MINUTES_MS + 1}`);
  const found = await past(db, { from: BEGIN, to: BEGIN + 3 * TEN_MINUTES_MS });
  expect(found.filter(({ slot }) => !slot)).toHaveLength(1);
  const slots = found.filter(({ slot }) => slot);
  expect(slots.map(({ window: { node } }) => node)).toEqual(["a", "b", "a", "b"]);
  const [first, , second] = slots;
  expect(first?.previousTo).toBeUndefined();
  expect(second).toMatchObject({
    late: false,
    previousTo: BEGIN + TEN_MINUTES_MS,
    window: {
      node: "a",
      from: BEGIN + TEN_MINUTES_MS,
      to: BEGIN + 2 * TEN_MINUTES_MS,
      receivedAt: BEGIN + 2 * TEN_MINUTES_MS,
      takenAt: BEGIN + 2 * TEN_MINUTES_MS,
      count: 49,
      max: 100,
      entries: 40,
      snat: 40,
      opened: 40,
      closed: 20,
    },
  });
  const look = await second?.look({
    trend: true,
    hours: true,
    peers: true,
    flows: {},
    ports: true,
    ages: true,
  });
  expect(look?.recent.map(({ from, count: most }) => [from, most])).toEqual([[BEGIN, 29]]);
  expect(look?.trend?.map(({ start, gauges }) => [start, gauges.count])).toEqual([
    [BEGIN, { min: 10, max: 29, last: 29, mean: 19.5 }],
    [BEGIN + TEN_MINUTES_MS, { min: 30, max: 49, last: 49, mean: 39.5 }],
  ]);
  expect(look?.peers?.map(({ node, count: most }) => [node, most])).toEqual([["b", 49]]);
  expect(look?.flows).toMatchObject({
    takenAt: BEGIN + 2 * TEN_MINUTES_MS,
    entries: 40,
    opened: 40,
    parties: [{ party: { kind: "pod", name: "web-a", address: "10.0.0.1" }, entries: 40, snatEntries: 40 }],
    flows: [
      { peer: "8.8.8.8", peerPort: 443, nat: "snat", natAddress: "192.168.0.23", entries: 40, opened: 40 },
    ],
  });
  expect([look?.ports, look?.ages]).toEqual([undefined, undefined]);
});
