import { freshDb } from "#fresh-db";
import { sql } from "drizzle-orm";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Db } from "../../../db/client.ts";
import { FOREVER } from "../../../db/facts/holding.ts";
import { applyStatements } from "../../../db/queries/facts.ts";
import { ON_WORKERS } from "../../support/on-workers.ts";
import { applied, type OwnerRow, ownersOf, saying, setTo } from "../../support/owner-words.ts";

type Row = {
  node: number;
  address: string;
  uid: string;
  since: number;
  until: number | null;
  absent: number;
};

/** What is kept, apart from what nobody is told. */

/** Enough for a loaded machine, inside workerd. */
const SLOW = 60_000;

const kept = (db: Db, clusterId = 1) =>
  db.all<Row>(sql`
    select node_id as node, address, kind, namespace, name, uid, workload, since, until, absent from owners
    where cluster_id = ${clusterId} order by address, uid, since, node_id`);

const A = "10.0.0.1";
const pod = (uid: string, since: number, rest: Partial<OwnerRow> = {}): OwnerRow => ({
  address: A,
  name: uid,
  uid,
  since,
  ...rest,
});

test("a holding is kept as it is said, and ends when that is said", async () => {
  const db = await freshDb();
  const first = await applied(db, [saying(1000, [pod("a", 900, { workload: "web" })])]);
  expect(first.changed).toEqual([{ nodeId: 1, from: 900, to: FOREVER }]);
  const second = await applied(db, [saying(31_000, [pod("a", 900, { workload: "web", until: 40_000 })])]);
  expect(second.changed).toEqual([{ nodeId: 1, from: 40_000, to: FOREVER }]);
  expect(await kept(db)).toEqual([
    {
      node: 1,
      address: A,
      kind: "pod",
      namespace: "shop",
      name: "a",
      uid: "a",
      workload: "web",
      since: 900,
      until: 40_000,
      absent: 0,
    },
  ]);
});

test("what a complete list lacks has ended by then; what a later report says counts more", async () => {
  const db = await freshDb();
  const until = async () => (await kept(db)).map(({ until, absent }) => [until, absent]);
  await applied(db, [saying(1000, [pod("a", 900)], { complete: true })]);
  expect(await until()).toEqual([[null, 0]]);
  const { changed } = await applied(db, [saying(601_000, [], { complete: true })]);
  expect(changed).toEqual([{ nodeId: 1, from: 601_000, to: FOREVER }]);
  expect(await until()).toEqual([[601_000, 1]]);
  await applied(db, [saying(301_000, [], { complete: true })]);
  expect(await until()).toEqual([[301_000, 1]]);
  await applied(db, [saying(451_000, [pod("a", 900)])]);
  expect(await until()).toEqual([[601_000, 1]]);
  await applied(db, [saying(421_000, [pod("a", 900, { until: 425_000 })])]);
  expect(await until()).toEqual([[601_000, 1]]);
  await applied(db, [saying(451_000, [pod("a", 900, { until: 455_000 })])]);
  expect(await until()).toEqual([[455_000, 0]]);
});

test("of two reports of the same window the same one counts, whichever comes first, and a mention more than a list", async () => {
  const db = await freshDb();
  const words = [
    saying(1000, [pod("a", 900, { workload: "web" })]),
    saying(1000, [pod("a", 900, { workload: "db" })]),
    saying(1000, [], { complete: true }),
  ];
  const orders = [
    [0, 1, 2],
    [2, 1, 0],
    [1, 2, 0],
    [0, 2, 1],
  ];
  for (const [clusterId, order] of orders.entries())
    for (const at of order) await applied(db, [words[at]!], { clusterId });
  for (const clusterId of orders.keys())
    expect(await kept(db, clusterId)).toMatchObject([{ workload: "web", until: null }]);
});

test("a list that says nothing new writes that it was there, and no more; twice the same writes nothing", async () => {
  const db = await freshDb();
  const rows = Array.from({ length: 40 }, (_, i) => pod(`p${i}`, 900, { address: `10.0.1.${i}` }));
  await applied(db, [saying(1000, rows, { complete: true })]);
  const list = saying(601_000, rows, { complete: true });
  expect(await applied(db, [list])).toEqual({ writes: 1, changed: [] });
  expect(await applied(db, [list])).toEqual({ writes: 0, changed: [] });
  expect(await db.all(sql`select at, owners, settings from listings order by at`)).toEqual([
    { at: 1000, owners: 1, settings: 0 },
    { at: 601_000, owners: 1, settings: 0 },
  ]);
});

