import { test } from "vitest";
import { type Entry, ORIG_DST, ORIG_SRC, REPLY_DST, REPLY_SRC } from "../../../agent/conntrack/entry.ts";
import { Summary, type SummaryOptions } from "../../../agent/summary/summary.ts";
import { foldThreshold } from "../../../agent/summary/threshold.ts";
import { anEntry } from "../../support/entries.ts";
import { TAKEN_AT } from "../../support/dumped.ts";

type Flow = readonly [source: number, peer: number];
const row = anEntry({ source: 1, peer: 1 });

/** Numbers below 2^24 in 10.0.0.0/8. */
function put(entry: Entry, [source, peer]: Flow): Entry {
  entry.addresses[ORIG_SRC] = entry.addresses[REPLY_DST] = 0x0a000000 | source;
  entry.addresses[ORIG_DST] = entry.addresses[REPLY_SRC] = 0x0a000000 | peer;
  return entry;
}

function summed(flows: Iterable<Flow>, limits: NonNullable<SummaryOptions["limits"]>) {
  const summary = new Summary({ counters: "since-creation", limits });
  const sources = new Map<string, number>();
  const groups = new Map<string, number>();
  summary.dumpBegins(TAKEN_AT);
  for (const flow of flows) {
    summary.add(put(row, flow));
    sources.set(text(flow[0]), (sources.get(text(flow[0])) ?? 0) + 1);
    const key = `${text(flow[0])} ${text(flow[1])}`;
    groups.set(key, (groups.get(key) ?? 0) + 1);
  }
  summary.dumpEnds(true);
  const taken = summary.take({ from: TAKEN_AT });
  if (!taken.flows) throw new Error("a whole dump gives flows");
  return { sources, groups, flows: taken.flows, untracked: taken.untracked };
}

const text = (last: number) => `10.${last >> 16}.${(last >> 8) & 255}.${last & 255}`;
const add = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);

const LIMITS = { groups: 2_000, addresses: 3_000, pairs: 2_000 };
const ordinary = (at: number): Flow => [1 + (at % 40), 1_000 + (at % 7)];

const shapes: Record<string, (at: number) => Flow> = {
  "a scan of many destinations among ordinary traffic": (at) => (at % 3 ? [99, 4_096 + at] : ordinary(at)),
  "a flood from many sources among ordinary traffic": (at) => (at % 3 ? [4_096 + at, 7] : ordinary(at)),
  "a flood from many sources to many destinations": (at) => [4_096 + 2 * at, 4_097 + 2 * at],
  "small ones in rounds, each time a little heavier": (at) => [10_000 + (at % 2_500), 5],
  "a heavy one that comes last": (at) => (at < 90_000 ? [4_096 + at, 7] : [3, 7]),
};

test.for(Object.entries(shapes))(
  "%s: sums are exact and nobody lacks more than the error that is told",
  ([, flowAt], { expect }) => {
    const flows = Array.from({ length: 100_000 }, (_, at) => flowAt(at));
    const given = summed(flows, LIMITS);
    const { talkers, groups, addresses } = given.flows;
    const error = given.flows.error ?? { sources: 0, groups: 0 };
    const rowsOfSources = new Map(talkers.source.map((at, i) => [addresses[at], talkers.entries[i] ?? 0]));
    const rowsOfGroups = new Map(
      groups.source.map((at, i) => [
        `${addresses[at]} ${addresses[groups.peer[i] ?? -1]}`,
        groups.entries[i] ?? 0,
      ]),
    );
    expect(add(talkers.entries) + given.flows.talkerRemainder.entries).toBe(flows.length);
    expect(add(groups.entries) + given.flows.groupRemainder.entries).toBe(flows.length);
    // Rows that are told apart but not among the largest 512 are in the remainder too.
    const leastSource = talkers.entries.length < 512 ? 0 : Math.min(...talkers.entries);
    const leastGroup = groups.entries.length < 512 ? 0 : Math.min(...groups.entries);
    const lacking = (truth: Map<string, number>, rows: Map<string | undefined, number>, most: number) =>
      [...truth].filter(
        ([key, count]) => count - (rows.get(key) ?? 0) > most || (rows.get(key) ?? 0) > count,
      );
    expect(lacking(given.sources, rowsOfSources, error.sources + leastSource)).toEqual([]);
    expect(lacking(given.groups, rowsOfGroups, error.groups + leastGroup)).toEqual([]);
    expect(error.sources + error.groups).toBeLessThan(flows.length / 50);
    expect(given.untracked).toBeLessThanOrEqual(given.flows.groupRemainder.entries);
  },
);

test("a heavy source is found exactly, however many came before it", ({ expect }) => {
  const flows = Array.from({ length: 100_000 }, (_, at): Flow => (at < 90_000 ? [4_096 + at, 7] : [3, 7]));
  const { talkers, addresses } = summed(flows, LIMITS).flows;
  expect(talkers.entries[talkers.source.indexOf(addresses.indexOf("10.0.0.3"))]).toBe(10_000);
});

test("a scan of more peers than pairs are told apart has at least so many", ({ expect }) => {
  const flows = Array.from({ length: 10_000 }, (_, at): Flow => [9, 4_096 + at]);
  expect(summed(flows, LIMITS).flows.talkers.peers).toEqual([LIMITS.pairs]);
});

test("the threshold is where a place costs the least error, and frees a quarter at least", ({ expect }) => {
  expect(foldThreshold(Uint32Array.of(1, 1, 1, 9))).toBe(1);
  expect(foldThreshold(Uint32Array.of(1, 8, 8, 8, 8, 8, 8, 8))).toBe(8);
  expect(foldThreshold(Uint32Array.of(0, 0, 5, 5))).toBe(0);
});
