import { freshDb } from "#fresh-db";
import { describe, expect, test } from "vitest";
import type { Db } from "../../../db/client.ts";
import { type LeaseQuestion, leasesHeld, type Place } from "../../../db/queries/attribution.ts";
import { MAX_NODES_ASKED } from "../../../db/queries/attribution/places.ts";
import { storeReports, type StoredReport } from "../../../db/queries/reports.ts";
import { DEFAULT_RETENTION } from "../../../db/tiers.ts";
import { upkeepOf } from "../../support/folded.ts";
import { aLeased, NAT, PEER, second, WINDOW_S } from "../../support/leased.ts";
import { ownersOf } from "../../support/owner-words.ts";
import { aCluster, START } from "../../support/stored-report.ts";

const WEB = "10.244.0.11";
const PLACE: Place = { clusters: [{ id: 1, name: "prod" }], now: second(900), retention: DEFAULT_RETENTION };

const asked = (some: Partial<LeaseQuestion>): LeaseQuestion => ({
  from: START,
  to: second(900),
  limit: 100,
  ...some,
});
const owners = (
  name: string,
  { since = START - 3_600_000, until = null as number | null, address = WEB } = {},
) => ({
  address,
  name,
  uid: name,
  since,
  until,
});

async function aDb(reports: readonly StoredReport[], { ticked = true } = {}): Promise<Db> {
  const db = await freshDb();
  await aCluster(db);
  for (let at = 0; at < reports.length; at += 200) await storeReports(db, reports.slice(at, at + 200));
  if (ticked) await upkeepOf(db).tick(second(900));
  return db;
}

/** web-1 has the address for 60 seconds, then web-2. */
const handedOver = () => [
  aLeased({
    owners: ownersOf([owners("web-1")], true),
    keyframe: [{ source: WEB, natPort: 1_000, opened: -50 }],
    leases: [{ source: WEB, natPort: 1_001, opened: 10 }],
  }),
  aLeased({
    sequence: 1,
    owners: ownersOf([owners("web-1", { until: second(60) })]),
    leases: [
      { source: WEB, natPort: 1_001, opened: 10, closed: 45 },
      { source: WEB, natPort: 1_002, opened: 41, peer: "203.0.113.99" },
    ],
  }),
  aLeased({
    sequence: 2,
    owners: ownersOf([owners("web-2", { since: second(62) })]),
    leases: [{ source: WEB, natPort: 1_003, opened: 80, protocol: 17, peerPort: 53 }],
  }),
  aLeased({ sequence: 3 }),
];

const ports = async (db: Db, some: Partial<LeaseQuestion>, place: Partial<Place> = {}) => {
  const { leases } = await leasesHeld(db, { ...PLACE, ...place }, asked(some));
  return leases.map(({ natPort, owner }) => `${natPort} ${owner?.name ?? null}`);
};

