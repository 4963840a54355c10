import * as fc from "fast-check";
import { expect, test } from "vitest";
import { RULES, thresholdsOf } from "../../../api/detect/index.ts";
import { MAX_CONTRIBUTORS, MAX_KEY } from "../../../api/detect/rule.ts";
import type { ClusterRule, Judged, NodeRule, Subject } from "../../../api/detect/rule.ts";
import { AGE_BOUNDS_S } from "../../../api/wire.ts";
import { SLOT_COUNTS, SLOT_GAUGES } from "../../../db/look.ts";
import type { Look, NodeWindow, Slot } from "../../../db/look.ts";
import { aLook, aNodeView, aParty, aPartyRow, AT, aWindow, someFlows } from "../../support/looks.ts";

const ALONE = { version: 0, settings: {} };
const NODE_RULES = RULES.filter((rule): rule is NodeRule => rule.scope === "node");
const CLUSTER_RULES = RULES.filter((rule): rule is ClusterRule => rule.scope === "cluster");

const GAUGES = [
  "count",
  "max",
  "entries",
  "unreplied",
  "synSent",
  "synRecv",
  "established",
  "closeWait",
  "timeWait",
  "udp",
  "snat",
] as const;
const COUNTERS = [
  "opened",
  "closed",
  "found",
  "invalid",
  "insertFailed",
  "drop",
  "earlyDrop",
  "clashResolve",
  "chainTooLong",
  "tableFull",
  "overruns",
] as const;
const BLANK = Object.fromEntries([...GAUGES, ...COUNTERS].map((name) => [name, undefined]));

const amount = fc.option(fc.constantFrom(0, 1, 7, 300, 5_000, 90_000, 262_144, 2 ** 31), { nil: undefined });
const numbersOf = (names: readonly string[]) =>
  fc.record(Object.fromEntries(names.map((name) => [name, amount])));
const numbers = numbersOf([...GAUGES, ...COUNTERS]);

const LENGTHS = [5_000, 30_000, 300_000];
const windowOf = (to: number, length: number, some: Partial<NodeWindow>): NodeWindow =>
  aWindow(0, { from: to - length, to, ...some });

const slots = (lengthMs: number, count: number): fc.Arbitrary<Slot[]> =>
  fc
    .array(
      fc.record({
        gauges: numbersOf(SLOT_GAUGES),
        counts: numbersOf(SLOT_COUNTS),
        coveredMs: fc.constantFrom(0, lengthMs / 2, lengthMs),
        gap: fc.nat(3),
      }),
      { maxLength: count },
    )
    .map((all) => {
      let start = AT - all.length * lengthMs;
      return all.map(({ gauges, counts, coveredMs, gap }) => {
        start += gap * lengthMs;
        const spread = Object.entries(gauges).flatMap(([name, value]) =>
          value === undefined ? [] : [[name, { min: value / 2, max: value * 2, last: value, mean: value }]],
        );
        return {
          start,
          end: start + lengthMs,
          coveredMs,
          gauges: Object.fromEntries(spread),
          counts,
        };
      });
    });

const look: fc.Arbitrary<Look> = fc
  .record({
    length: fc.constantFrom(...LENGTHS),
    now: numbers,
    before: fc.array(numbers, { maxLength: 20 }),
    stale: fc.boolean(),
    source: fc.constantFrom("none", "netlink", undefined),
    events: fc.constantFrom("off" as const, "complete" as const, "lossy" as const, undefined),
    trend: fc.option(slots(600_000, 37), { nil: undefined }),
    hours: fc.option(slots(3_600_000, 40), { nil: undefined }),
    parties: fc.option(
      fc.array(numbersOf(["entries", "opened", "unreplied", "idle", "closeWait", "dayMedian"]), {
        maxLength: 5,
      }),
      { nil: undefined },
    ),
    used: fc.option(fc.array(fc.nat(70_000), { maxLength: 3 }), { nil: undefined }),
    idle: fc.option(fc.array(fc.nat(5_000), { minLength: 1, maxLength: AGE_BOUNDS_S.length + 1 }), {
      nil: undefined,
    }),
  })
  .map(({ length, now, before, stale, source, events, trend, hours, parties, used, idle }) => {
    const window = windowOf(AT, length, { ...now, source, events, takenAt: stale ? AT - length - 1 : AT });
    const recent = before.map((some, i) => windowOf(AT - (before.length - i) * length, length, some));
    const party = (i: number) => aParty(`pod-${i}`);
    return aLook(window, {
      recent,
      trend,
      hours,
      flows:
        parties &&
        someFlows(window, {
          parties: parties.map((some, i) => aPartyRow(party(i), { ...some, entries: some["entries"] ?? 0 })),
        }),
      ports: used?.map((each, i) => ({
        natAddress: "192.168.0.23",
        protocol: 6,
        peer: `198.51.100.${i}`,
        peerPort: 443,
        zone: 0,
        used: each,
        holders: [{ party: party(i), used: each }],
      })),
      ages: idle && ["tcp-established", "tcp-close-wait"].map((of) => ({ of, timeoutS: 60, entries: idle })),
    });
  });

