import { freshDb } from "#fresh-db";
import { describe, expect, test } from "vitest";
import type { Question } from "../../../db/attribution/answer.ts";
import type { Db } from "../../../db/client.ts";
import {
  attribute,
  attributeEach,
  attributeMany,
  MAX_CANDIDATES,
  type Place,
} from "../../../db/queries/attribution.ts";
import { askingsOf } from "../../../db/queries/attribution/askings.ts";
import { heldLeases } from "../../../db/queries/attribution/held.ts";
import { MAX_FOUND, MAX_ROWS_HELD, Wave } from "../../../db/queries/attribution/wave.ts";
import { storeReports } from "../../../db/queries/reports.ts";
import { DEFAULT_RETENTION } from "../../../db/tiers.ts";
import { counted } from "../../support/counted.ts";
import { aLeased, type LeaseRow, NAT, PEER, second, WINDOW_S } from "../../support/leased.ts";
import { ON_WORKERS } from "../../support/on-workers.ts";
import { aCluster } from "../../support/stored-report.ts";

const SAME_THERE = "many rows take seconds inside workerd, and none of this is the database";

const CLUSTERS = [{ id: 1, name: "prod" }];
const PLACE: Place = { clusters: CLUSTERS, now: second(600), retention: DEFAULT_RETENTION };
const about = (some: Partial<Question>): Question => ({
  address: NAT,
  protocol: 6,
  at: second(50),
  toleranceMs: 5_000,
  ...some,
});

/** So many leases of an address that are in force, some of each of these sources. */
const leases = (natAddress: string, length: number, sources = 10): LeaseRow[] =>
  Array.from({ length }, (_, i) => ({
    source: `10.244.0.${i % sources}`,
    natAddress,
    natPort: 1_024 + i,
    opened: 40,
  }));

const OTHERS = ["192.168.0.24", "192.168.0.25"] as const;
/** Each node has one address. */
async function aDb(...all: readonly LeaseRow[][]): Promise<Db> {
  const db = await freshDb();
  await aCluster(db);
  await storeReports(
    db,
    all.map((leases, n) => aLeased({ node: { name: `node-${n}` }, sequence: 1, leases })),
  );
  return db;
}

describe("of one question", () => {
  test.for([
    [MAX_FOUND, "ambiguous", 10, ["several-sources"]],
    [MAX_FOUND + 1, "blind", 0, ["too-many-leases"]],
  ] as const)("%i rows make it %s; with a port there are fewer", async ([rows, ...expected], ctx) => {
    if (ON_WORKERS) ctx.skip(SAME_THERE);
    const db = await aDb(leases(NAT, rows));
    const { certainty, candidates, reasons } = await attribute(db, PLACE, about({}));
    expect([certainty, candidates.length, reasons]).toEqual(expected);
    expect((await attribute(db, PLACE, about({ port: 1_024 }))).candidates).toHaveLength(1);
  });

  test.for([
    [MAX_CANDIDATES + 1, 0],
    [MAX_CANDIDATES, 1],
    [undefined, 1],
  ])("%s candidates are listed at most, and how many more there are", async ([candidates, more]) => {
    const db = await aDb(leases(NAT, MAX_CANDIDATES + 1, MAX_CANDIDATES + 1));
    const answer = await attribute(db, { ...PLACE, candidates }, about({}));
    expect([answer.candidates.length, answer.more]).toEqual([MAX_CANDIDATES + 1 - more!, more]);
    expect(answer.certainty).toBe("ambiguous");
  });
});

describe("of several questions", () => {
  /** Each looks for other rows, and finds as many as one may. */
  const questions = [NAT, ...OTHERS].flatMap((address) =>
    [{}, { peer: PEER }, { peerPort: 5432 }, { peer: PEER, peerPort: 5432 }].map((some) =>
      about({ address, ...some }),
    ),
  );
  const full = MAX_ROWS_HELD / MAX_FOUND;
  const frame = { clusters: CLUSTERS, now: PLACE.now, keptFrom: 0, candidates: 3 };
  const inOneWave = async (db: Db, some: readonly Question[]) => {
    const askings = await askingsOf(
      db,
      some.map((question) => ({ question, clusters: CLUSTERS })),
    );
    return new Wave(db, frame).answer(askings);
  };

  test("so many rows are held at once, and no more", async (ctx) => {
    if (ON_WORKERS) ctx.skip(SAME_THERE);
    const db = await aDb(...[NAT, ...OTHERS].map((address) => leases(address, MAX_FOUND)));
    expect(await inOneWave(db, questions.slice(0, full))).toHaveLength(full);
    expect(await inOneWave(db, questions.slice(0, full + 1))).toBeUndefined();
    const answers = await attributeMany(db, PLACE, questions);
    expect(answers.map(({ candidates }) => candidates.length)).toEqual(questions.map(() => 10));
  });

  test("those who look for the same have the same rows", async (ctx) => {
    if (ON_WORKERS) ctx.skip(SAME_THERE);
    const db = await aDb(leases(NAT, MAX_FOUND));
    const same = Array.from({ length: full + 1 }, () => about({}));
    expect(await inOneWave(db, same)).toHaveLength(full + 1);
  });
});

test("thousands of nodes are looked up in a few statements, each for its own question", async () => {
  const many = ON_WORKERS ? 200 : 10_000;
  const other = many / 2;
  const db = await aDb(leases(NAT, 1), leases(NAT, 1));
  const calls = { count: 0 };
  const names = new Map([
    [1, "node-0"],
    [other, "node-1"],
  ]);
  const asked = Array.from({ length: many }, (_, at) => ({
    question: about({ port: 1_024 }),
    clusters: CLUSTERS,
    node: names.get(at) ?? `none-${at}`,
  }));
  const answers = await attributeEach(counted(db, calls), PLACE, asked);
  const found = answers.flatMap(({ candidates }, at) => candidates.map((one) => [at, one.node]));
  expect(found).toEqual([...names]);
  expect(calls.count).toBeLessThan(100);
});

describe("of a list of leases", () => {
  /** Of each source a tenth. */
  const MANY = 50;
  const all = MANY / 10;
  const list = async (limits: { windows: number; rows: number }) => {
    const db = await aDb(leases(NAT, MANY));
    const question = { source: "10.244.0.1", from: second(0), to: second(90), limit: 1_000 };
    const held = await heldLeases(db, PLACE, question, limits);
    const { more, reasons, evidence } = held;
    return [held.leases.length + more, reasons, evidence.map(({ windows, complete }) => [windows, complete])];
  };

  test("so many rows are held, the latest; where there are more, it says so", async () => {
    expect(await list({ windows: 1_000, rows: all })).toEqual([all, [], [[1, false]]]);
    expect(await list({ windows: 1_000, rows: all - 1 })).toEqual([0, ["too-many-leases"], [[0, false]]]);
  });

  test.for([
    [2, 2],
    [1, 1],
  ])("%i windows are read, the latest, and no more", async ([windows, found]) => {
    const db = await freshDb();
    await aCluster(db);
    const lease = (sequence: number) =>
      aLeased({
        sequence,
        leases: [{ source: "10.244.0.1", natPort: sequence, opened: sequence * WINDOW_S }],
      });
    await storeReports(db, [lease(1), lease(200)]);
    const now = second(201 * WINDOW_S);
    const question = { source: "10.244.0.1", from: second(0), to: now, limit: 1_000 };
    const held = await heldLeases(db, { ...PLACE, now }, question, { windows: windows!, rows: 10 });
    expect(held.leases.map(({ natPort }) => natPort)).toEqual([200, 1].slice(0, found));
  });
});
