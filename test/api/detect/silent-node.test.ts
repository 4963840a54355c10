import { describe, expect, test } from "vitest";
import type { ClusterView, Judged, NodeView, Subject } from "../../../api/detect/rule.ts";
import { viewJudged } from "../../support/verdicts.ts";
import { AT, aWindow } from "../../support/looks.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** When everybody looks. */
const NOW = AT + HOUR_MS;

/** A node that reported last so long ago, in ms. */
function node(
  name: string,
  silentMs: number,
  some: Partial<NodeView> & { windowMs?: number } = {},
): NodeView {
  const { windowMs = 30_000, ...view } = some;
  const lastSeenAt = NOW - silentMs;
  const window = aWindow(0, {
    node: name,
    from: lastSeenAt - windowMs,
    to: lastSeenAt,
    receivedAt: lastSeenAt,
  });
  return {
    nodeId: 1,
    node: name,
    firstSeenAt: AT - HOUR_MS * 999,
    lastSeenAt,
    window,
    recent: [],
    hours: [],
    ...view,
  };
}
const view = (nodes: readonly NodeView[], some: Partial<ClusterView> = {}): ClusterView => ({
  at: NOW,
  watchedSince: AT - HOUR_MS * 999,
  nodes,
  settings: [],
  ...some,
});
const knownNode = (name: string): Subject => ({ kind: "node", key: name, node: name });
const CLUSTER: Subject = { kind: "cluster", key: "__cluster__" };
/** Nodes that reported a second ago. */
const well = (count: number) => Array.from({ length: count }, (_, i) => node(`well-${i}`, 1_000));
const silent = (count: number, ms = 4 * MINUTE_MS) =>
  Array.from({ length: count }, (_, i) => node(`silent-${i}`, ms));

const said = (all: readonly Judged[]) =>
  Object.fromEntries(
    all.map(({ subject, finding }) => [
      subject.key,
      finding.verdict === "bad" ? finding.severity : finding.verdict,
    ]),
  );
const judged = (
  nodes: readonly NodeView[],
  known: readonly Subject[] = [],
  some: Partial<ClusterView> = {},
) => said(viewJudged("silent-node", view(nodes, some), known));

describe("one node", () => {
  test.each([
    [180_000 - 1, 30_000, undefined],
    [180_000, 30_000, "warning"],
    [600_000 - 1, 30_000, "warning"],
    [600_000, 30_000, "critical"],
    // Three windows, where these are longer.
    [900_000 - 1, 300_000, undefined],
    [900_000, 300_000, "critical"],
    [450_000, 150_000, "warning"],
    [450_000 - 1, 150_000, undefined],
  ])("silent for %i ms with windows of %i is %s", (ms, windowMs, expected) => {
    expect(judged([...well(9), node("one", ms, { windowMs })])).toEqual(expected ? { one: expected } : {});
  });

  test("is well with its next report", () => {
    expect(judged([...well(9), node("one", 1_000)], [knownNode("one")])).toEqual({ one: "clear" });
    expect(judged([...well(9), node("one", 600_000)], [knownNode("one")])).toEqual({ one: "critical" });
  });

  test("is no news if it was gone for a day before anybody looked, or came only once", () => {
    const day = 24 * HOUR_MS;
    expect(judged([...well(9), node("one", day)])).toEqual({});
    expect(judged([...well(9), node("one", day - 1)])).toEqual({ one: "warning" });
    expect(judged([...well(9), node("one", 180_000, { firstSeenAt: NOW - 180_000 })])).toEqual({});
  });

  test("is not critical for longer than two hours: most likely it was taken away", () => {
    const critical = 600_000;
    expect(judged([...well(9), node("one", critical + 2 * HOUR_MS - 1)])).toEqual({ one: "critical" });
    expect(judged([...well(9), node("one", critical + 2 * HOUR_MS)])).toEqual({ one: "warning" });
  });

  test("ends after a day, or once nothing is known of it, and is not said to be well", () => {
    const day = 24 * HOUR_MS;
    const over = (nodes: readonly NodeView[], some: Partial<ClusterView> = {}) =>
      viewJudged("silent-node", view(nodes, some), [knownNode("one")]);
    const unknown = { subject: knownNode("one"), finding: { verdict: "unknown" } };
    expect(over([...well(9), node("one", day)])).toEqual([{ ...unknown, over: "silent" }]);
    // Nobody has listened for long enough to give it up.
    expect(over([...well(9), node("one", day)], { watchedSince: NOW - 180_000 + 1 })).toEqual([unknown]);
    expect(over(well(9))).toEqual([{ ...unknown, over: "retired" }]);
  });

  test("was not silent for sure while the service itself was away", () => {
    const away = (ms: number) => ({ watchedSince: NOW - ms });
    const one = node("one", 20 * MINUTE_MS);
    expect(judged([...well(9), one], [], away(180_000 - 1))).toEqual({});
    expect(judged([...well(9), one], [knownNode("one")], away(180_000 - 1))).toEqual({ one: "unknown" });
    expect(judged([...well(9), one], [], away(180_000))).toEqual({ one: "warning" });
    expect(judged([...well(9), one], [], away(600_000))).toEqual({ one: "critical" });
    expect(judged(well(1), [CLUSTER], away(0))).toEqual({ __cluster__: "clear" });
    expect(judged([...well(1), one], [CLUSTER], away(0))).toEqual({ __cluster__: "unknown" });
  });

  test("says since when", () => {
    const [one] = viewJudged("silent-node", view([...well(9), node("one", 200_000)]));
    expect(one).toMatchObject({
      subject: knownNode("one"),
      finding: { value: 200_000, limit: 180_000, facts: { lastSeenAt: NOW - 200_000 } },
    });
  });
});

