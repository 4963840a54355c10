import { freshDb } from "#fresh-db";
import { sql } from "drizzle-orm";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Db } from "../../../db/client.ts";
import { readSettings } from "../../../db/facts/settings.ts";
import { ON_WORKERS } from "../../support/on-workers.ts";
import { applied, setTo } from "../../support/owner-words.ts";

type Row = { node: number; at: number; content: string };

/** Enough for a loaded machine, inside workerd. */
const SLOW = 60_000;

const kept = async (db: Db, clusterId = 1) => {
  const rows = await db.all<Row>(sql`
    select s.node_id as node, s.at, c.content from node_settings s join settings c on c.id = s.settings_id
    where s.cluster_id = ${clusterId} order by s.node_id, s.at`);
  return rows.map(({ node, at, content }) => [node, at, JSON.parse(content).sysctls["a"]]);
};

test("settings are told by what is set, not by the order of keys or by what could not be read", () => {
  const host = {
    sysctls: { b: "2", a: "1" },
    unread: ["x"],
    ciliumBpf: false,
    cores: 8,
    memoryBytes: 1,
    kubeProxy: "ipvs",
  };
  expect(readSettings(host)).toBe(
    '{"sysctls":{"a":"1","b":"2"},"cores":8,"memoryBytes":1,"kubeProxy":"ipvs","ciliumBpf":false}',
  );
  expect(readSettings({ kubeProxy: "ipvs", sysctls: { a: "1", b: "2" } })).toBe(
    '{"sysctls":{"a":"1","b":"2"},"kubeProxy":"ipvs"}',
  );
  expect(readSettings({ sysctls: { "net.netfilter.nf_conntrack_count": "7", bad: 3 }, cores: {} })).toBe(
    '{"sysctls":{}}',
  );
  for (const none of [undefined, null, 1, "x", [], {}, { sysctls: [] }])
    expect(readSettings(none)).toBeUndefined();
});

test("a content is kept once, whoever has it; a window that says nothing new is noted and no more", async () => {
  const db = await freshDb();
  await applied(db, [
    setTo(0, { a: "1" }),
    setTo(0, { a: "1" }, { nodeId: 2 }),
    setTo(0, { a: "2" }, { nodeId: 3 }),
  ]);
  expect(await db.all(sql`select count(*) as n from settings`)).toEqual([{ n: 2 }]);
  expect(await applied(db, [setTo(600_000, { a: "1" })])).toEqual({ writes: 1, changed: [] });
  expect(await kept(db)).toEqual([
    [1, 0, "1"],
    [2, 0, "1"],
    [3, 0, "2"],
  ]);
});

test("a late window that says otherwise stands between what was known; one of the same instant counts by its hash", async () => {
  const db = await freshDb();
  await applied(db, [setTo(0, { a: "1" }), setTo(600_000, { a: "1" })]);
  await applied(db, [setTo(300_000, { a: "2" })]);
  expect(await kept(db)).toEqual([
    [1, 0, "1"],
    [1, 300_000, "2"],
    [1, 600_000, "1"],
  ]);
  for (const [clusterId, order] of [
    ["1", "2"],
    ["2", "1"],
  ].entries())
    for (const a of order) await applied(db, [setTo(0, { a })], { clusterId: clusterId + 7 });
  expect(await kept(db, 7)).toEqual(await kept(db, 8));
});

test("of windows of the same instant it does not matter either which came in company of which", async () => {
  const db = await freshDb();
  for (const [i, [one, other]] of [
    ["1", "2"],
    ["2", "1"],
  ].entries()) {
    const words = [setTo(0, { a: one! }), setTo(300_000, { a: one! }), setTo(300_000, { a: other! })];
    const orders = [
      [0, 1, 2],
      [0, 2, 1],
      [2, 1, 0],
      [1, 2, 0],
    ];
    await applied(db, words, { clusterId: i * 10 });
    for (const [n, order] of orders.entries())
      for (const at of order) await applied(db, [words[at]!], { clusterId: i * 10 + n + 1 });
    for (const n of orders.keys()) expect(await kept(db, i * 10 + n + 1)).toEqual(await kept(db, i * 10));
  }
});

/** A row at each window that says something else than the one before it. */
const asStated = (said: readonly { at: number; node: number; a: string }[]) =>
  [1, 2].flatMap((node) => {
    const mine = said.filter((one) => one.node === node).toSorted((x, y) => x.at - y.at);
    return mine.filter(({ a }, i) => mine[i - 1]?.a !== a).map(({ at, a }) => [node, at, a]);
  });

const someSaid = fc
  .uniqueArray(
    fc.record({
      at: fc.integer({ min: 0, max: 12 }),
      node: fc.constantFrom(1, 2),
      a: fc.constantFrom("1", "2", "3"),
    }),
    { maxLength: 16, selector: ({ at, node }) => `${at} ${node}` },
  )
  .chain((said) =>
    fc.record({
      said: fc.constant(said),
      order: fc.shuffledSubarray([...said, ...said], { minLength: said.length }),
      size: fc.integer({ min: 1, max: 5 }),
    }),
  );

test(
  "whatever is said, in whatever order and company, however often: what is kept is as stated",
  { timeout: SLOW },
  async () => {
    const db = await freshDb();
    let clusterId = 0;
    await fc.assert(
      fc.asyncProperty(someSaid, async ({ said, order, size }) => {
        clusterId++;
        const all = [...order, ...said.filter((one) => !order.includes(one))];
        for (let at = 0; at < all.length; at += size)
          await applied(
            db,
            all.slice(at, at + size).map(({ at, node, a }) => setTo(at, { a }, { nodeId: node })),
            { clusterId },
          );
        expect(await kept(db, clusterId)).toEqual(asStated(said));
      }),
      { numRuns: ON_WORKERS ? 30 : 100 },
    );
  },
);
