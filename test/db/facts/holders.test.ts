import { freshDb } from "#fresh-db";
import { sql } from "drizzle-orm";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Db } from "../../../db/client.ts";
import { holdersIn } from "../../../db/queries/facts.ts";
import { ownersNamed } from "../../../db/queries/owners.ts";
import { ON_WORKERS } from "../../support/on-workers.ts";
import { applied, type OwnerRow, saying } from "../../support/owner-words.ts";

/** Enough for a loaded machine, inside workerd. */
const SLOW = 60_000;

const A = "10.0.0.1";
const pod = (uid: string, since: number | null, until: number | null = null): OwnerRow => ({
  address: A,
  name: uid,
  uid,
  since,
  until,
});

async function nodes(db: Db, count: number) {
  for (let id = 1; id <= count; id++)
    await db.run(sql`
      insert into nodes (id, cluster_id, name, agent, kernel, addresses, blind, first_seen_at, described_at)
      values (${id}, 1, ${`n${id}`}, '', '', '[]', '[]', 0, 0)`);
}

test("the one that held an address longest is its holder, then the later one, then the lesser uid", async () => {
  const db = await freshDb();
  await nodes(db, 1);
  await applied(db, [
    saying(0, [
      pod("old", 100, 200),
      pod("mid", 200, 300),
      pod("new", 270),
      pod("anew", 270),
      pod("no", 90, 90),
    ]),
  ]);
  const held = (await holdersIn(db, 1, { from: 100, to: 500 }))(1);
  const name = (from: number, to: number) => held(A, from, to)?.name;
  expect(name(100, 260)).toBe("old");
  expect(name(140, 300)).toBe("mid");
  expect(name(0, 100)).toBeUndefined();
  expect(name(240, 300)).toBe("mid");
  // Each 30: the later start; and of those the lesser uid.
  expect(name(270, 300)).toBe("anew");
  expect(name(300, 400)).toBe("anew");
  expect(held("10.0.0.2", 100, 200)).toBeUndefined();
  expect(held("0:0::ffff:10.0.0.1", 100, 200)).toBeUndefined();
  expect(held(A, 100, 150)).toMatchObject({
    kind: "pod",
    namespace: "shop",
    name: "old",
    workloadKind: "",
    workload: "",
  });
});

test("each node knows its own; of services only what it says nothing of", async () => {
  const db = await freshDb();
  await nodes(db, 2);
  const service = (address: string): OwnerRow => ({
    address,
    kind: "service",
    name: "api",
    uid: "s",
    since: 1,
  });
  await applied(db, [
    saying(0, [pod("one", 0, 50), service(A), service("2001:db8::1")]),
    saying(0, [pod("two", 0)], { nodeId: 2 }),
  ]);
  for (const nodeIds of [undefined, [1], [2], [1, 2]]) {
    const holders = await holdersIn(db, 1, { from: 0, to: 100, ...(nodeIds && { nodeIds }) });
    const name = (node: number, address: string, from: number) => holders(node)(address, from, 100)?.name;
    if (nodeIds?.includes(1) !== false) expect([name(1, A, 0), name(1, A, 50)]).toEqual(["one", "api"]);
    if (nodeIds?.includes(2) !== false) expect(name(2, A, 0)).toBe("two");
    expect(name(3, A, 0)).toBe("api");
    expect(name(1, "2001:DB8:0::1", 0)).toBe("api");
  }
  expect((await holdersIn(db, 2, { from: 0, to: 100 }))(1)(A, 0, 100)).toBeUndefined();
});

test("more holdings than one text holds are all found", async () => {
  const db = await freshDb();
  await nodes(db, 1);
  const rows = Array.from({ length: 600 }, (_, i) => ({
    ...pod(`p${i}`, i),
    address: `10.1.${i >> 8}.${i & 255}`,
    until: i % 3 === 0 ? 2000 : null,
  }));
  await applied(db, [saying(0, rows)]);
  const held = (await holdersIn(db, 1, { from: 0, to: 1000 }))(1);
  expect(rows.map(({ address }) => held(address, 700, 1000)?.name)).toEqual(rows.map(({ name }) => name));
});

const someRows = fc.uniqueArray(
  fc.record({
    uid: fc.constantFrom("a", "b", "c", "d"),
    since: fc.integer({ min: 0, max: 20 }),
    until: fc.option(fc.integer({ min: 0, max: 20 })),
  }),
  { maxLength: 4, selector: ({ uid, since }) => `${uid} ${since}` },
);
const someStatements = fc.array(
  fc.record({ at: fc.integer({ min: 0, max: 20 }), complete: fc.boolean(), rows: someRows }),
  { minLength: 1, maxLength: 6 },
);

test("where the holder is another than before, the change says so", { timeout: SLOW }, async () => {
  const db = await freshDb();
  let clusterId = 0;
  await fc.assert(
    fc.asyncProperty(someStatements, async (statements) => {
      clusterId++;
      const instants = Array.from({ length: 25 }, (_, at) => at);
      const uids = async () => {
        const held = (await holdersIn(db, clusterId, { from: 0, to: 30, nodeIds: [1] }))(1);
        return instants.map((at) => held(A, at, at + 1)?.name);
      };
      for (const { at, complete, rows } of statements) {
        const before = await uids();
        const words = saying(
          at,
          rows.map(({ uid, since, until }) => pod(uid, since, until)),
          { complete },
        );
        const { changed } = await applied(db, [words], { clusterId });
        const after = await uids();
        const unsaid = instants.filter(
          (at) => before[at] !== after[at] && !changed.some(({ from, to }) => from <= at && at < to),
        );
        expect(unsaid).toEqual([]);
        expect(changed.every(({ from }, i) => from > (changed[i - 1]?.to ?? -1))).toBe(true);
      }
    }),
    { numRuns: ON_WORKERS ? 20 : 60 },
  );
});

test("a Pod is found by its name on the nodes where it lived within a range", async () => {
  const db = await freshDb();
  await nodes(db, 2);
  await applied(db, [
    saying(0, [
      { ...pod("u1", 10, 20), name: "web-0" },
      { ...pod("u9", 10, 10), name: "web-0" },
    ]),
    saying(
      0,
      [
        { ...pod("u2", 20), name: "web-0" },
        { ...pod("u3", 20), name: "web-0", namespace: "x" },
      ],
      { nodeId: 2 },
    ),
    saying(0, [{ address: "10.96.0.1", kind: "service", name: "web-0" }]),
  ]);
  const found = async (from: number, to: number, namespace?: string) =>
    (await ownersNamed(db, 1, { name: "web-0", namespace, from, to })).map(({ nodeId, uid }) => [
      nodeId,
      uid,
    ]);
  expect(await found(0, 10, "shop")).toEqual([]);
  expect(await found(0, 11, "shop")).toEqual([[1, "u1"]]);
  expect(await found(19, 21, "shop")).toEqual([
    [1, "u1"],
    [2, "u2"],
  ]);
  expect(await found(20, 21, "shop")).toEqual([[2, "u2"]]);
  expect(await found(20, 21)).toEqual([
    [2, "u2"],
    [2, "u3"],
  ]);
  expect(await found(19, 20, "x")).toEqual([]);
});
