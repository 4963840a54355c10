import { freshDb } from "#fresh-db";
import type { SQL } from "drizzle-orm";
import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import type { Need } from "../../../db/look.ts";
import { loadClusterView } from "../../../db/queries/cluster-view.ts";
import { loadLook, windowsToJudge } from "../../../db/queries/look.ts";
import { windowsIn } from "../../../db/queries/past-windows.ts";
import { storeReports } from "../../../db/queries/reports.ts";
import { aTold } from "../../support/folded.ts";
import { heard, scannedBy } from "../../support/scanned.ts";
import { aCluster, START } from "../../support/stored-report.ts";
import { tick } from "../../support/tick.ts";

const WHOLE: Need = {
  trend: true,
  hours: true,
  peers: true,
  flows: { medianFrom: 0 },
  ports: true,
  ages: true,
  invalid: true,
};

test("whatever is looked at is read by key", async () => {
  const db = await freshDb();
  await aCluster(db);
  const clusterId = await aCluster(db, "two");
  const told = [0, 1, 2].flatMap((at) =>
    ["a", "node-b"].map((name) => ({ ...aTold(name, at, START), clusterId })),
  );
  await storeReports(db, told);
  await tick(db, START + 3_600_000);
  const said: SQL[] = [];
  const on = heard(db, said);
  const page = await windowsToJudge(on, { after: 2, until: 1_000, limit: 400 });
  expect(page).toHaveLength(4);
  const window = page.at(-1)?.window;
  if (window) await loadLook(on, { clusterId, window, need: WHOLE });
  await loadClusterView(on, clusterId, { now: START + 60_000, watchedSince: 0 });
  for await (const some of windowsIn(on, clusterId, { from: START, to: START + 60_000, nodes: ["a"] }))
    expect(some.length).toBeGreaterThan(0);
  await db.run(sql`update upkeep set windows_from = ${START + 1_200_000}`);
  for await (const [slot] of windowsIn(on, clusterId, { from: START, to: START + 1_200_000 }))
    await slot?.look(WHOLE);
  expect(said.length).toBeGreaterThan(25);
  const scanned = await Promise.all(said.map((statement) => scannedBy(db, statement)));
  expect(scanned.flat()).toEqual([]);
});
