import { freshDb } from "#fresh-db";
import { describe, expect, test } from "vitest";
import type { Question } from "../../../db/attribution/answer.ts";
import type { Db } from "../../../db/client.ts";
import { attribute, type Place } from "../../../db/queries/attribution.ts";
import { lagOf } from "../../../db/queries/attribution/claims.ts";
import { storeReports, type StoredReport } from "../../../db/queries/reports.ts";
import { DEFAULT_RETENTION } from "../../../db/tiers.ts";
import { upkeepOf } from "../../support/folded.ts";
import { aLeased, type LeaseRow, NAT, PEER, second } from "../../support/leased.ts";
import { ON_WORKERS } from "../../support/on-workers.ts";
import { ownersOf } from "../../support/owner-words.ts";
import { aCluster } from "../../support/stored-report.ts";

const WEB = "10.244.0.11";
const OUTSIDE = "198.51.100.7";
const lease = (opened: number, source = WEB): LeaseRow => ({ source, natPort: 40_000, opened });
const pod = (name: string, since = -3_600, until: number | null = null, address = WEB) => ({
  address,
  name,
  uid: name,
  since: second(since),
  until: until === null ? null : second(until),
});
const FIRST = aLeased({ keyframe: [], owners: ownersOf([pod("web-1")], true) });
const NODE_2 = { name: "node-2", addresses: ["192.168.0.24"] };
/** What changed just before second 50, as the report of a later window says. */
const changed = (until: number, since: number) =>
  ownersOf([pod("web-1", -3_600, until), pod("web-2", since)], false);

const some = (sequences: readonly number[], with_: Parameters<typeof aLeased>[0] = {}) =>
  sequences.map((sequence) => aLeased({ ...with_, sequence }));

const PLACE: Place = {
  clusters: [{ id: 1, name: "prod" }],
  now: second(3_000),
  retention: DEFAULT_RETENTION,
};

async function aDb(reports: readonly StoredReport[]): Promise<Db> {
  const db = await freshDb();
  await aCluster(db);
  await storeReports(db, reports);
  return db;
}

async function said(db: Db, at: number, about: Partial<Question> = {}, now = PLACE.now) {
  const question = { address: NAT, port: 40_000, protocol: 6, peer: PEER, peerPort: 5432, ...about };
  const { certainty, candidates, reasons } = await attribute(
    db,
    { ...PLACE, now },
    {
      ...question,
      at: second(at),
      toleranceMs: 1_000,
    },
  );
  return [certainty, ...candidates.map(({ owner }) => owner?.name ?? null), ...reasons];
}

/** The same before a tick and after it; the latter takes long inside workerd. */
async function saidTwice(db: Db, at: number, about: Partial<Question> = {}) {
  const before = await said(db, at, about);
  if (ON_WORKERS) return before;
  await upkeepOf(db).tick(PLACE.now);
  expect(await said(db, at, about)).toEqual(before);
  return before;
}

const OWN = { address: WEB, port: 8_080, peer: undefined, peerPort: undefined };
const UNSURE = ["probable", "web-1", "owner-not-confirmed"];

