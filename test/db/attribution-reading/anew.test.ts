import { freshDb } from "#fresh-db";
import { expect, test } from "vitest";
import type { Db } from "../../../db/client.ts";
import { attribute, leasesHeld, type Place } from "../../../db/queries/attribution.ts";
import { storeReports, type StoredReport } from "../../../db/queries/reports.ts";
import { DEFAULT_RETENTION } from "../../../db/tiers.ts";
import { upkeepOf } from "../../support/folded.ts";
import { aLeased, NAT, PEER, second } from "../../support/leased.ts";
import { ownersOf } from "../../support/owner-words.ts";
import { aCluster } from "../../support/stored-report.ts";

const WEB = "10.244.0.11";
const PLACE: Place = {
  clusters: [{ id: 1, name: "prod" }],
  now: second(9_000),
  retention: DEFAULT_RETENTION,
};

async function aDb(reports: readonly StoredReport[]): Promise<Db> {
  const db = await freshDb();
  await aCluster(db);
  await storeReports(db, reports);
  await upkeepOf(db).tick(PLACE.now);
  return db;
}

const holds = (name: string, since = 0, until: number | null = null) => ({
  address: WEB,
  name,
  uid: "",
  since: since && second(since),
  until: until && second(until),
});
const by = (...rows: ReturnType<typeof holds>[]) => ownersOf(rows, true, "file");
const quiet = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => aLeased({ sequence: from + i }));

async function said(db: Db, at: number) {
  const question = {
    address: NAT,
    port: 40_000,
    protocol: 6,
    peer: PEER,
    peerPort: 5432,
    toleranceMs: 1_000,
  };
  const { certainty, candidates } = await attribute(db, PLACE, { ...question, at: second(at) });
  return [certainty, ...candidates.map(({ owner, reasons }) => [owner?.name ?? "", ...reasons].join(" "))];
}

const lease = { source: WEB, natPort: 40_000, opened: 70 };
const stands = [{ source: WEB, natPort: 40_000, opened: null }];

test("a lease is still that of who had its source before the agent was away, however late it is asked for", async () => {
  const db = await aDb([
    aLeased({ keyframe: [], owners: by(holds("web-1", -3_600)) }),
    ...quiet(1, 2),
    aLeased({ sequence: 2, leases: [lease] }),
    // web-2 has the address from 300 on, and from 120 to 330 the agent is away.
    aLeased({ sequence: 3 }),
    aLeased({ sequence: 11, keyframe: stands, owners: by(holds("web-1", -3_600, 300), holds("web-2", 300)) }),
    ...quiet(12, 31),
    aLeased({ sequence: 31, keyframe: stands }),
    ...quiet(32, 42),
  ]);
  expect((await said(db, 75)).slice(0, 2)).toEqual(["certain", "web-1"]);
  expect(await said(db, 1_200)).toEqual(["ambiguous", "web-1 owner-changed", "web-2 owner-changed"]);
});

test("whom a file names since nobody knows when is not sure before the list that has him, nor was there before one without", async () => {
  const db = await aDb([
    aLeased({ keyframe: [] }),
    aLeased({ sequence: 1, leases: [{ ...lease, opened: 40 }] }),
    aLeased({ sequence: 2, owners: by() }),
    aLeased({ sequence: 3, leases: [{ ...lease, natPort: 40_001, opened: 100 }] }),
    aLeased({ sequence: 4, owners: by(holds("web-1")) }),
    aLeased({ sequence: 5, leases: [{ ...lease, natPort: 40_002, opened: 160 }] }),
    ...quiet(6, 9),
  ]);
  const { leases } = await leasesHeld(db, PLACE, {
    source: WEB,
    from: second(0),
    to: second(300),
    limit: 10,
  });
  expect(leases.map(({ owner, reasons }) => [owner?.name, ...reasons].join(" "))).toEqual([
    "web-1",
    "web-1 owner-not-confirmed",
    "web-1 owner-gap",
  ]);
});

test("before another took his place while the agent was away, it was who was named", async () => {
  const db = await aDb([
    aLeased({ keyframe: [], owners: by(holds("web-1")) }),
    aLeased({ sequence: 1 }),
    aLeased({ sequence: 2, leases: [lease] }),
    ...quiet(3, 6),
    aLeased({ sequence: 12, keyframe: [], owners: by(holds("web-2")) }),
    ...quiet(13, 20),
  ]);
  const [certainty, ...candidates] = await said(db, 75);
  expect(candidates.map((text) => text.split(" ")[0])).toEqual(["web-1"]);
  expect(certainty).not.toBe("ambiguous");
});

test("that nobody else came while the agent was away is sure once a list says so", async () => {
  const since = (...owners: Pick<Parameters<typeof aLeased>[0] & object, "owners">[]) => [
    aLeased({ keyframe: [], owners: by(holds("web-1", -3_600)) }),
    ...quiet(1, 2),
    aLeased({ sequence: 2, leases: [lease] }),
    aLeased({ sequence: 3 }),
    aLeased({ sequence: 11, keyframe: stands }),
    ...quiet(12, 31),
    aLeased({ sequence: 31, keyframe: stands }),
    ...quiet(32, 42),
    ...owners.map((owner) => aLeased({ sequence: 42, ...owner })),
  ];
  expect(await said(await aDb(since()), 1_200)).toEqual(["probable", "web-1 owner-not-confirmed"]);
  const listed = await aDb(since({ owners: by(holds("web-1", -3_600)) }));
  expect(await said(listed, 1_200)).toEqual(["certain", "web-1"]);
});
