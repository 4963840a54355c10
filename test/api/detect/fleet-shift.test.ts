import { expect, test } from "vitest";
import type { ClusterView, NodeWindow } from "../../../db/look.ts";
import { atRest, DAY_MS } from "../../support/hours.ts";
import { viewJudged } from "../../support/verdicts.ts";
import { aClusterView, aNodeView, AT, aWindow, WINDOW_MS, windowsBefore } from "../../support/looks.ts";

const HOURS = atRest();
const raised = { count: 40_000 };

/** Of `nodes` nodes, the first `of` are so for as long as they are looked at. */
function shifted(nodes: number, of: number, some: Partial<NodeWindow> = raised, hours = HOURS): ClusterView {
  return aClusterView(
    Array.from({ length: nodes }, (_, i) => {
      const node = { nodeId: i + 1, node: `node-${i + 1}` };
      const all = { ...node, ...(i < of && some) };
      return aNodeView(aWindow(0, all), { recent: windowsBefore(0, 9, () => all), hours });
    }),
  );
}

const bad = (view: ClusterView) => viewJudged("fleet-shift", view).map(({ subject }) => subject.key);

test.each([
  ["six of twenty", 20, 6, ["count"]],
  ["five of them may be so by chance", 20, 5, []],
  ["five of ten not", 10, 5, ["count"]],
  ["four of ten", 10, 4, []],
  ["a tenth of a hundred", 100, 10, ["count"]],
  ["less than that", 100, 9, []],
  ["six of fifty may be so by chance", 50, 6, []],
  ["seven not", 50, 7, ["count"]],
  ["all of few", 4, 4, []],
])("%s", (_, nodes, of, keys) => {
  expect(bad(shifted(nodes, of))).toEqual(keys);
});

test.each([
  ["opened", { opened: 60_000 }],
  ["halfOpen", { unreplied: 1_000 }],
  ["closeWait", { closeWait: 1_000 }],
  ["invalid", { invalid: 3_000 }],
  ["insertFailed", { insertFailed: 3_000 }],
])("of %s", (series, some) => {
  expect(bad(shifted(20, 6, some))).toEqual([series]);
});

test("a node was unusual within the last five minutes", () => {
  const at = (number: number) => {
    const recent = windowsBefore(0, 12, (each) => (each === number ? { count: 200_000 } : {}));
    const { nodes, ...view } = shifted(20, 0);
    return bad({ ...view, nodes: nodes.map((node) => ({ ...node, recent })), at: AT + WINDOW_MS });
  };
  // Two windows later it is half forgotten twice: the window that began five minutes ago still counts, the one before no more.
  expect([-1, -9, -11, -12].map(at)).toEqual([["count"], ["count"], ["count"], []]);
});

test("a node of which nothing came for five minutes does not count", () => {
  const after = (ms: number) => bad({ ...shifted(20, 6), at: AT + WINDOW_MS + ms });
  expect(after(5 * 60_000 - 1)).toEqual(["count"]);
  expect(after(5 * 60_000)).toEqual([]);
  const known = [{ kind: "cluster" as const, key: "closeWait" }];
  const silent = { ...shifted(20, 6), at: AT + WINDOW_MS + 5 * 60_000 };
  expect(viewJudged("fleet-shift", silent, known)).toMatchObject([{ finding: { verdict: "unknown" } }]);
});

test("whose history is shorter than three days does not count", () => {
  const since = (days: number) => HOURS.filter(({ start }) => start > AT - days * DAY_MS - 3 * 3_600_000);
  expect(bad(shifted(20, 20, raised, since(3)))).toEqual(["count"]);
  expect(bad(shifted(20, 20, raised, since(2)))).toEqual([]);
  expect(bad(shifted(20, 20, raised, []))).toEqual([]);
});

test("who was so in the hour before has not changed now", () => {
  const hourBefore = (count: number) =>
    HOURS.map((slot) =>
      slot.end > AT - 3_600_000
        ? { ...slot, gauges: { count: { min: count, max: count, mean: count, last: count } } }
        : slot,
    );
  expect(bad(shifted(20, 20, raised, hourBefore(40_000)))).toEqual([]);
  expect(bad(shifted(20, 20, raised, hourBefore(20_500)))).toEqual(["count"]);
});

test.each([
  ["half of what it takes", 3, "between"],
  ["less", 2, "clear"],
])("what is known resolves: %s", (_, of, verdict) => {
  const known = [{ kind: "cluster" as const, key: "count" }];
  expect(viewJudged("fleet-shift", shifted(20, of), known)).toMatchObject([{ finding: { verdict } }]);
});

test("nothing is said of a cluster of which nothing is known", () => {
  const known = [{ kind: "cluster" as const, key: "count" }];
  expect(viewJudged("fleet-shift", aClusterView([]), known)).toEqual([
    { subject: known[0], finding: { verdict: "unknown" } },
  ]);
});

test("the finding names how many of how many, and the most unusual", () => {
  const view = shifted(100, 12);
  const nodes = view.nodes.map((node, i) =>
    i === 11
      ? {
          ...node,
          window: { ...node.window, count: 200_000 },
          recent: windowsBefore(0, 9, () => ({ count: 200_000 })),
        }
      : node,
  );
  const [found] = viewJudged("fleet-shift", { ...view, nodes: nodes.toReversed() });
  expect(found).toEqual(viewJudged("fleet-shift", { ...view, nodes })[0]);
  expect(found).toMatchObject({
    subject: { kind: "cluster", key: "count" },
    finding: {
      verdict: "bad",
      severity: "warning",
      value: 12,
      limit: 10,
      cause: "count",
      facts: { series: "count", nodes: 100, judged: 100, node1: "node-12", node2: "node-1" },
    },
  });
});