describe("the leases", () => {
  test("of a Pod are those that began while it had its address, the latest first", async () => {
    const db = await aDb(handedOver());
    expect(await ports(db, { pod: "web-1" })).toEqual(["1002 web-1", "1001 web-1", "1000 web-1"]);
    expect(await ports(db, { pod: "web-2", namespace: "shop" })).toEqual(["1003 web-2"]);
    expect(await ports(db, { pod: "web-2", namespace: "other" })).toEqual([]);
    expect(await ports(db, { source: WEB })).toEqual([
      "1003 web-2",
      "1002 web-1",
      "1001 web-1",
      "1000 web-1",
    ]);
  });

  test("are narrowed by peer, port, protocol, time and number; how many more there are is told", async () => {
    const db = await aDb(handedOver());
    expect(await ports(db, { source: WEB, peer: "203.0.113.99" })).toEqual(["1002 web-1"]);
    expect(await ports(db, { source: WEB, peer: PEER, peerPort: 53 })).toEqual(["1003 web-2"]);
    expect(await ports(db, { source: WEB, protocol: 17 })).toEqual(["1003 web-2"]);
    expect(await ports(db, { source: WEB, from: second(60), to: second(70) })).toEqual([
      "1002 web-1",
      "1000 web-1",
    ]);
    const { leases, more } = await leasesHeld(db, PLACE, asked({ source: WEB, limit: 3 }));
    expect([leases.length, more]).toEqual([3, 1]);
  });

  test("say what was seen and by what evidence", async () => {
    const db = await aDb(handedOver());
    const { leases, evidence, reasons } = await leasesHeld(db, PLACE, asked({ source: WEB, protocol: 6 }));
    expect(leases[1]).toMatchObject({
      cluster: "prod",
      node: "node-1",
      natAddress: NAT,
      natPort: 1_001,
      peer: PEER,
      peerPort: 5432,
      source: WEB,
      opened: second(10),
      closed: second(45),
      owner: { kind: "pod", namespace: "shop", name: "web-1" },
      reasons: [],
    });
    expect(evidence).toMatchObject([
      {
        node: "node-1",
        keyframeAt: second(30),
        windows: 4,
        from: START,
        to: second(120),
        complete: true,
        reasons: [],
      },
    ]);
    expect(reasons).toEqual([]);
  });

  test("of a time with lost windows are told, and that it is not whole", async () => {
    const db = await aDb(handedOver().filter(({ sequence }) => sequence !== 1));
    const { leases, evidence } = await leasesHeld(db, PLACE, asked({ source: WEB }));
    expect(leases.length).toBeGreaterThan(1);
    expect(evidence[0]?.complete).toBe(false);
  });

  test("that began before the range are known by the keyframe before it", async () => {
    const quiet = Array.from({ length: 18 }, (_, n) => aLeased({ sequence: 4 + n }));
    const db = await aDb([...handedOver(), ...quiet]);
    expect(await ports(db, { source: WEB, from: second(600), to: second(620) })).toContain("1000 web-1");
  });

  test("of more than an hour are all read", async () => {
    const many = Array.from({ length: 300 }, (_, n) =>
      aLeased({
        sequence: n,
        leases: n % 50 === 0 ? [{ source: WEB, natPort: 2_000 + n, opened: n * WINDOW_S }] : [],
      }),
    );
    const db = await aDb(many, { ticked: false });
    const now = second(300 * WINDOW_S);
    const { leases, evidence } = await leasesHeld(db, { ...PLACE, now }, asked({ source: WEB, to: now }));
    expect([leases.length, evidence[0]?.windows, evidence[0]?.complete]).toEqual([6, 300, false]);
  });
});

test("a source is looked for where it was held, and on no other node that translates", async () => {
  const db = await aDb([
    ...handedOver(),
    aLeased({ node: { name: "node-2" }, leases: [{ source: "10.1.1.1", natPort: 9 }] }),
  ]);
  const { evidence } = await leasesHeld(db, PLACE, asked({ source: WEB }));
  expect(evidence.map(({ node }) => node)).toEqual(["node-1"]);
});

describe("a source that nobody holds", () => {
  const client = (name: string) =>
    aLeased({
      node: { name },
      leases: [{ source: "198.51.100.7", natPort: 5_000, opened: 3, peer: "10.244.3.4" }],
    });

  test("is found on the nodes that translate", async () => {
    const db = await aDb([
      client("node-1"),
      client("node-2"),
      { ...aLeased({ node: { name: "idle" } }), natAddresses: [] },
    ]);
    const { leases, evidence } = await leasesHeld(db, PLACE, asked({ source: "198.51.100.7" }));
    expect(leases.map(({ node, owner }) => [node, owner])).toEqual([
      ["node-1", null],
      ["node-2", null],
    ]);
    expect(evidence.map(({ node }) => node)).toEqual(["node-1", "node-2"]);
    const { leases: one } = await leasesHeld(
      db,
      { ...PLACE, node: "node-2" },
      asked({ source: "198.51.100.7" }),
    );
    expect(one.map(({ node }) => node)).toEqual(["node-2"]);
  });

  test.for([
    [MAX_NODES_ASKED, []],
    [MAX_NODES_ASKED + 1, ["too-many-nodes"]],
  ] as const)(
    "on %i nodes is looked for on so many as there may be, and it says %j",
    async ([many, said]) => {
      const db = await aDb(Array.from({ length: many }, (_, n) => client(`n${n}`)));
      const { evidence, reasons } = await leasesHeld(db, PLACE, asked({ source: "198.51.100.7" }));
      expect([evidence.length, reasons]).toEqual([MAX_NODES_ASKED, said]);
    },
  );
});
