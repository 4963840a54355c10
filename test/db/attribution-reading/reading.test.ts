import { freshDb } from "#fresh-db";
import { sql } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import type { Question } from "../../../db/attribution/answer.ts";
import type { Db } from "../../../db/client.ts";
import { attribute, attributeMany, type Place } from "../../../db/queries/attribution.ts";
import { MAX_NODES_ASKED } from "../../../db/queries/attribution/places.ts";
import { storeReports, type StoredReport } from "../../../db/queries/reports.ts";
import { DEFAULT_RETENTION } from "../../../db/tiers.ts";
import { counted } from "../../support/counted.ts";
import { upkeepOf } from "../../support/folded.ts";
import { aLeased, type LeaseRow, NAT, PEER, second } from "../../support/leased.ts";
import { ownersOf } from "../../support/owner-words.ts";
import { ON_WORKERS } from "../../support/on-workers.ts";
import { aCluster, START } from "../../support/stored-report.ts";

const WEB = "10.244.0.11";
const pods = (name: string, since = START - 3_600_000, until: number | null = null) => ({
  address: WEB,
  name,
  uid: name,
  since,
  until,
});
const listed = (...rows: ReturnType<typeof pods>[]) => ownersOf(rows, true);

async function aDb(reports: readonly StoredReport[]): Promise<Db> {
  const db = await freshDb();
  await aCluster(db);
  await storeReports(db, reports);
  return db;
}

const PLACE: Place = {
  clusters: [{ id: 1, name: "prod" }],
  now: second(600),
  retention: DEFAULT_RETENTION,
};
const about = (natPort: number, at: number, some: Partial<Question> = {}): Question => ({
  address: NAT,
  port: natPort,
  protocol: 6,
  peer: PEER,
  peerPort: 5432,
  at: second(at),
  toleranceMs: 5_000,
  ...some,
});

/** A keyframe, and the windows after it: one with the lease, two with nothing. */
const story = (lease: LeaseRow, some: Parameters<typeof aLeased>[0] = {}): StoredReport[] => [
  aLeased({ keyframe: [], owners: listed(pods("web-1")), ...some }),
  aLeased({ ...some, sequence: 1, leases: [lease] }),
  aLeased({ ...some, sequence: 2 }),
  aLeased({ ...some, sequence: 3 }),
];
const opened: LeaseRow = { source: WEB, natPort: 40_000, opened: 40 };

const said = async (db: Db, question: Question, place: Partial<Place> = {}) => {
  const { certainty, candidates, reasons } = await attribute(db, { ...PLACE, ...place }, question);
  return [certainty, ...candidates.map(({ owner }) => owner?.name ?? null), ...reasons];
};