describe("many nodes at once", () => {
  test("more than three tenths are the cluster, and no nodes", () => {
    expect(judged([...well(7), ...silent(3)])).toEqual({
      "silent-0": "warning",
      "silent-1": "warning",
      "silent-2": "warning",
    });
    expect(judged([...well(6), ...silent(4)])).toEqual({ __cluster__: "warning" });
    expect(judged([...well(6), ...silent(4, 600_000)])).toEqual({ __cluster__: "critical" });
    const [cluster] = viewJudged("silent-node", view([...well(6), ...silent(4)]));
    expect(cluster?.finding).toMatchObject({
      value: 240_000,
      cause: "ingest-or-network",
      facts: { silent: 4, nodes: 10, lastSeenAt: expect.any(Number) },
    });
  });

  test("of three nodes or fewer only all are", () => {
    expect(Object.keys(judged([...well(2), ...silent(2)]))).toEqual(["__cluster__"]);
    expect(Object.keys(judged([...well(1), ...silent(2)]))).toEqual(["silent-0", "silent-1"]);
    expect(Object.keys(judged(silent(3)))).toEqual(["__cluster__"]);
    expect(Object.keys(judged(silent(1)))).toEqual(["silent-0"]);
  });

  test("nodes that were open before say nothing while the cluster does, and the other way round", () => {
    expect(judged([...well(6), ...silent(4)], [knownNode("silent-0")])).toEqual({
      "silent-0": "unknown",
      __cluster__: "warning",
    });
    expect(judged([...well(7), ...silent(3)], [CLUSTER])).toMatchObject({
      __cluster__: "clear",
      "silent-0": "warning",
    });
  });

  test("those who have nearly been silent for their time fell silent with the others", () => {
    const late = (ms: number) => [...well(6), ...silent(2, 180_000), node("late-0", ms), node("late-1", ms)];
    expect(judged(late(120_000))).toEqual({ __cluster__: "warning" });
    expect(Object.keys(judged(late(120_000 - 1)))).toEqual(["silent-0", "silent-1"]);
    // None of them for sure.
    expect(judged([...well(6), ...silent(4, 180_000 - 1)])).toEqual({});
  });

  test("nodes that went one by one are nodes", () => {
    const gone = (apart: number) => [240_000, 240_000 + apart, 240_000 + 2 * apart, 240_000 + 3 * apart];
    const nodes = (apart: number) => [...well(6), ...gone(apart).map((ms, i) => node(`silent-${i}`, ms))];
    expect(Object.keys(judged(nodes(20_000)))).toEqual(["__cluster__"]);
    expect(Object.keys(judged(nodes(20_001)))).toHaveLength(4);
  });

  test("end together after a day, and none of them is told of for it", () => {
    const day = 24 * HOUR_MS;
    // They fell silent within some seconds of each other.
    const gone = (ms: number) => Array.from({ length: 4 }, (_, i) => node(`silent-${i}`, ms - i * 5_000));
    const over = (nodes: readonly NodeView[], known = [CLUSTER], some: Partial<ClusterView> = {}) =>
      viewJudged("silent-node", view(nodes, some), known);
    const end = { subject: CLUSTER, finding: { verdict: "unknown" }, over: "silent" };
    expect(said(over([...well(6), ...gone(day - 1)]))).toEqual({ __cluster__: "critical" });
    for (const ms of [day, day + 5_000, day + HOUR_MS, day + HOUR_MS + 20_000, 40 * HOUR_MS])
      expect(over([...well(6), ...gone(ms)])).toEqual([end]);
    expect(over(gone(40 * HOUR_MS))).toEqual([end]);
    expect(over([])).toEqual([end]);
    expect(over([...well(6), ...gone(day)], [])).toEqual([end]);
    // After the service was away they may still come.
    const unknown = { subject: CLUSTER, finding: { verdict: "unknown" } };
    expect(over(gone(40 * HOUR_MS), [CLUSTER], { watchedSince: NOW })).toEqual([unknown]);
  });

  test("nodes long gone are not counted", () => {
    const gone = Array.from({ length: 90 }, (_, i) => node(`gone-${i}`, 30 * HOUR_MS));
    expect(Object.keys(judged([...gone, ...well(6), ...silent(4)]))).toEqual(["__cluster__"]);
  });
});