test("without the guard nothing is written", async () => {
  const db = await freshDb();
  await applied(db, [saying(1000, [pod("a", 900)], { complete: true }), setTo(1000, { a: "1" })]);
  const before = await everything(db);
  const late = [saying(31_000, [], { complete: true }), setTo(31_000, { a: "2" }), setTo(500, { a: "1" })];
  expect(
    (await applied(db, late, { guard: sql`exists (select 1 from upkeep where holder = ${"x"})` })).writes,
  ).toBe(5);
  expect(await everything(db)).toEqual(before);
});

const everything = (db: Db) =>
  db.all(sql`
    select 'o', node_id, address, since, until, said_at from owners union all
    select 'l', node_id, at, owners, settings, 0 from listings union all
    select 's', id, hash, 0, 0, 0 from settings union all
    select 'n', node_id, at, settings_id, 0, 0 from node_settings`);

test("a service is said by all nodes alike; no list ends it, and its earliest end counts", async () => {
  const db = await freshDb();
  const service = (uid: string, since: number | null, rest: Partial<OwnerRow> = {}): OwnerRow => ({
    address: "10.96.0.1",
    kind: "service",
    name: uid,
    uid,
    since,
    ...rest,
  });
  const { changed } = await applied(db, [
    saying(1000, [service("api", 500)], { complete: true }),
    saying(1000, [service("api", 500), service("lb", null)], { nodeId: 2, complete: true }),
    saying(31_000, [], { complete: true }),
  ]);
  expect(changed).toEqual([]);
  expect(await kept(db)).toMatchObject([
    { node: 0, uid: "api", since: 500, until: null },
    { node: 0, uid: "lb", since: 0, until: null },
  ]);
  // What one node takes for its own address is still the service's for others.
  await applied(db, [
    saying(61_000, [service("lb", null, { until: 0 }), service("api", 500, { until: 500 })]),
  ]);
  expect(await kept(db)).toMatchObject([{ until: null }, { until: null }]);
  await applied(db, [
    saying(
      61_000,
      ["api", "lb"].map((uid) => service(uid, uid === "api" ? 500 : null, { until: 70_000 })),
    ),
  ]);
  await applied(db, [saying(61_000, [service("api", 500, { until: 69_000 })], { nodeId: 3 })]);
  expect(await kept(db)).toMatchObject([{ until: 69_000 }, { until: 70_000 }]);
  // One that was made once ends once; the address of a load balancer comes and goes.
  await applied(db, [saying(91_000, [service("api", 500), service("lb", null)])]);
  expect(await kept(db)).toMatchObject([{ until: 69_000 }, { until: null }]);
});

test("names cannot break out of the key they become part of; what is no row is passed over", async () => {
  const db = await freshDb();
  const owners = ownersOf([
    pod("a\u0000b", 900, { name: "x\ny", workload: "w\u007f", namespace: "\ud800" }),
    pod("no address", 900, { address: "10.0.0.999" }),
    pod("no name", 900, { name: "" }),
    pod("bad since", -1),
    pod("bad until", 900, { until: 1.5 }),
    pod("long", 900, { name: "x".repeat(254) }),
    pod("just", 900, { address: "2001:DB8::0:1", name: "x".repeat(253) }),
  ]);
  await applied(db, [{ nodeId: 1, from: 1000, to: 31_000, owners }]);
  const rows = (await kept(db)) as (Row & { name: string; workload: string; namespace: string })[];
  expect(rows.map(({ address, uid, namespace, workload }) => [address, uid, namespace, workload])).toEqual([
    ["10.0.0.1", "a\uFFFDb", "\uFFFD", "w\uFFFD"],
    ["2001:db8::1", "just", "shop", ""],
  ]);
  expect(rows[0]?.name).toBe("x\uFFFDy");
});