const judgedBy = (rule: NodeRule, look: Look, known: readonly Subject[] = []) =>
  rule.judge(look, thresholdsOf(rule, ALONE), known);

function checkSaid(all: readonly Judged[]): void {
  expect(new Set(all.map(({ subject }) => subject.key)).size).toBe(all.length);
  for (const { subject, finding } of all) {
    expect(subject.key.length).toBeLessThanOrEqual(MAX_KEY);
    // NaN and Infinity are null in JSON.
    expect(JSON.stringify(finding)).not.toContain("null");
    if (finding.verdict !== "unknown")
      expect(finding.contributors?.length ?? 0).toBeLessThanOrEqual(MAX_CONTRIBUTORS);
  }
}

test("whatever there is to look at, rules say something that can be kept, and the same again", () => {
  fc.assert(
    fc.property(look, (look) => {
      for (const rule of NODE_RULES) {
        const all = judgedBy(rule, look);
        checkSaid(all);
        rule.gate(look.window, thresholdsOf(rule, ALONE));
        expect(judgedBy(rule, structuredClone(look))).toEqual(all);
      }
    }),
    { numRuns: 150 },
  );
});

test("nobody is alarmed by what is not known", () => {
  fc.assert(
    fc.property(look, ({ window, recent, ...some }) => {
      const blank = { ...window, ...BLANK, takenAt: undefined, source: undefined, events: undefined };
      const blind: Look = { window: blank, recent: recent.map((each) => ({ ...each, ...BLANK })), ...some };
      for (const rule of NODE_RULES) {
        expect(rule.gate(blank, thresholdsOf(rule, ALONE))).toBeUndefined();
        const verdicts = judgedBy(rule, blind).map(({ finding }) => finding.verdict);
        expect({ rule: rule.name, bad: verdicts.includes("bad") }).toEqual({ rule: rule.name, bad: false });
      }
    }),
    { numRuns: 100 },
  );
});

test("nor does what is open resolve by what is not known", () => {
  const window = aWindow(0, { ...BLANK, takenAt: undefined, source: undefined, events: undefined });
  for (const rule of NODE_RULES) {
    const known: Subject = { kind: "node", key: "node-1", node: "node-1" };
    const verdicts = judgedBy(rule, aLook(window, { recent: [] }), [known])
      .filter(({ subject }) => subject.key === known.key)
      .map(({ finding }) => finding.verdict);
    expect({ rule: rule.name, verdicts }).toEqual({ rule: rule.name, verdicts: ["unknown"] });
  }
});

test("the order of rows says nothing", () => {
  fc.assert(
    fc.property(look, ({ flows, ports, ...some }) => {
      const turned: Look = {
        ...some,
        flows: flows && { ...flows, parties: flows.parties.toReversed() },
        ports: ports?.toReversed(),
      };
      for (const rule of NODE_RULES) {
        const byKey = (all: Judged[]) => all.toSorted((a, b) => (a.subject.key < b.subject.key ? -1 : 1));
        expect(byKey(judgedBy(rule, turned))).toEqual(byKey(judgedBy(rule, { ...some, flows, ports })));
      }
    }),
    { numRuns: 60 },
  );
});

test("a quiet node passes no gate but that of what is looked at now and then", () => {
  const window = aWindow(10, {
    count: 9_000,
    entries: 9_000,
    established: 6_000,
    opened: 1_000,
    closed: 1_000,
  });
  for (const rule of NODE_RULES) expect(rule.gate(window, thresholdsOf(rule, ALONE))).toBeUndefined();
});

test("whatever a cluster looks like, rules say something that can be kept", () => {
  const nodes = fc.array(
    fc.record({
      now: numbers,
      silentMs: fc.constantFrom(0, 100_000, 200_000, 700_000, 10 ** 9),
      seen: fc.nat(2),
    }),
    { maxLength: 12 },
  );
  const sysctl = fc.constantFrom("", "0", "8", "262144", "x");
  fc.assert(
    fc.property(
      nodes,
      fc.array(fc.tuple(sysctl, sysctl), { maxLength: 12 }),
      fc.nat(10 ** 6),
      (nodes, set, watchedMs) => {
        const view = {
          at: AT,
          watchedSince: AT - watchedMs,
          nodes: nodes.map(({ now, silentMs, seen }, i) =>
            aNodeView(windowOf(AT - silentMs, 30_000, { ...now, node: `node-${i}`, nodeId: i }), {
              firstSeenAt: AT - silentMs - seen,
              lastSeenAt: AT - silentMs,
            }),
          ),
          settings: set.map(([max, buckets], i) => ({
            node: `node-${i}`,
            nodeId: i,
            since: AT,
            cores: i % 3,
            sysctls: { "net.netfilter.nf_conntrack_max": max, "net.netfilter.nf_conntrack_buckets": buckets },
          })),
        };
        for (const rule of CLUSTER_RULES) checkSaid(rule.judge(view, thresholdsOf(rule, ALONE), []));
      },
    ),
    { numRuns: 100 },
  );
});