describe("an answer", () => {
  test("is there at once, before a tick took over who holds what, and the same after it", async () => {
    const db = await aDb(story(opened));
    expect(await said(db, about(40_000, 75))).toEqual(["certain", "web-1"]);
    const before = await attribute(db, PLACE, about(40_000, 75));
    await upkeepOf(db).tick(second(125));
    expect(await attribute(db, PLACE, about(40_000, 75))).toEqual(before);
  });

  test("knows who came since the last tick, and that whoever was there before is gone", async () => {
    const db = await aDb(story(opened));
    await upkeepOf(db).tick(second(125));
    await storeReports(db, [
      aLeased({
        sequence: 4,
        owners: listed(pods("web-1", START - 3_600_000, second(121)), pods("web-2", second(125))),
        leases: [{ source: WEB, natPort: 40_001, opened: 140 }],
      }),
      aLeased({ sequence: 5 }),
    ]);
    expect(await said(db, about(40_001, 150))).toEqual(["certain", "web-2"]);
    expect(await said(db, about(40_000, 75))).toEqual(["certain", "web-1"]);
  });

  test("takes only what is of the range, from keyframe to the moment, of the node that had the address", async () => {
    const db = await aDb([
      ...story(opened),
      ...story(
        { ...opened, source: "10.244.1.1" },
        { node: { name: "node-2", addresses: ["192.168.0.24"] } },
      ),
    ]);
    const { evidence } = await attribute(db, PLACE, about(40_000, 75));
    expect(evidence).toHaveLength(2);
    const [one] = (await attribute(db, PLACE, about(40_000, 75, { address: "192.168.0.24" }))).evidence;
    expect(one).toMatchObject({ cluster: "prod", node: "node-2", keyframeAt: START + 30_000, windows: 3 });
  });

  test("tells apart who has the same port towards others, and by another protocol", async () => {
    const [first, ...rest] = story(opened);
    const same = ["203.0.113.21", PEER].flatMap((peer, n) => [
      { ...opened, source: `10.244.8.${n}`, peer, peerPort: 6_432 },
      { ...opened, source: `10.244.9.${n}`, peer, protocol: 17 },
    ]);
    const db = await aDb([first!, aLeased({ sequence: 1, leases: [opened, ...same] }), ...rest.slice(1)]);
    const sources = async (some: Partial<Question>) => {
      const { candidates } = await attribute(db, PLACE, about(40_000, 75, some));
      return candidates.map(({ source }) => source).toSorted();
    };
    expect(await sources({})).toEqual([WEB]);
    expect(await sources({ peerPort: 6_432 })).toEqual(["10.244.8.1"]);
    expect(await sources({ peer: "203.0.113.21", protocol: 17 })).toEqual(["10.244.9.0"]);
    expect(await sources({ peerPort: undefined })).toEqual([WEB, "10.244.8.1"].toSorted());
    expect(await sources({ peer: undefined, peerPort: undefined })).toEqual([
      WEB,
      "10.244.8.0",
      "10.244.8.1",
    ]);
  });

  test("is blind of an address that nobody had, of a time to come, and of one long gone", async () => {
    const db = await aDb(story(opened));
    expect(await said(db, about(40_000, 75, { address: "192.0.2.1" }))).toEqual(["blind", "address-unknown"]);
    expect(await said(db, about(40_000, 75), { node: "nobody" })).toEqual(["blind", "address-unknown"]);
    const { certainty, evidence } = await attribute(db, PLACE, about(40_000, 700));
    expect([certainty === "certain", evidence[0]?.reasons]).toEqual([false, ["in-the-future"]]);
    await upkeepOf(db).tick(second(400_000));
    const late = { now: second(400_000) };
    expect(await said(db, about(40_000, 75), late)).toEqual(["blind", "beyond-retention"]);
  });

  test("passes over details that are damaged, and is not certain then", async () => {
    const db = await aDb(story(opened));
    await db.run(sql`update segments set details = x'00ff' where sequence = 2`);
    const [certainty, owner] = await said(db, about(40_000, 75));
    expect([certainty, owner]).toEqual(["probable", "web-1"]);
  });

  test("of reports that no tick has seen and that are too many to look at is not certain", async () => {
    const db = await aDb(story(opened));
    // As if so many had come.
    await db.run(sql`update segments set id = id + 20000`);
    expect((await said(db, about(40_000, 75)))[0]).not.toBe("certain");
  });

  test("names the node itself, where nobody says who holds its address", async () => {
    const db = await aDb(story(opened, { owners: undefined }));
    const { certainty, candidates } = await attribute(db, PLACE, about(50_000, 75));
    expect([certainty, candidates.map(({ via, node, owner }) => [via, node, owner?.kind])]).toEqual([
      "probable",
      [["host", "node-1", "host"]],
    ]);
  });
});

