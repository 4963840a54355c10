import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { keyOf, NOBODY, workloadOf } from "../../../db/fold/keys.ts";
import { COUNTS, type Measure } from "../../../db/fold/measures.ts";
import { CLUSTER_DIMENSIONS, NODE_DIMENSIONS } from "../../../db/fold/table.ts";
import type { Bucket, Dimension, Table } from "../../../db/fold/table.ts";
import { ClusterFold, foldBuckets, foldWindows } from "../../../db/fold.ts";
import { NAT_CLASSES } from "../../../db/segment.ts";
import {
  isSnat,
  type SomeNode,
  someNodes,
  type SomeWindow,
  type TrueGroup,
} from "../../support/some-windows.ts";

const MINUTE_MS = 60_000;
const TEN_MINUTES_MS = 600_000;
const HOUR = { start: 0, end: 3_600_000 };
const KNOWN = ["entries", "snatEntries", "unreplied", ...COUNTS] as const;
type Amounts = Record<(typeof KNOWN)[number], number>;
type Truth = Map<string, Amounts>;
type Slot = { start: number; end: number };

const slots = (ms: number): Slot[] =>
  Array.from({ length: HOUR.end / ms }, (_, i) => ({ start: i * ms, end: (i + 1) * ms }));
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

function nodeBuckets({ windows, holders }: SomeNode) {
  const tenMinutes = slots(TEN_MINUTES_MS).map((slot) => foldWindows(slot, windows, holders));
  return { tenMinutes, hour: foldBuckets(tenMinutes) };
}

function clusterBuckets(nodes: readonly SomeNode[]) {
  const minutes = slots(MINUTE_MS).map((slot) => {
    const fold = new ClusterFold(slot);
    for (const { name, windows, holders } of nodes) fold.add(name, windows, holders);
    return fold.finish();
  });
  const tenMinutes = slots(TEN_MINUTES_MS).map(({ start, end }) =>
    foldBuckets(minutes.slice(start / MINUTE_MS, end / MINUTE_MS)),
  );
  return { minutes, tenMinutes, hour: foldBuckets(tenMinutes) };
}

/** The key of a group, were it told without codecs. */
function keyOfGroup(dimension: Dimension, group: TrueGroup, node: SomeNode, { start, end }: Slot): string {
  const owner = node.holders(group.source, start, end) ?? NOBODY;
  const flow = {
    source: group.source,
    peer: group.peer,
    port: group.port,
    protocol: 6,
    nat: NAT_CLASSES.indexOf(group.nat),
    natAddress: isSnat(group) ? "192.168.0.1" : "",
    zone: 0,
  };
  const keys: Record<Dimension, () => string> = {
    source: () => keyOf("source", { ...owner, address: group.source }),
    group: () => keyOf("group", { ...owner, ...flow }),
    owner: () => keyOf("owner", { ...owner, node: owner.kind && node.name }),
    workload: () => keyOf("workload", workloadOf(owner)),
    namespace: () => keyOf("namespace", owner),
    node: () => keyOf("node", { node: node.name }),
    address: () => keyOf("address", { address: group.source }),
    peer: () => keyOf("peer", flow),
    edge: () => keyOf("edge", { ...workloadOf(owner), ...flow }),
    flow: () => keyOf("flow", { ...owner, ...flow, node: node.name }),
  };
  return keys[dimension]();
}

const amountsOf = (group: TrueGroup): Amounts => ({
  ...group,
  snatEntries: isSnat(group) ? group.entries : 0,
});
const isGauge = (measure: Measure) => !COUNTS.some((count) => count === measure);

function combined(truths: readonly Truth[], gauge: (values: number[]) => number): Truth {
  const keys = new Set(truths.flatMap((truth) => [...truth.keys()]));
  const of = (key: string, measure: (typeof KNOWN)[number]) =>
    truths.map((truth) => truth.get(key)?.[measure] ?? 0);
  const amounts = (key: string) =>
    Object.fromEntries(
      KNOWN.map((measure) => [measure, isGauge(measure) ? gauge(of(key, measure)) : sum(of(key, measure))]),
    ) as Amounts;
  return new Map([...keys].map((key) => [key, amounts(key)]));
}
const inTime = (truths: readonly Truth[]) => combined(truths, (values) => Math.max(0, ...values));
const across = (truths: readonly Truth[]) => combined(truths, sum);

