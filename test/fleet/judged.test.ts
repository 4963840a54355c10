import { expect, test } from "vitest";
import { inForce } from "../../api/alerts/in-force.ts";
import { defineNodeRule } from "../../api/detect/rule.ts";
import type { NodeWindow } from "../../db/look.ts";
import { Activity, PORTS } from "./judged/activity.ts";
import { agesOf, flowsOf, portsOf } from "./judged/detail.ts";
import { SimFleet } from "./judged/fleet.ts";
import { Judge, type Opening } from "./judged/judge.ts";
import { Noise } from "./judged/noise.ts";
import type { SimNode } from "./judged/node.ts";
import type { FleetSize } from "./judged/plan.ts";
import { runSeed } from "./judged/run.ts";
import { scoresOf } from "./judged/score.ts";
import { StaticRules } from "./judged/static.ts";
import { Stream } from "./judged/stream.ts";
import { isFalseCritical, rateOf, summaryOf } from "./judged/summary.ts";
import { TABLE_MAX } from "./judged/traits.ts";
import { type Truth, unseen } from "./judged/truth.ts";

const SMALL: FleetSize = { seed: 7, nodes: 8, days: 2, quietDays: 0.75, windowS: 60, troubles: 3 };
const MINUTE = 60_000;

/** Names who has this many entries, as a rule does that knows nothing of what is usual. */
const large = defineNodeRule({
  name: "pod-flood",
  revision: 1,
  title: "large",
  unit: "entries",
  thresholds: {},
  policy: { need: { windows: 2, ms: 0 }, clearMs: 10 * MINUTE, cooldownMs: 0 },
  gate: ({ entries = 0 }) => (entries >= 20_000 ? { flows: {} } : undefined),
  judge: ({ flows }) =>
    (flows?.parties ?? [])
      .filter(({ entries }) => entries >= 20_000)
      .map(({ party, entries: value }) => ({
        subject: { kind: "party", key: party.name, party },
        finding: { verdict: "bad", severity: "warning", value },
      })),
});

test("one seed makes one fleet, whoever else is in it", () => {
  const told = (size: FleetSize) => {
    const fleet = new SimFleet(size);
    const windows: NodeWindow[] = [];
    for (let at = 0; at < 200; at += 1) fleet.step((window) => windows.push(window));
    return windows;
  };
  const first = told(SMALL);
  expect(first.length).toBeGreaterThan(1_200);
  expect(told(SMALL)).toEqual(first);
  expect(told({ ...SMALL, seed: 8 })).not.toEqual(first);
});

const sum = (of: readonly (number | undefined)[]): number =>
  of.reduce<number>((whole, part) => whole + (part ?? 0), 0);
const entriesOf = (rows: readonly { entries: number }[]): number => sum(rows.map(({ entries }) => entries));

/** What does not agree with itself in a window. */
function wrongIn(window: NodeWindow): string | undefined {
  const { entries = 0, established, synRecv, synSent, timeWait, closeWait, udp } = window;
  if (sum([established, synRecv, synSent, timeWait, closeWait, udp]) !== entries)
    return "states do not add up";
  const parts = [window.unreplied, window.snat].map((part) => part ?? 0);
  if (parts.some((part) => part > entries)) return "a part is more than the whole";
  return (window.count ?? 0) > TABLE_MAX ? "more than the table holds" : undefined;
}

function expectParts(node: SimNode, window: NodeWindow): void {
  const { entries = 0 } = window;
  const flows = flowsOf(node, window, 100);
  expect(entriesOf(flows.parties)).toBeLessThanOrEqual(entries);
  expect(entriesOf(flows.parties)).toBeGreaterThan(0.98 * entries - 60);
  expect(entriesOf(flows.flows)).toBeLessThanOrEqual(entriesOf(flows.parties));
  for (const { established, closeWait, unreplied, entries: own } of flows.parties)
    expect(sum([established, closeWait, unreplied])).toBeLessThanOrEqual(own);
  for (const { used } of portsOf(node, window)) expect(used).toBeLessThanOrEqual(PORTS);
  const ages = agesOf(node).find(({ of }) => of === "tcp-established")!;
  if (window.takenAt! > window.from)
    expect(sum(ages.entries)).toBeLessThanOrEqual(sum([window.established, window.synRecv]));
}

