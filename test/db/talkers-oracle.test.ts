import { freshDb } from "#fresh-db";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { encodeDetails } from "../../db/details.ts";
import { fieldsOf, isUnowned } from "../../db/fold/keys.ts";
import { isCount } from "../../db/fold/measures.ts";
import { storeReports } from "../../db/queries/reports.ts";
import { topTalkers } from "../../db/queries/talkers.ts";
import { encodeSegment, NAT_CLASSES } from "../../db/segment.ts";
import type { NatClass, Segment } from "../../db/segment.ts";
import { BY, BYS } from "../../db/talkers/source.ts";
import type { By, Filter } from "../../db/talkers/source.ts";
import { DAY, DEFAULT_RETENTION, MAX_AHEAD_MS, SLOT_MS, slotOf } from "../../db/tiers.ts";
import { ON_WORKERS } from "../support/on-workers.ts";
import { ownersOf } from "../support/owner-words.ts";
import { aCluster, aSegment, aStoredReport, START } from "../support/stored-report.ts";
import { HOUR_MS } from "../support/talked.ts";
import { tick } from "../support/tick.ts";

const MINUTE_MS = 60_000;
const PODS = [
  { node: "a", address: "10.0.0.1", namespace: "shop", name: "web-1", workload: "web" },
  { node: "a", address: "10.0.0.2", namespace: "shop", name: "api-1", workload: "api" },
  { node: "b", address: "10.0.0.3", namespace: "shop", name: "web-2", workload: "web" },
  { node: "b", address: "10.0.0.4", namespace: "data", name: "db-0", workload: "db" },
] as const;
/** On either node, and nobody's. */
const STRANGER = "192.0.2.9";
const METRICS = ["entries", "unreplied", "opened", "bytes"] as const;
type Metric = (typeof METRICS)[number];

type Group = { source: string; peer: string; peerPort: number; nat: NatClass; listed: boolean } & Record<
  Metric,
  number
>;
type Window = { node: "a" | "b"; slot: number; groups: Group[] };

const group = (sources: readonly string[]) =>
  fc.record({
    source: fc.constantFrom(...sources),
    peer: fc.constantFrom("198.51.100.1", "198.51.100.2", "2001:db8::2"),
    peerPort: fc.constantFrom(53, 443),
    nat: fc.constantFrom<NatClass>("none", "dnat"),
    listed: fc.integer({ min: 0, max: 9 }).map((draw) => draw > 0),
    entries: fc.nat(20),
    unreplied: fc.nat(3),
    opened: fc.nat(20),
    bytes: fc.nat(1000),
  });
/** As many as there are windows of 30 s in the half hour asked about. */
const SLOTS = 60;
const windowOf = (node: "a" | "b"): fc.Arbitrary<Window> =>
  fc.record({
    node: fc.constant(node),
    slot: fc.nat(SLOTS - 1),
    groups: fc.uniqueArray(
      group([...PODS.filter((pod) => pod.node === node).map(({ address }) => address), STRANGER]),
      { maxLength: 6, selector: ({ source, peer, peerPort, nat }) => [source, peer, peerPort, nat].join() },
    ),
  });
const fleet = fc
  .tuple(fc.array(windowOf("a"), { minLength: 1, maxLength: 10 }), fc.array(windowOf("b"), { maxLength: 10 }))
  .map(([a, b]) => [...a, ...b]);

const filters: readonly (Filter & { node?: string })[] = [
  {},
  { node: "a" },
  { namespace: "shop" },
  { workload: "web" },
  { pod: "web-1" },
  { pod: "db-0", namespace: "data" },
  { source: "10.0.0.1" },
  { source: STRANGER, node: "b" },
  { peer: "2001:db8::2" },
  { port: 53 },
  { protocol: 6, nat: "dnat" },
  { namespace: "shop", port: 443 },
  { pod: "web-1", peer: "198.51.100.1" },
  { pod: "api-1", node: "a", nat: "none" },
  { workload: "web", source: "10.0.0.3", port: 53 },
];
const question = fc.record({
  by: fc.constantFrom(...BYS),
  filter: fc.constantFrom(...filters),
  metric: fc.constantFrom(...METRICS),
  limit: fc.constantFrom(1, 2, 50),
  from: fc.nat(25 * MINUTE_MS),
  length: fc.integer({ min: 1, max: 30 * MINUTE_MS }),
});

type Question = typeof question extends fc.Arbitrary<infer Q> ? Q : never;

/** The segment of all groups, of which the report lists some. */
function segmentOf(groups: readonly Group[]): Segment {
  const all = aSegment(groups);
  const rows = [...groups.keys()].filter((row) => groups[row]!.listed);
  const left = groups.filter(({ listed }) => !listed);
  const rest = (metric: Metric) => left.reduce((sum, one) => sum + one[metric], 0);
  const columns = Object.entries(all.groups) as [string, number[]][];
  return {
    ...all,
    groups: Object.fromEntries(
      columns.map(([name, column]) => [name, rows.map((row) => column[row])]),
    ) as unknown as Segment["groups"],
    groupRemainder: {
      groups: left.length,
      entries: rest("entries"),
      unreplied: rest("unreplied"),
      opened: rest("opened"),
      bytes: rest("bytes"),
    },
  };
}

const reportsOf = (windows: readonly Window[]) =>
  windows.map(({ node, slot, groups }, sequence) =>
    aStoredReport({
      sequence,
      from: START + slot * 30_000,
      node: { name: node },
      segment: encodeSegment(segmentOf(groups)),
      details: encodeDetails({
        addresses: [],
        owners: ownersOf(
          PODS.filter((pod) => pod.node === node).map((pod) => ({
            ...pod,
            workloadKind: "Deployment",
            uid: pod.name,
          })),
          true,
        ),
      }),
    }),
  );

