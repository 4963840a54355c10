import { freshDb } from "#fresh-db";
import type { SQL } from "drizzle-orm";
import { expect, test } from "vitest";
import { attribute, leasesHeld, type Place } from "../../../db/queries/attribution.ts";
import { storeReports } from "../../../db/queries/reports.ts";
import { DEFAULT_RETENTION } from "../../../db/tiers.ts";
import { upkeepOf } from "../../support/folded.ts";
import { aLeased, NAT, PEER, second } from "../../support/leased.ts";
import { ownersOf } from "../../support/owner-words.ts";
import { heard, scannedBy } from "../../support/scanned.ts";
import { aCluster, START } from "../../support/stored-report.ts";

const WEB = "10.244.0.11";

test("what is stored is read by key, whatever is asked", async () => {
  const db = await freshDb();
  const clusters = [];
  for (const name of ["prod", "two"]) clusters.push({ id: await aCluster(db, name), name });
  const pod = { address: WEB, name: "web-1", uid: "web-1", since: START - 3_600_000, until: null };
  await storeReports(db, [
    aLeased({ keyframe: [], owners: ownersOf([pod], true) }),
    aLeased({ sequence: 1, leases: [{ source: WEB, natPort: 40_000, opened: 40 }] }),
    aLeased({ sequence: 2 }),
    aLeased({ sequence: 3 }),
  ]);
  await upkeepOf(db).tick(second(70));
  await storeReports(db, [aLeased({ sequence: 4, owners: ownersOf([], false) })]);
  const said: SQL[] = [];
  const place: Place = { clusters, now: second(300), retention: DEFAULT_RETENTION };
  const question = {
    port: 40_000,
    protocol: 6,
    peer: PEER,
    peerPort: 5432,
    at: second(75),
    toleranceMs: 5_000,
  };
  await attribute(heard(db, said), place, { ...question, address: NAT });
  await attribute(heard(db, said), place, { ...question, address: WEB });
  await attribute(heard(db, said), { ...place, node: "node-1" }, { ...question, address: NAT });
  const range = { from: second(0), to: second(120), limit: 10 };
  await leasesHeld(heard(db, said), place, { ...range, pod: "web-1", namespace: "shop" });
  await leasesHeld(heard(db, said), place, { ...range, source: "192.0.2.1" });
  expect(said.length).toBeGreaterThan(10);
  const scanned = await Promise.all(said.map((statement) => scannedBy(db, statement)));
  expect(scanned.flat()).toEqual([]);
});