test("whatever stands where owners and settings stand is no reason to fail", { timeout: SLOW }, async () => {
  const db = await freshDb();
  await fc.assert(
    fc.asyncProperty(fc.anything(), fc.anything(), fc.anything(), async (one, other, cell) => {
      const owners = { ...ownersOf([pod("a", 900)]), since: [cell], name: one, extra: other };
      const statements = [
        { nodeId: 1, from: 0, to: 1, owners: one, host: other },
        { nodeId: 1, from: 0, to: 1, owners, host: { sysctls: one, cores: other } },
        {
          nodeId: 1,
          from: 0,
          to: 1,
          owners: { ...ownersOf([pod("a", 900)]), until: [cell] },
          host: { sysctls: { a: cell } },
        },
      ];
      await expect(applyStatements(db, 1, statements, sql`1`)).resolves.toBeDefined();
    }),
    { numRuns: ON_WORKERS ? 40 : 150 },
  );
});

/** The rule as it is stated: of each holding the last mention counts, and the first list after it ends what is open. */
function asStated(statements: readonly Said[]) {
  const lists = statements.filter(({ complete }) => complete);
  const last = new Map<string, { at: number; row: OwnerRow; node: number }>();
  for (const { at, node, rows } of statements.toSorted((a, b) => a.at - b.at))
    for (const row of rows) last.set(`${node} ${row.address} ${row.uid} ${row.since}`, { at, row, node });
  return [...last.values()]
    .map(({ at, row, node }) => {
      const missing = lists.filter((list) => list.node === node && list.at > at).map((list) => list.at);
      const absent = row.until === undefined && missing.length > 0;
      return {
        node,
        address: row.address,
        uid: row.uid,
        workload: row.workload ?? "",
        since: row.since,
        until: absent ? Math.min(...missing) : (row.until ?? null),
        absent: Number(absent),
      };
    })
    .toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

const keyOf = ({
  address,
  uid,
  since,
  node,
}: {
  address: string;
  uid?: string | undefined;
  since?: number | null | undefined;
  node: number;
}) => `${address} ${uid} ${since} ${node}`;

type Said = { at: number; node: number; complete: boolean; rows: OwnerRow[] };

/** Whatever two agents may say: Pods that share few addresses, ends, retractions, corrections, lists, nothing. */
const saidBy = (node: number) =>
  fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { maxLength: 9 }).chain((windows) =>
    fc.tuple(
      ...windows.map((window) =>
        fc.record({
          at: fc.constant(window * 1000),
          node: fc.constant(node),
          complete: fc.boolean(),
          rows: fc
            .uniqueArray(
              fc.record({
                address: fc.constantFrom("10.0.0.1", "10.0.0.2"),
                uid: fc.constantFrom("a", "b", "c"),
                since: fc.constantFrom(500, 4500),
                until: fc.option(fc.constantFrom(500, 4500, 6200), { nil: undefined, freq: 1 }),
                workload: fc.constantFrom("web", "web", "web", "db"),
              }),
              { maxLength: 5, selector: (row) => `${row.address} ${row.uid} ${row.since}` },
            )
            .map((rows) => rows.map((row) => ({ ...row, name: row.uid }) as OwnerRow)),
        }),
      ),
    ),
  );

const someSaid = fc
  .tuple(saidBy(1), saidBy(2))
  .map(([one, other]): Said[] => [...one, ...other])
  .chain((said) =>
    fc.record({
      said: fc.constant(said),
      order: fc.shuffledSubarray([...said, ...said], { minLength: said.length }),
      sizes: fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1 }),
    }),
  );

function inGroups<T>(rows: readonly T[], sizes: readonly number[]): T[][] {
  const groups: T[][] = [];
  for (let at = 0; at < rows.length;)
    groups.push(rows.slice(at, (at += sizes[groups.length % sizes.length] ?? 1)));
  return groups;
}

test(
  "whatever is said, in whatever order and company, however often: what is kept is as stated",
  { timeout: SLOW },
  async () => {
    const db = await freshDb();
    let clusterId = 0;
    await fc.assert(
      fc.asyncProperty(someSaid, async ({ said, order, sizes }) => {
        clusterId++;
        const all = [...order, ...said.filter((one) => !order.includes(one))];
        for (const group of inGroups(all, sizes))
          await applied(
            db,
            group.map(({ at, rows, complete, node }) => saying(at, rows, { complete, nodeId: node })),
            { clusterId },
          );
        const rows = (await kept(db, clusterId)).map(({ ...row }) => {
          const {
            kind: _kind,
            namespace: _namespace,
            name: _name,
            ...rest
          } = row as Row & Record<string, unknown>;
          return rest;
        });
        expect(rows.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))).toEqual(asStated(said));
      }),
      { numRuns: ON_WORKERS ? 40 : 150 },
    );
  },
);