/** Fields that rows and filters are about. */
function named({ source, peer, peerPort, nat }: Group, node: string): Record<string, string | number> {
  const pod = PODS.find(({ address }) => address === source) ?? { namespace: "", name: "", workload: "" };
  const { namespace, name, workload } = pod;
  const [kind, workloadKind] = name === "" ? ["", ""] : ["pod", "Deployment"];
  return {
    source,
    address: source,
    peer,
    port: peerPort,
    protocol: 6,
    nat: NAT_CLASSES.indexOf(nat),
    natAddress: "",
    zone: 0,
    kind,
    namespace,
    name,
    workloadKind,
    workload,
    node,
  };
}

/** What each row truly has: of gauges the most in any minute, its nodes added up, of each the most of its windows in it. */
function truth(windows: readonly Window[], by: By, filter: Filter & { node?: string }, metric: Metric) {
  const matches = (fields: Record<string, string | number>) =>
    Object.entries({ ...filter, name: filter.pod }).every(([name, wanted]) => {
      if (wanted === undefined || name === "pod") return true;
      return fields[name] === (name === "nat" ? NAT_CLASSES.indexOf(wanted as NatClass) : wanted);
    });
  const found = new Map<string, Map<number, Map<string, number>>>();
  for (const { node, slot, groups } of windows) {
    const held = new Map<string, number>();
    for (const one of groups) {
      const fields = named(one, node);
      if (!matches(fields)) continue;
      const template = fieldsOf(BY[by], "");
      const isNobodys = by === "pod" && fields["kind"] === "";
      const key = Object.keys(template)
        .map((field) => (isNobodys ? "" : fields[field]))
        .join("\0");
      held.set(key, (held.get(key) ?? 0) + one[metric]);
    }
    const minute = Math.floor(slot / 2);
    for (const [key, value] of held) {
      const minutes = found.get(key) ?? new Map<number, Map<string, number>>();
      found.set(key, minutes);
      const nodes = minutes.get(minute) ?? new Map<string, number>();
      minutes.set(minute, nodes);
      const before = nodes.get(node) ?? 0;
      nodes.set(node, isCount(metric) ? before + value : Math.max(before, value));
    }
  }
  const sum = (values: Iterable<number>) => [...values].reduce((total, value) => total + value, 0);
  return new Map(
    [...found].map(([key, minutes]) => {
      const each = [...minutes.values()].map((nodes) => sum(nodes.values()));
      return [key, isCount(metric) ? sum(each) : Math.max(...each)];
    }),
  );
}

const DAY_START = slotOf(DAY, START);
const now = {
  unsettled: START + 30 * MINUTE_MS,
  folded: START + 2 * HOUR_MS,
  "folded into a day": DAY_START + 25 * HOUR_MS,
};

test.for(["unsettled", "folded", "folded into a day"] as const)(
  "any question of any fleet is answered as its windows say, within the bounds, where buckets are %s",
  { timeout: 60_000 },
  async (state) => {
    const isAnswered = async (windows: Window[], questions: Question[]) => {
      const db = await freshDb();
      await aCluster(db);
      await storeReports(db, reportsOf(windows));
      await tick(db, now[state]);
      for (const { filter, from, length, ...rest } of questions) {
        const range =
          state === "folded into a day"
            ? { from: DAY_START, to: DAY_START + SLOT_MS[DAY] }
            : { from: START + from, to: START + from + length };
        const stock = { retention: DEFAULT_RETENTION, now: now[state] };
        const answer = await topTalkers(db, { clusterId: 1, ...rest, ...range, ...filter, ...stock });
        if (state === "folded into a day") expect(answer.pieces).toMatchObject([{ tier: DAY }]);
        const [begin, end] = [answer.pieces[0]!.from, answer.pieces.at(-1)!.to];
        expect([begin <= range.from, end >= Math.min(range.to, now[state] + MAX_AHEAD_MS)]).toEqual([
          true,
          true,
        ]);
        const covered = windows.filter(({ slot }) => {
          const start = START + slot * 30_000;
          return start >= begin && start < end;
        });
        const right = truth(covered, rest.by, filter, rest.metric);
        // Where nobody knows the metric there is nothing to be right about.
        if (answer.rankedBy === rest.metric) {
          checkListed(answer, right, rest.metric);
          checkOthers(answer, right, rest.metric);
        }
      }
    };
    await fc.assert(fc.asyncProperty(fleet, fc.array(question, { minLength: 8, maxLength: 8 }), isAnswered), {
      numRuns: ON_WORKERS ? 4 : 15,
    });
  },
);

type Answer = Awaited<ReturnType<typeof topTalkers>>;

function checkListed({ rows, ...answer }: Answer, right: Map<string, number>, metric: Metric): void {
  const mayBeMore = answer.peaksAdded && !isCount(metric);
  for (const { key, amounts } of rows) {
    const value = amounts[metric] ?? 0;
    const truly = right.get(key) ?? 0;
    if (!mayBeMore) expect(value).toBeLessThanOrEqual(truly);
    expect(value + (answer.lack[metric] ?? 0)).toBeGreaterThanOrEqual(truly);
    if (answer.exact) expect(value).toBe(truly);
  }
}

function checkOthers(answer: Answer, right: Map<string, number>, metric: Metric): void {
  const { rows, unattributed, exact } = answer;
  const listed = new Set(rows.map(({ key }) => key));
  const least = rows.at(-1)?.amounts[metric] ?? 0;
  for (const [key, value] of right) {
    if (listed.has(key) || (unattributed && isUnowned(key))) continue;
    expect(value).toBeLessThanOrEqual(answer.missing[metric] ?? 0);
    if (exact) expect(value).toBeLessThanOrEqual(least);
  }
}