describe("an owner is certain", () => {
  test("once windows without a gap go on for as long as a change is told late, and not a window before", async () => {
    const db = await aDb([FIRST, aLeased({ sequence: 1, leases: [lease(50)] })]);
    expect(await saidTwice(db, 52)).toEqual(UNSURE);
    await storeReports(db, some([2]));
    expect(await saidTwice(db, 52)).toEqual(["certain", "web-1"]);
  });

  test.for(["kubernetes", "docker", "file"])("by %s to the instant", async (source) => {
    const owners = ownersOf([pod("web-1")], true, source);
    const db = await aDb([aLeased({ keyframe: [], owners }), ...some([1])]);
    await upkeepOf(db).tick(PLACE.now);
    const last = 60 - lagOf(source) / 1_000 - 1;
    expect(await said(db, last, OWN)).toEqual(["certain", "web-1"]);
    expect(await said(db, last + 0.001, OWN)).toEqual(UNSURE);
  });

  test("not by the end of a node that is gone, which nobody told", async () => {
    const db = await aDb([FIRST, aLeased({ sequence: 1, leases: [lease(50)] })]);
    await upkeepOf(db).tick(PLACE.now);
    expect(await said(db, 52, {}, second(5_000))).toEqual(UNSURE);
  });

  test("never before another Pod is told, a window late, to have got the address", async () => {
    const db = await aDb([FIRST, aLeased({ sequence: 1, leases: [lease(50)] })]);
    await storeReports(db, [aLeased({ sequence: 2, owners: changed(45, 47) })]);
    expect((await saidTwice(db, 52)).slice(0, 2)).not.toContain("web-1");
  });

  test("not while windows since the last list are missing, whichever way they come", async () => {
    const late = [
      aLeased({ sequence: 6, keyframe: [] }),
      aLeased({ sequence: 7, leases: [lease(220)] }),
      ...some([8, 9, 10]),
    ];
    const db = await aDb([FIRST, ...late]);
    expect(await saidTwice(db, 230)).toEqual(UNSURE);
    await storeReports(db, some([1, 2, 3, 4, 5]));
    expect(await saidTwice(db, 230)).toEqual(["certain", "web-1"]);
  });

  test("not while the agent hears of no changes", async () => {
    const deaf = { ...ownersOf([]), current: false };
    const story = (owners: typeof deaf | undefined) =>
      aDb([
        FIRST,
        aLeased({ sequence: 1, leases: [lease(50)] }),
        aLeased({ sequence: 2, ...(owners && { owners }) }),
        ...some([3]),
      ]);
    expect(await saidTwice(await story(undefined), 52)).toEqual(["certain", "web-1"]);
    expect(await saidTwice(await story(deaf), 52)).toEqual(UNSURE);
  });

  test("by a later list of all, or an end that is told, without those windows", async () => {
    const late = [aLeased({ sequence: 6, keyframe: [] }), aLeased({ sequence: 7, leases: [lease(220)] })];
    const after = (owners: ReturnType<typeof ownersOf>) =>
      aDb([FIRST, ...late, ...some([8]), aLeased({ sequence: 20, owners })]);
    expect(await saidTwice(await after(ownersOf([pod("web-1")], true)), 230)).toEqual(["certain", "web-1"]);
    expect(await saidTwice(await after(ownersOf([pod("web-1", -3_600, 223)])), 230)).toEqual([
      "certain",
      "web-1",
    ]);
    expect(await saidTwice(await after(ownersOf([], true)), 230)).toEqual(UNSURE);
  });

  test("of a Pod of another node when that node's windows say so, not while its agent is behind", async () => {
    const db = await aDb([
      aLeased({ node: NODE_2, keyframe: [], owners: ownersOf([pod("web-1")], true) }),
      aLeased({ keyframe: [], owners: ownersOf([pod("other", -3_600, null, "10.244.9.9")], true) }),
      aLeased({ sequence: 1, leases: [lease(50)] }),
      ...some([2, 3, 4]),
    ]);
    await upkeepOf(db).tick(PLACE.now);
    expect(await said(db, 55)).toEqual(UNSURE);
    await storeReports(db, some([1, 2], { node: NODE_2 }));
    await upkeepOf(db).tick(PLACE.now);
    expect(await said(db, 55)).toEqual(["certain", "web-1"]);
  });

  test("of the Pod that is asked for by its own address, not while a window since is missing", async () => {
    const db = await aDb([FIRST, ...some([4, 5, 6, 7])]);
    await upkeepOf(db).tick(PLACE.now);
    expect(await said(db, 150, OWN)).toEqual(UNSURE);
    await storeReports(db, some([1, 2, 3]));
    await upkeepOf(db).tick(PLACE.now);
    expect(await said(db, 150, OWN)).toEqual(["certain", "web-1"]);
  });
});

describe("that nobody is known to have held a source is certain", () => {
  const story = (source: string) => [
    FIRST,
    aLeased({ sequence: 1, leases: [lease(50, source)] }),
    aLeased({ sequence: 2 }),
  ];

  test("of an address from outside, once all reports are looked at and go on long enough", async () => {
    const db = await aDb(story(OUTSIDE).slice(0, 2));
    await upkeepOf(db).tick(PLACE.now);
    expect(await said(db, 52)).toEqual(["probable", null, "owner-not-confirmed"]);
    await storeReports(db, story(OUTSIDE).slice(2));
    await upkeepOf(db).tick(PLACE.now);
    expect(await said(db, 52)).toEqual(["certain", null]);
  });

  test("not of one that may be a Pod's: its neighbours are", async () => {
    const db = await aDb(story("10.244.3.3"));
    await upkeepOf(db).tick(PLACE.now);
    expect(await said(db, 52)).toEqual(["probable", null, "owner-not-confirmed"]);
  });

  test("not where the agent would know owners, and hears of none", async () => {
    const deaf = { ...ownersOf([]), current: false };
    const db = await aDb([
      aLeased({ keyframe: [], owners: deaf }),
      aLeased({ sequence: 1, leases: [lease(50)] }),
      ...some([2]),
    ]);
    expect(await said(db, 52)).toEqual(["probable", null, "owner-not-confirmed"]);
    await upkeepOf(db).tick(PLACE.now);
    expect(await said(db, 52)).toEqual(["probable", null, "owner-not-confirmed"]);
  });

  test("where no agent of the cluster learns of owners, once a tick has seen that", async () => {
    const db = await aDb([aLeased({ keyframe: [] }), aLeased({ sequence: 1, leases: [lease(50)] })]);
    await upkeepOf(db).tick(PLACE.now);
    expect(await said(db, 52)).toEqual(["certain", null]);
  });

  test("not by a node that never listed owners, where others do", async () => {
    const [first, ...rest] = story(OUTSIDE);
    const db = await aDb([{ ...first!, ...aLeased({ keyframe: [] }) }, ...rest]);
    await storeReports(db, [aLeased({ node: NODE_2, owners: ownersOf([pod("web-1")], true) })]);
    await upkeepOf(db).tick(PLACE.now);
    expect(await said(db, 52)).toEqual(["probable", null, "owner-not-confirmed"]);
  });
});
