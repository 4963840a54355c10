import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { allKeys, topKeys } from "../../../db/fold/choose.ts";
import { Apart, type PrunableColumn, Sum } from "../../../db/fold/column.ts";
import { isCount, type Measure } from "../../../db/fold/measures.ts";
import { mergeAcross, mergeApart, mergeInTime, Merger } from "../../../db/fold/merge.ts";
import type { Table } from "../../../db/fold/table.ts";

/** An empty object matches any. */
const NONE = expect.toSatisfy((bounds: object) => Object.keys(bounds).length === 0);

const KNOWN = ["entries", "peers", "opened"] as const satisfies Measure[];
type Truth = Map<string, Record<(typeof KNOWN)[number], number>>;
/** What a merge made, and what it would be had nothing been folded away. */
type Made = { table: Table; truth: Truth };

const amount = fc.oneof({ weight: 3, arbitrary: fc.nat(9) }, fc.nat(100));
const row = fc.record({
  entries: amount,
  peers: amount,
  opened: amount,
  hidden: fc.nat(3),
  listed: fc.boolean(),
});

/** A table that lists some keys, and hides a little of what these have. */
const leaf = fc
  .dictionary(fc.constantFrom("a", "b", "c", "d", "e", "f"), row, { noNullPrototype: true })
  .map((rows): Made => {
    const truth: Truth = new Map(
      Object.entries(rows).map(([key, { entries, peers, opened }]) => [
        key,
        { entries, peers: Math.min(peers, entries), opened },
      ]),
    );
    const listed = Object.entries(rows)
      .filter(([, { listed }]) => listed)
      .toSorted(([a], [b]) => (a < b ? -1 : 1));
    const hide = Math.max(0, ...listed.map(([, { hidden }]) => hidden));
    const folded = hide > 0 || listed.length < truth.size;
    const table: Table = {
      keys: listed.map(([key]) => key),
      columns: {},
      rest: { rows: truth.size - listed.length },
      lack: {},
      miss: {},
    };
    for (const measure of KNOWN) {
      const values = listed.map(([key, { hidden }]) =>
        Math.max(0, (truth.get(key)?.[measure] ?? 0) - hidden),
      );
      const rest = sum([...truth.values()].map((of) => of[measure])) - sum(values);
      table.columns[measure] = values;
      if (measure !== "peers") table.rest[measure] = rest;
      const [lack, miss] =
        measure === "peers" ? [hide, table.rest.entries ?? 0] : [Math.min(hide, rest), rest];
      if (lack > 0) table.lack[measure] = lack;
      if (folded) table.miss[measure] = miss;
    }
    return { table, truth };
  });

type Tree = Made | { how: keyof typeof WAYS; k: number; parts: Tree[] };
const tree: fc.Arbitrary<Tree> = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    leaf,
    fc.record({
      how: fc.constantFrom<keyof typeof WAYS>("inTime", "across", "apart", "pruned", "prunedApart"),
      k: fc.nat(3),
      parts: fc.array(tie("tree"), { minLength: 1, maxLength: 4 }),
    }),
  ),
})).tree;

const WAYS = {
  inTime: (tables: Table[], k: number) => mergeInTime(tables, topKeys(k)),
  across: (tables: Table[], k: number) => mergeAcross(tables, topKeys(k)),
  apart: (tables: Table[], k: number) => mergeApart(tables, topKeys(k)),
  pruned: (tables: Table[], k: number) => pruned(new Merger(() => new Sum()), tables, k),
  prunedApart: (tables: Table[], k: number) =>
    pruned(new Merger(() => new Apart(), { apart: true }), tables, k),
};

/** Prunes at each step. */
function pruned(merger: Merger<PrunableColumn>, tables: Table[], k: number): Table {
  for (const table of tables) {
    merger.add(table);
    merger.prune(topKeys(k));
  }
  return merger.finish(topKeys(k));
}