/** What a window gives to a slot. */
function truthOfWindow(dimension: Dimension, node: SomeNode, window: SomeWindow, slot: Slot): Truth {
  const reaches = window.start < slot.end && window.end > slot.start;
  const begins = window.start >= slot.start && window.start < slot.end;
  if (!reaches && !begins) return new Map();
  const rows = window.groups.map((group): Truth => {
    const amounts = amountsOf(group);
    for (const measure of KNOWN) if (!(isGauge(measure) ? reaches : begins)) amounts[measure] = 0;
    return new Map([[keyOfGroup(dimension, group, node, window), amounts]]);
  });
  return across(rows);
}

const truthOfNode = (dimension: Dimension, node: SomeNode, slot: Slot) =>
  inTime(node.windows.map((window) => truthOfWindow(dimension, node, window, slot)));
const truthOfMinute = (dimension: Dimension, nodes: readonly SomeNode[], slot: Slot) =>
  across(nodes.map((node) => truthOfNode(dimension, node, slot)));

const NO_TABLE: Table = { keys: [], columns: {}, rest: { rows: 0 }, lack: {}, miss: {} };
const OWNERLESS = keyOf("owner", { ...NOBODY, node: "" });

/** Sums, bounds, and that no row says more than there was. */
function check(bucket: Bucket, dimension: Dimension, truth: Truth): void {
  const table = bucket[dimension] ?? NO_TABLE;
  for (const measure of KNOWN) {
    const { [measure]: rest = 0 } = table.rest;
    const sums = sum([...(table.columns[measure] ?? [])]) + rest;
    if (!isGauge(measure)) expect(sums).toBe(sum([...truth.values()].map((amounts) => amounts[measure])));
    for (const [key, amounts] of truth) {
      const { value, bound } = said(table, key, measure);
      expect(amounts[measure]).toBeLessThanOrEqual(
        value + (dimension === "owner" && key === OWNERLESS ? rest : bound),
      );
      if (table.keys.includes(key)) expect(value).toBeLessThanOrEqual(amounts[measure]);
    }
  }
  for (const key of table.keys) expect(truth.has(key) || dimension === "node").toBe(true);
}

function said(table: Table, key: string, measure: Measure): { value: number; bound: number } {
  const row = table.keys.indexOf(key);
  if (row < 0) return { value: 0, bound: table.miss[measure] ?? 0 };
  return { value: table.columns[measure]?.[row] ?? 0, bound: table.lack[measure] ?? 0 };
}

describe("folding a fleet", () => {
  it("keeps the sums and the bounds of nodes, from windows to the hour", () => {
    fc.assert(
      fc.property(someNodes, (nodes) => {
        for (const node of nodes) {
          const { tenMinutes, hour } = nodeBuckets(node);
          for (const dimension of NODE_DIMENSIONS) {
            const truths = slots(TEN_MINUTES_MS).map((slot) => truthOfNode(dimension, node, slot));
            for (const [i, truth] of truths.entries()) check(tenMinutes[i] ?? {}, dimension, truth);
            check(hour, dimension, inTime(truths));
          }
        }
      }),
    );
  });

  it("keeps the sums and the bounds of a cluster, from minutes to the hour", () => {
    fc.assert(
      fc.property(someNodes, (nodes) => {
        const { minutes, tenMinutes, hour } = clusterBuckets(nodes);
        for (const dimension of CLUSTER_DIMENSIONS) {
          const truths = slots(MINUTE_MS).map((slot) => truthOfMinute(dimension, nodes, slot));
          for (const [i, truth] of truths.entries()) check(minutes[i] ?? {}, dimension, truth);
          for (const [i, bucket] of tenMinutes.entries())
            check(bucket, dimension, inTime(truths.slice(10 * i, 10 * i + 10)));
          check(hour, dimension, inTime(truths));
        }
      }),
      { numRuns: 15 },
    );
  });

  it("gives the same whatever the order of windows, nodes and buckets", () => {
    fc.assert(
      fc.property(someNodes, (nodes) => {
        const reversed = nodes.map((node) => ({ ...node, windows: node.windows.toReversed() })).toReversed();
        const [one, other] = [clusterBuckets(nodes), clusterBuckets(reversed)];
        expect(other).toEqual(one);
        expect(foldBuckets(one.tenMinutes.toReversed())).toEqual(one.hour);
        expect(nodeBuckets(reversed[0] ?? { name: "", windows: [], holders: () => undefined })).toEqual(
          nodeBuckets(nodes.at(-1)!),
        );
      }),
      { numRuns: 15 },
    );
  });
});