test("entries add up by state, parts are no more than wholes, and no table holds more than it can", () => {
  const fleet = new SimFleet(SMALL);
  let [full, looked] = [0, 0];
  while (!fleet.isOver)
    fleet.step((window, node) => {
      if (window.entries === undefined) return;
      const wrong = wrongIn(window);
      if (wrong !== undefined) expect.fail(`${window.node} at ${window.from}: ${wrong}`);
      if (window.count === TABLE_MAX) full += 1;
      if (window.from % (37 * MINUTE) !== 0) return;
      looked += 1;
      expectParts(node, window);
    });
  expect(looked).toBeGreaterThan(300);
  expect(full).toBeGreaterThan(0);
});

test("a full table drops and says so; ports that run out fail to be inserted", () => {
  const fleet = new SimFleet(SMALL);
  while (!fleet.isOver) fleet.step(() => {});
  const seen = (kind: Truth["kind"]) => fleet.plan.truths.find((truth) => truth.kind === kind)!.seen;
  expect(seen("full")).toMatchObject({ fill: 1, insertFailed: 0 });
  expect(seen("full").drops).toBeGreaterThan(10_000);
  expect(seen("ports-sudden").insertFailed).toBeGreaterThan(10_000);
  expect(seen("ports-sudden").insertFailed).toBe(seen("ports-sudden").drops);
});

test("a table is nearly full from when it stays so", () => {
  const fleet = new SimFleet({ ...SMALL, days: 4, troubles: 6 });
  while (!fleet.isOver) fleet.step(() => {});
  const leaks = fleet.plan.truths.filter(({ seen }) => seen.held80 !== undefined);
  expect(leaks.length).toBeGreaterThan(0);
  for (const { seen } of leaks) expect(seen.held80).toBeGreaterThanOrEqual(seen.at80!);
});

test("flows linger as long as the kernel keeps them", () => {
  const noise = new Noise(1);
  const stream = new Stream({ form: "tcp", meanS: 1e-3, lingerS: 120 }, 60);
  for (let at = 0; at < 5; at += 1) stream.step(6_000, noise);
  // By Little's law.
  expect(stream.entries / (100 * 120)).toBeCloseTo(1, 1);
  const opened = stream.opened;
  expect(stream.refuse(0.5)).toBe(Math.round(opened / 2));
  for (const empty of [0, 1, 2]) {
    stream.step(0, noise);
    expect(stream.entries > 0, `after ${empty}`).toBe(empty < 1);
  }
  const activity = new Activity(
    { from: 0, to: 60_000, form: "syn", meanS: 0, perSecond: 10, pods: [1], snat: true, peers: [1], port: 1 },
    60,
  );
  activity.step(0, 0, noise);
  expect(activity.isOver(60_000)).toBe(false);
  for (let at = 1; at < 4; at += 1) activity.step(at * 60_000, 0, noise);
  expect(activity.isOver(240_000)).toBe(true);
});

test("a rule of its own finds the floods, and is told apart where nothing was wrong", () => {
  const run = runSeed(SMALL, [nodeNamed(large)]);
  const floods = run.ours.attempts.filter(({ truth }) => truth.kind === "flood");
  expect(floods.length).toBeGreaterThan(0);
  expect(floods.filter(({ openedAt }) => openedAt !== undefined)).toHaveLength(floods.length);
  for (const { delayMs } of floods) expect(delayMs).toBeLessThan(40 * MINUTE);
  expect(new Set(run.ours.scored.map(({ verdict }) => verdict))).toContain("false");
  expect(run.run.looks).toBeLessThan(run.run.windows);
  const plan = new SimFleet(SMALL).plan;
  expect(plan.truths.length).toBe(run.truths.length);
});

test("what is not scored is not judged, but for the time before that rules look back on", () => {
  const judge = new Judge(
    new SimFleet({ ...SMALL, quietDays: 1, nodes: 2 }),
    inForce([nodeNamed(large)], { version: 0, settings: {} }),
  );
  for (let at = 0; at < 12 * 60; at += 1) judge.step();
  expect(judge.run.windows).toBe(0);
  judge.step();
  expect(judge.run.windows).toBeGreaterThan(0);
});

/** Subjects say which node they are on by the name in the window. */
function nodeNamed(rule: typeof large): typeof large {
  return {
    ...rule,
    judge: (look, thresholds, known) =>
      rule
        .judge(look, thresholds, known)
        .map(({ subject, finding }) => ({ subject: { ...subject, node: look.window.node }, finding })),
  };
}