describe("of several nodes with the address", () => {
  const nodes = (many: number) =>
    Array.from({ length: many }, (_, n) => `node-${n + 1}`).flatMap((name, n) =>
      story({ ...opened, source: `198.51.100.${n}`, natPort: 40_000 + n }, { node: { name } }),
    );

  test("the one that is named is asked alone", async () => {
    const db = await aDb(nodes(2));
    const { evidence, candidates } = await attribute(db, { ...PLACE, node: "node-2" }, about(40_001, 75));
    expect(evidence.map(({ node }) => node)).toEqual(["node-2"]);
    expect(candidates.map(({ source }) => source)).toEqual(["198.51.100.1"]);
  });

  test.for([
    [MAX_NODES_ASKED, "certain"],
    [MAX_NODES_ASKED + 1, "probable"],
  ] as const)("of %i, where no more are asked than there may be, one is %s", async ([many, certainty]) => {
    const db = await aDb(nodes(many));
    await upkeepOf(db).tick(second(125));
    const answer = await attribute(db, PLACE, about(40_000, 75));
    expect(answer.evidence).toHaveLength(MAX_NODES_ASKED);
    expect(answer.certainty).toBe(certainty);
    expect(answer.reasons.includes("too-many-nodes")).toBe(many > MAX_NODES_ASKED);
  });

  test("those that translate to it go before those that only have it", async () => {
    const bridges = Array.from({ length: MAX_NODES_ASKED }, (_, n) => ({
      ...aLeased({ node: { name: `bridge-${n}` }, keyframe: [] }),
      natAddresses: [],
    }));
    const db = await aDb([...bridges, ...story(opened, { node: { name: "zz" } })]);
    const { evidence } = await attribute(db, PLACE, about(40_000, 75));
    expect(evidence[0]?.node).toBe("zz");
  });

  test("clusters are asked only where they are to be", async () => {
    const db = await aDb(story(opened));
    await aCluster(db, "other");
    await storeReports(db, story({ ...opened, source: "10.9.9.9" }, { clusterId: 2 }));
    const both = [...PLACE.clusters, { id: 2, name: "other" }];
    expect((await said(db, about(40_000, 75)))[0]).toBe("certain");
    const { certainty, candidates } = await attribute(db, { ...PLACE, clusters: both }, about(40_000, 75));
    expect([certainty, candidates.map(({ cluster }) => cluster).toSorted()]).toEqual([
      "ambiguous",
      ["other", "prod"],
    ]);
  });
});

describe("many at once", () => {
  test("are answered in their order, each as if it were asked alone", async () => {
    const names = ["node-1", "node-2", "node-3"];
    const db = await aDb(
      names.flatMap((name, n) =>
        story(
          { ...opened, source: `10.244.${n}.1`, natPort: 40_000 + n },
          { node: { name, addresses: [`192.168.1.${n}`] } },
        ),
      ),
    );
    await upkeepOf(db).tick(second(125));
    const questions = Array.from({ length: ON_WORKERS ? 8 : 60 }, (_, n) =>
      about(
        40_000 + (n % 4),
        5 + ((n * 37) % 110),
        n % 7 === 0 ? { peer: undefined, peerPort: undefined } : {},
      ),
    );
    const answers = await attributeMany(db, PLACE, questions);
    const alone = [];
    for (const question of questions) alone.push(await attribute(db, PLACE, question));
    expect(answers).toEqual(alone);
    expect(new Set(answers.map(({ certainty }) => certainty)).size).toBeGreaterThan(1);
  });

  test("none are no work", async () => {
    const db = await aDb([]);
    expect(await attributeMany(db, PLACE, [])).toEqual([]);
  });

  test("read what they share once: a thousand take hardly more statements than one", async () => {
    const db = await aDb(story(opened));
    const [one, many] = [{ count: 0 }, { count: 0 }];
    await attributeMany(counted(db, one), PLACE, [about(40_000, 75)]);
    await attributeMany(
      counted(db, many),
      PLACE,
      Array.from({ length: 1_000 }, (_, n) => about(40_000 + (n % 50), 75)),
    );
    expect(many.count).toBeLessThanOrEqual(3 * one.count);
  });
});
