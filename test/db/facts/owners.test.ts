import { freshDb } from "#fresh-db";
import { sql } from "drizzle-orm";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Db } from "../../../db/client.ts";
import { FOREVER } from "../../../db/facts/holding.ts";
import { applyStatements, type Statement } from "../../../db/queries/facts.ts";
import { type OwnerRow, saying } from "../../support/owner-words.ts";

const ALWAYS = sql`1`;

async function apply(db: Db, statements: readonly Statement[], clusterId = 1) {
  const { writes, changed } = await applyStatements(db, clusterId, statements, ALWAYS);
  const [first, ...rest] = writes.map((write) => db.run(write));
  if (first) await db.batch([first, ...rest]);
  return { writes: writes.length, changed };
}

type Row = {
  node: number;
  address: string;
  uid: string;
  since: number;
  until: number | null;
  absent: number;
};

/** What is kept, apart from what nobody is told. */
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
  const first = await apply(db, [saying(1000, [pod("a", 900, { workload: "web" })])]);
  expect(first.changed).toEqual([{ nodeId: 1, from: 900, to: FOREVER }]);
  const second = await apply(db, [saying(31_000, [pod("a", 900, { workload: "web", until: 40_000 })])]);
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

test("whatever is said, in whatever order and company, however often: what is kept is as stated", async () => {
  const db = await freshDb();
  let clusterId = 0;
  await fc.assert(
    fc.asyncProperty(someSaid, async ({ said, order, sizes }) => {
      clusterId++;
      const all = [...order, ...said.filter((one) => !order.includes(one))];
      for (const group of inGroups(all, sizes))
        await apply(
          db,
          group.map(({ at, rows, complete, node }) => saying(at, rows, { complete, nodeId: node })),
          clusterId,
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
    { numRuns: 300 },
  );
});
