import { freshDb } from "#fresh-db";
import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { loadClusterView, VIEW_MS } from "../../../db/queries/cluster-view.ts";
import { retireNode } from "../../../db/queries/nodes.ts";
import { GONE_AFTER_MS } from "../../../db/queries/settings.ts";
import { storeReports } from "../../../db/queries/reports.ts";
import { foldSamples } from "../../support/folded-samples.ts";
import { applied, setTo } from "../../support/owner-words.ts";
import { aCluster, aStoredReport, START, WINDOW_MS } from "../../support/stored-report.ts";

const NOW = START + 3_600_000;
const DAY_MS = 86_400_000;
const of = (name: string, sequence: number, some: Parameters<typeof aStoredReport>[0] = {}) =>
  aStoredReport({
    sequence,
    node: { name, bootId: name },
    table: { count: sequence, max: 100 },
    ...some,
  });

test("each node has its latest window, those of some minutes before, and when its last report came", async () => {
  const db = await freshDb();
  const clusterId = await aCluster(db);
  const late = NOW - 5_000;
  const first = 20 - VIEW_MS / WINDOW_MS;
  await storeReports(db, [
    of("a", first - 1),
    of("a", first),
    of("a", 20),
    of("a", 19, { receivedAt: late }),
    of("b", 3),
    of("retired", 1),
    of("forgotten", 1),
  ]);
  await storeReports(db, [of("b", 4, { from: START - WINDOW_MS, to: START, receivedAt: NOW - 1 })]);
  await retireNode(db, clusterId, "retired", NOW);
  await db.run(sql`delete from samples where node_id = (select id from nodes where name = 'forgotten')`);
  const { at, watchedSince, nodes } = await loadClusterView(db, clusterId, { now: NOW, watchedSince: 7 });
  expect([at, watchedSince]).toEqual([NOW, 7]);
  expect(
    nodes.map(({ node, window, recent, ...rest }) => [
      node,
      window.count,
      recent.map(({ count }) => count),
      rest.lastSeenAt,
    ]),
  ).toEqual([
    ["a", 20, [first, 19], late],
    // Its clock was set back: the window that came last is not the latest.
    ["b", 3, [4], NOW - 1],
  ]);
  expect(nodes[0]).toMatchObject({ nodeId: 1, firstSeenAt: START + first * WINDOW_MS + 1_000 });
});

test("hours are those around this time of day, of each node its own, in whatever order they are asked for", async () => {
  const db = await freshDb();
  const clusterId = await aCluster(db);
  const before = NOW - DAY_MS;
  await storeReports(db, [
    of("a", 1, { from: before, to: before + 1_000 }),
    of("b", 2, { from: before, to: before + 1_000 }),
  ]);
  await foldSamples(db);
  const { nodes } = await loadClusterView(db, clusterId, { now: NOW, watchedSince: 0 });
  const counts = nodes.map(({ hours }) => hours.map(({ gauges }) => gauges.count?.max));
  expect(counts).toEqual([[1], [2]]);
  expect(nodes[0]?.hours[0]?.gauges.count?.max).toBe(1);
});

test("settings are the last of each node, since when, and those before", async () => {
  const db = await freshDb();
  const clusterId = await aCluster(db);
  const gone = { receivedAt: NOW - GONE_AFTER_MS };
  await storeReports(db, [
    of("a", 1),
    of("b", 1, { receivedAt: gone.receivedAt + 1 }),
    of("c", 1),
    of("gone", 1, gone),
  ]);
  await applied(db, [
    setTo(START, { max: "1" }),
    setTo(START + 30_000, { max: "2" }),
    setTo(START + 60_000, { max: "3" }, { cores: 8 }),
    setTo(START, { max: "1" }, { nodeId: 2 }),
    setTo(START, { max: "1" }, { nodeId: 4 }),
  ]);
  const { settings } = await loadClusterView(db, clusterId, { now: NOW, watchedSince: 0 });
  expect(settings).toEqual([
    { node: "a", nodeId: 1, since: START + 60_000, sysctls: { max: "3" }, cores: 8, before: { max: "2" } },
    { node: "b", nodeId: 2, since: START, sysctls: { max: "1" } },
  ]);
});

test("more nodes than are read at once", async () => {
  const db = await freshDb();
  const clusterId = await aCluster(db);
  const names = Array.from({ length: 205 }, (_, i) => `node-${i}`);
  await storeReports(
    db,
    names.map((name) => of(name, 1)),
  );
  const { nodes } = await loadClusterView(db, clusterId, { now: NOW, watchedSince: 0 });
  expect(nodes.map(({ node }) => node)).toEqual(names);
});