function make(tree: Tree): Made {
  if ("truth" in tree) return tree;
  const apart = tree.how === "apart" || tree.how === "prunedApart";
  const parts = tree.parts.map(make).map((made, i) => (apart ? prefixed(made, `${i}/`) : made));
  const truth: Truth = new Map();
  for (const key of new Set(parts.flatMap((part) => [...part.truth.keys()]))) {
    const of = parts.map(({ truth }) => truth.get(key) ?? { entries: 0, peers: 0, opened: 0 });
    const of1 = (measure: (typeof KNOWN)[number]) => of.map((amounts) => amounts[measure]);
    const gauge = tree.how === "inTime" ? (values: number[]) => Math.max(...values) : sum;
    truth.set(key, {
      entries: gauge(of1("entries")),
      peers: gauge(of1("peers")),
      opened: sum(of1("opened")),
    });
  }
  return {
    table: WAYS[tree.how](
      parts.map(({ table }) => table),
      tree.k,
    ),
    truth,
  };
}

const prefixed = ({ table, truth }: Made, prefix: string): Made => ({
  table: { ...table, keys: table.keys.map((key) => prefix + key) },
  truth: new Map([...truth].map(([key, amounts]) => [prefix + key, amounts])),
});

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

describe("whatever is merged, in whatever order and however little is kept", () => {
  it("lists no row that is short of more than the table says, and misses no key that has more", () => {
    fc.assert(
      fc.property(tree, (tree) => {
        const { table, truth } = make(tree);
        for (const measure of KNOWN) {
          const { [measure]: lack = 0 } = table.lack;
          for (const [i, key] of table.keys.entries()) {
            const value = table.columns[measure]?.[i] ?? 0;
            const real = truth.get(key)?.[measure] ?? -1;
            expect(value).toBeLessThanOrEqual(real);
            expect(real).toBeLessThanOrEqual(value + lack);
          }
          for (const [key, amounts] of truth)
            if (!table.keys.includes(key))
              expect(amounts[measure]).toBeLessThanOrEqual(table.miss[measure] ?? -1);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("keeps what counts add up to, and what any key may have within its row and the rest", () => {
    fc.assert(
      fc.property(tree, (tree) => {
        const { table, truth } = make(tree);
        const all = (measure: "entries" | "opened") => [...truth.values()].map((amounts) => amounts[measure]);
        expect(sum(table.columns.opened ?? []) + (table.rest.opened ?? 0)).toBe(sum(all("opened")));
        expect(table.rest).not.toHaveProperty("peers");
        for (const [key, { entries }] of truth) {
          const value = table.columns.entries?.[table.keys.indexOf(key)] ?? 0;
          expect(entries).toBeLessThanOrEqual(value + (table.rest.entries ?? 0));
        }
      }),
      { numRuns: 500 },
    );
  });

  it("counts no more keys as folded away than were, and says so where any were", () => {
    fc.assert(
      fc.property(tree, (tree) => {
        const { table, truth } = make(tree);
        const unlisted = [...truth.keys()].filter((key) => !table.keys.includes(key));
        expect(table.rest.rows).toBeGreaterThanOrEqual(0);
        expect(table.rest.rows).toBeLessThanOrEqual(unlisted.length);
        expect(table.keys).toEqual([...new Set(table.keys)].toSorted());
      }),
      { numRuns: 500 },
    );
  });

  it("gives the same whatever the order of the parts", () => {
    fc.assert(
      fc.property(
        fc.array(leaf, { minLength: 2, maxLength: 6 }),
        fc.infiniteStream(fc.nat()),
        fc.nat(3),
        (parts, numbers, k) => {
          const shuffled = parts
            .map((part) => ({ part, at: numbers.next().value ?? 0 }))
            .toSorted((a, b) => a.at - b.at);
          for (const merge of [mergeInTime, mergeAcross, mergeApart])
            expect(
              merge(
                shuffled.map(({ part }) => part.table),
                topKeys(k),
              ),
            ).toEqual(
              merge(
                parts.map(({ table }) => table),
                topKeys(k),
              ),
            );
        },
      ),
    );
  });
});

describe("a merge", () => {
  const table = (rows: Record<string, number>, more: Partial<Table> = {}): Table => ({
    keys: Object.keys(rows),
    columns: { entries: Object.values(rows), opened: Object.values(rows) },
    rest: { rows: 0, entries: 0, opened: 0 },
    lack: {},
    miss: {},
    ...more,
  });

  it("of exact tables is exact: sums of counts, the most of gauges, and no bounds", () => {
    expect(mergeInTime([table({ b: 3, a: 1 }), table({ a: 5 })])).toEqual({
      keys: ["a", "b"],
      columns: { entries: [5, 3], opened: [6, 3] },
      rest: { rows: 0, entries: 0, opened: 0 },
      lack: {},
      miss: {},
    });
  });

  it("of one table is the table", () => {
    const one = table(
      { a: 4, b: 2 },
      { rest: { rows: 3, entries: 5, opened: 5 }, lack: { entries: 2 }, miss: { entries: 5, opened: 4 } },
    );
    for (const merge of [mergeInTime, mergeAcross, mergeApart]) expect(merge([one])).toEqual(one);
  });

  it("says of what is folded away the most it held at once, and all of its counts", () => {
    const merged = mergeInTime([table({ a: 9, b: 2, c: 2 }), table({ a: 1, c: 3 })], topKeys(1));
    expect(merged).toMatchObject({
      keys: ["a"],
      rest: { rows: 2, entries: 4, opened: 7 },
      miss: { entries: 3, opened: 5 },
      lack: NONE,
    });
  });

  it("lacks what the slots may have missed that do not list a key, unless it had more elsewhere", () => {
    const folded = table(
      { b: 1 },
      { rest: { rows: 1, entries: 4, opened: 4 }, miss: { entries: 4, opened: 4 } },
    );
    expect(mergeInTime([table({ a: 9, c: 1 }), folded]).lack).toEqual({ entries: 3, opened: 4 });
    expect(mergeInTime([table({ a: 9, b: 7 }), folded]).lack).toEqual({ opened: 4 });
    expect(mergeAcross([table({ a: 9 }), folded]).lack).toEqual({ entries: 4, opened: 4 });
    expect(mergeApart([table({ a: 9 }), folded]).lack).toEqual({});
  });

  it("takes a measure that a part does not know as 0 there, and has none that nobody knows", () => {
    const blind = { ...table({ b: 2 }), columns: { entries: [2] }, rest: { rows: 0, entries: 0 } };
    expect(mergeAcross([table({ a: 1 }), blind]).columns).toEqual({ entries: [1, 2], opened: [1, 0] });
    expect(mergeAcross([blind]).columns).toEqual({ entries: [2] });
    expect(mergeAcross([blind]).rest).toEqual({ rows: 0, entries: 2 - 2 });
  });

  it("does not take a rest for a bound where rows were filtered out", () => {
    const filtered = table({ a: 1 }, { rest: { rows: 0 }, lack: { opened: 6 }, miss: { opened: 6 } });
    const other = table({ b: 2 });
    expect(mergeInTime([filtered, other], allKeys)).toMatchObject({
      lack: { opened: 6 },
      miss: { opened: 6 },
    });
  });

  it("that was pruned counts the keys that went, where none of them can come again", () => {
    const tables = [table({ a: 2, b: 1 }), table({ c: 2, d: 1 }), table({ e: 2, f: 1 })];
    expect(WAYS.prunedApart(tables, 1).rest.rows).toBe(5);
    expect(WAYS.pruned(tables, 1).rest.rows).toBe(2);
  });

  it("of nothing has nothing", () => {
    expect(mergeInTime([])).toEqual({ keys: [], columns: {}, rest: { rows: 0 }, lack: {}, miss: {} });
  });

  it("knows which measures are gauges", () => {
    expect(KNOWN.filter(isCount)).toEqual(["opened"]);
  });
});