const truth = (of: Partial<Truth>): Truth => ({
  kind: "flood",
  from: 100 * MINUTE,
  to: 110 * MINUTE,
  node: "a",
  nodes: [of.node ?? "a"],
  pods: [3],
  said: "",
  seen: unseen(),
  ...of,
});
const opening = (of: Partial<Opening>): Opening => ({
  rule: "pod-flood",
  node: "a",
  party: "pod-3",
  subject: "x",
  at: 105 * MINUTE,
  severity: "warning",
  ...of,
});
const SCORING = {
  from: 0,
  rules: ["pod-flood", "drops"],
  isPod: (_: string, pod: number, name: string) => name === `pod-${pod}`,
};

test.each<[string, Partial<Opening>, string]>([
  ["of its node, Pod and time", {}, "found"],
  ["ten minutes after its end", { at: 120 * MINUTE }, "found"],
  ["later than that", { at: 120 * MINUTE + 1 }, "false"],
  ["at its begin, before anything can be known", { at: 100 * MINUTE }, "false"],
  ["of another node", { node: "b" }, "false"],
  ["of another Pod of the node", { party: "pod-4" }, "secondary"],
  ["by a rule of another kind", { rule: "drops" }, "secondary"],
  ["of the cluster", {}, "false"],
])("an opening %s", (title, of, verdict) => {
  const { node, ...rest } = opening(of);
  const one = title === "of the cluster" ? rest : { ...rest, node: node! };
  const { scored, attempts } = scoresOf([one], [truth({})], SCORING);
  expect(scored.map((of) => of.verdict)).toEqual([verdict]);
  expect(attempts).toHaveLength(1);
  expect(attempts[0]!.delayMs).toBe(verdict === "found" ? opening(of).at - 100 * MINUTE : undefined);
});

test("a second right opening is none of another trouble, and one before scoring is not counted", () => {
  const openings = [opening({}), opening({ at: 107 * MINUTE }), opening({ at: 10 * MINUTE, node: "b" })];
  const { scored } = scoresOf(openings, [truth({})], { ...SCORING, from: 50 * MINUTE });
  expect(scored.map(({ verdict }) => verdict)).toEqual(["found", "again"]);
});

test("rules about tables are held against what the table did", () => {
  const dropped = truth({ kind: "leak", seen: { ...unseen(), drops: 1_000 } });
  const { attempts } = scoresOf([], [dropped, truth({ kind: "leak" })], SCORING);
  expect(attempts.map(({ rule }) => rule)).toEqual(["drops"]);
});

test("sums up by rule, with intervals that hold the value", () => {
  const truths = [truth({}), truth({ node: "b", nodes: ["b"] }), truth({ node: "c", nodes: ["c"] })];
  const wrong = opening({ node: "d", criticalAt: 5 });
  const scores = scoresOf([opening({}), opening({ node: "b", at: 109 * MINUTE }), wrong], truths, SCORING);
  const seeds = [{ seed: 1, scores, nodes: 10, nodeDays: 100 }];
  const summary = summaryOf("pod-flood", seeds);
  expect(summary).toMatchObject({ attempts: 3, found: 2, false: 1, falseCritical: 1, precision: 2 / 3 });
  expect(summary.recall!.value).toBeCloseTo(2 / 3);
  expect(summary.recall!.low).toBeLessThan(summary.recall!.value);
  expect(summary.delay).toEqual({ p50: 9, p90: 9 });
  expect(rateOf(seeds, isFalseCritical).value).toBeCloseTo(10);
});

test("public rules fire as Prometheus does", () => {
  const rules = new StaticRules();
  const fills = [0.7, 0.76, 0.7, 0.81, 0.81, 0.81, 0.81, 0.81, 0.81, 0.5];
  for (const [at, fill] of fills.entries())
    rules.judge({
      node: "a",
      count: fill * 1_000,
      max: 1_000,
      from: at * MINUTE,
      to: (at + 1) * MINUTE,
    } as NodeWindow);
  expect(rules.openings.map(({ rule, at, resolvedAt }) => [rule, at / MINUTE, resolvedAt! / MINUTE])).toEqual(
    [
      ["> 75 %, no for", 2, 3],
      ["> 75 %, no for", 4, 10],
      ["> 80 % for 5 min", 8, 10],
    ],
  );
});
