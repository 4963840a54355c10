import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_NEW_A_VIEW } from "../../../api/alerts/admission.ts";
import {
  endDisabled,
  isUrgent,
  judgeCluster,
  judgeWindow,
  peakAfter,
  wants,
} from "../../../api/alerts/engine.ts";
import type { Live } from "../../../api/alerts/engine.ts";
import type { Life } from "../../../api/alerts/life.ts";
import { inForce } from "../../../api/alerts/in-force.ts";
import { defineClusterRule } from "../../../api/detect/rule.ts";
import type { Judged, Subject } from "../../../api/detect/rule.ts";
import type { ClusterView, NodeWindow } from "../../../db/look.ts";
import { few, full, keep, lookAt, MIN, nodeOf, POLICY, quiet, rate, S, tiny, UNSET } from "./tiny-rules.ts";

const T = 1_700_000_000_000;
const open = (rule: string, subject: Subject, some: Partial<Life> = {}): Live => ({
  rule,
  subject,
  life: {
    phase: "open",
    severity: "warning",
    worst: "warning",
    openedAt: T - MIN,
    opens: [T - MIN],
    ...some,
  },
});
const NODE: Subject = nodeOf({ node: "node-1" });
const off = (rule: string) => tiny({ version: 7, settings: { [rule]: { enabled: false } } });
const thresholdsOf = (rule: string, thresholds: Record<string, number>) =>
  tiny({ version: 2, settings: { [rule]: { thresholds } } });

describe("what a window wants", () => {
  it("is nothing where no gate passes and nothing lives", () => {
    expect(wants(quiet({ from: T, count: 99 }), tiny(), [])).toBeUndefined();
    const asleep: Live = { rule: "full", subject: NODE, life: { phase: "resolved", closedAt: T } };
    expect(wants(quiet({ from: T }), tiny(), [asleep])).toBeUndefined();
    // What lives by a rule about clusters is judged with the cluster.
    expect(wants(quiet({ from: T }), tiny(), [open("few", { kind: "cluster", key: "few" })])).toBeUndefined();
  });

  it("is what the gates that pass ask for, and what is needed for what lives", () => {
    expect(wants(quiet({ from: T, count: 100 }), tiny(), [])).toEqual({ trend: true });
    expect(wants(quiet({ from: T, count: 100, drop: 10 }), tiny(), [])).toEqual({
      trend: true,
      flows: { medianFrom: 50 },
      ports: true,
    });
    expect(wants(quiet({ from: T, drop: 10, snat: 1 }), tiny(), [])).toEqual({
      flows: { medianFrom: 20 },
      ports: true,
    });
    expect(wants(quiet({ from: T }), tiny(), [open("rate", NODE)])).toEqual({ flows: {} });
    expect(wants(quiet({ from: T }), tiny(), [open("full", NODE)])).toEqual({});
    expect(wants(quiet({ from: T, snat: 1 }), tiny(), [open("rate", NODE)])).toEqual({
      flows: { medianFrom: 20 },
    });
  });

  it("goes by thresholds of the cluster, and by what is enabled there", () => {
    expect(wants(quiet({ from: T, count: 99 }), thresholdsOf("full", { warn: 99 }), [])).toEqual({
      trend: true,
    });
    expect(wants(quiet({ from: T, count: 100 }), off("full"), [])).toBeUndefined();
    expect(isUrgent(quiet({ from: T, count: 100 }), tiny())).toBe(true);
    expect(isUrgent(quiet({ from: T, count: 99 }), tiny())).toBe(false);
    expect(isUrgent(quiet({ from: T, count: 100 }), off("full"))).toBe(false);
  });

  it("is a look without more where a rule that is disabled left something open", () => {
    expect(wants(quiet({ from: T }), off("full"), [open("full", NODE)])).toEqual({});
  });
});

describe("judging a window", () => {
  const run = (windows: readonly Partial<NodeWindow>[], rules = tiny()) => {
    let lives: Live[] = [];
    return windows.flatMap((some, i) => {
      const window = quiet({ from: T + i * 30 * S, ...some });
      if (!wants(window, rules, lives)) return [];
      const changes = judgeWindow(lookAt(window), rules, lives);
      lives = keep(lives, changes);
      return changes;
    });
  };

  it("opens, goes on, worsens and resolves with what the rule says", () => {
    const critical = [{ count: 1000 }, { count: 1000 }];
    const changes = run([{ count: 100 }, { count: 101 }, ...critical, {}, {}, {}, {}, {}]);
    expect(
      changes.map(({ transition, severity, finding, changed }) => ({
        transition,
        severity,
        changed,
        verdict: finding.verdict,
      })),
    ).toEqual([
      { transition: undefined, severity: undefined, changed: true, verdict: "bad" },
      { transition: "opened", severity: "warning", changed: true, verdict: "bad" },
      { transition: undefined, severity: "warning", changed: true, verdict: "bad" },
      { transition: "worsened", severity: "critical", changed: true, verdict: "bad" },
      { transition: undefined, severity: "critical", changed: true, verdict: "clear" },
      { transition: undefined, severity: "critical", changed: false, verdict: "clear" },
      { transition: undefined, severity: "critical", changed: false, verdict: "clear" },
      { transition: "resolved", severity: "critical", changed: true, verdict: "clear" },
    ]);
    expect(changes[1]).toMatchObject({
      rule: "full",
      ruleVersion: "3.0",
      subject: NODE,
      at: T + MIN,
      before: { phase: "pending" },
    });
  });

  it("lets the rule say that it does not know", () => {
    const changes = run([{ count: 100 }, { count: 100 }, { count: undefined }, { count: undefined }]);
    expect(changes.at(-1)).toMatchObject({
      severity: "warning",
      changed: false,
      finding: { verdict: "unknown" },
    });
  });

  it("opens no rate with the first window after a gap, nor with the first of all", () => {
    const window = quiet({ from: T, drop: 10, snat: 1 });
    const flows = {
      takenAt: T,
      entries: 1,
      unreplied: 0,
      error: 0,
      flows: [],
      parties: [
        {
          party: { kind: "pod", name: "a", address: "10.0.0.1" },
          entries: 1,
          snatEntries: 1,
          unreplied: 0,
          peers: 1,
        },
      ],
    };
    const opened = (previousTo?: number) =>
      judgeWindow({ window, recent: [], flows }, tiny(), [], previousTo)
        .filter(({ transition }) => transition)
        .map(({ rule }) => rule);
    expect(opened(T - 90 * S)).toEqual(["rate", "owners"]);
    expect(opened(T - 91 * S)).toEqual(["owners"]);
    expect(opened()).toEqual(["owners"]);
    expect(judgeWindow(lookAt(window), tiny(), []).map(({ rule }) => rule)).toEqual(["rate"]);
  });

  it("ends what is open by a rule that is disabled, or is no more, and lets rules about clusters be", () => {
    const lives = [
      open("full", NODE),
      open("gone", NODE),
      open("few", { kind: "cluster", key: "few" }),
      {
        rule: "full",
        subject: { kind: "node", key: "b" },
        life: { phase: "pending", bad: { since: T, windows: 1 } },
      } satisfies Live,
    ];
    const changes = judgeWindow(lookAt(quiet({ from: T, count: 5000 })), off("full"), lives);
    expect(
      changes.map(({ rule, transition, reason, life, severity }) => [
        rule,
        transition,
        reason,
        life?.phase,
        severity,
      ]),
    ).toEqual([
      ["full", "resolved", "disabled", "resolved", "warning"],
      ["gone", "resolved", "disabled", "resolved", "warning"],
      ["full", undefined, undefined, undefined, undefined],
    ]);
    expect(changes[0]?.ruleVersion).toBe("3.7");
    expect(endDisabled(off("full"), keep(lives, changes), T)).toEqual([]);
  });

  it("is the same in whatever order windows of different nodes come", () => {
    const counts = fc.array(fc.constantFrom(0, 50, 100, 500, 1000, undefined), {
      minLength: 1,
      maxLength: 20,
    });
    fc.assert(
      fc.property(
        fc.array(counts, { minLength: 2, maxLength: 4 }),
        fc.infiniteStream(fc.nat()),
        (nodes, chance) => {
          const windows = nodes.map((of, nodeId) =>
            of.map((count, i) => quiet({ from: T + i * 30 * S, nodeId, node: `node-${nodeId}`, count })),
          );
          const inOrder = windows.flat().toSorted((a, b) => a.from - b.from);
          const rest = windows.map((own) => [...own]);
          const mixed: NodeWindow[] = [];
          while (mixed.length < inOrder.length) {
            const left = rest.filter((own) => own.length > 0);
            mixed.push(left[chance.next().value! % left.length]!.shift()!);
          }
          expect(transitionsOf(mixed)).toEqual(transitionsOf(inOrder));
        },
      ),
      { numRuns: 100 },
    );
  });
});

function transitionsOf(windows: readonly NodeWindow[]): string[] {
  const lives = new Map<number, Live[]>();
  const said: string[] = [];
  for (const window of windows) {
    const own = lives.get(window.nodeId) ?? [];
    const changes = judgeWindow(lookAt(window), tiny(), own);
    lives.set(window.nodeId, keep(own, changes));
    for (const { at, subject, transition } of changes)
      if (transition) said.push(`${subject.key} ${at} ${transition}`);
  }
  return said.toSorted();
}

describe("judging a cluster", () => {
  const view = (minute: number, nodes: number, some: Partial<ClusterView> = {}): ClusterView => ({
    at: T + minute * MIN,
    watchedSince: T,
    nodes: Array.from({ length: nodes }, () => ({}) as ClusterView["nodes"][number]),
    settings: [],
    ...some,
  });
  const run = (views: readonly ClusterView[], rules = tiny()) => {
    let lives: Live[] = [];
    return views.flatMap((one) => {
      const changes = judgeCluster(one, rules, lives);
      lives = keep(lives, changes);
      return changes.flatMap(({ transition, at }) => (transition ? [`${(at - T) / MIN} ${transition}`] : []));
    });
  };

  it("counts views", () => {
    expect(run([view(0, 1), view(1, 1), view(2, 1), view(3, 2)])).toEqual(["1 opened", "3 resolved"]);
  });

  it("counts anew where the service was away", () => {
    expect(
      run([
        view(0, 1),
        view(9, 1, { watchedSince: T + 9 * MIN }),
        view(10, 1, { watchedSince: T + 9 * MIN }),
      ]),
    ).toEqual(["10 opened"]);
  });

  it("lets what rules about nodes opened be, unless they are disabled", () => {
    expect(judgeCluster(view(1, 2), tiny(), [open("full", NODE)])).toEqual([]);
    expect(judgeCluster(view(1, 2), off("full"), [open("full", NODE)])).toMatchObject([
      { reason: "disabled", at: T + MIN },
    ]);
    expect(judgeCluster(view(1, 1), off("few"), [])).toEqual([]);
  });

  it("ends what its rule says will never be well, and says why", () => {
    const gone = defineClusterRule({
      ...few,
      judge: (_, __, known) =>
        [...known, { kind: "node", key: "never known" } as const].map((subject): Judged => ({
          subject,
          finding: { verdict: "unknown" },
          over: "silent",
        })),
    });
    const [change, ...others] = judgeCluster(view(1, 1), inForce([gone], UNSET), [open("few", NODE)]);
    expect(change).toMatchObject({ transition: "resolved", reason: "silent", severity: "warning" });
    expect(others).toEqual([]);
  });

  it("takes more new subjects than a window of a node", () => {
    const many = defineClusterRule({
      ...few,
      thresholds: {},
      policy: { ...POLICY, need: { windows: 1, ms: 0 } },
      judge: () =>
        Array.from({ length: MAX_NEW_A_VIEW + 1 }, (_, i): Judged => ({
          subject: { kind: "node", key: `${i}`, node: `${i}` },
          finding: { verdict: "bad", severity: "warning", value: i },
        })),
    });
    const changes = judgeCluster(view(1, 1), inForce([many], UNSET), []);
    expect(changes).toHaveLength(MAX_NEW_A_VIEW + 1);
    expect(changes.at(-1)).toMatchObject({
      subject: { kind: "cluster", key: "__other__" },
      finding: { facts: { subjects: 1 } },
    });
  });
});

it("names the version of rules that are no more", () => {
  expect(inForce([full, rate], { version: 4, settings: {} }).versionOf("few")).toBe("0.4");
});

it("keeps the worst value, by what is worse for the rule", () => {
  const bad = (value: number) => ({ finding: { verdict: "bad", severity: "warning", value } }) as const;
  const clear = { finding: { verdict: "clear", value: 0 } } as const;
  const peakOf = (lowerIsWorse?: true) =>
    [clear, bad(5), bad(9), bad(3), clear].reduce<number | undefined>(
      (peak, one) => peakAfter(peak, { ...one, lowerIsWorse }),
      undefined,
    );
  expect(peakAfter(undefined, clear)).toBeUndefined();
  expect([peakOf(), peakOf(true)]).toEqual([9, 3]);
  const least = inForce([{ ...rate, lowerIsWorse: true }, full], UNSET);
  const changes = judgeWindow(lookAt(quiet({ from: T, drop: 10, count: 100 })), least, []);
  expect(changes.map(({ rule, lowerIsWorse }) => [rule, lowerIsWorse])).toEqual([
    ["rate", true],
    ["full", undefined],
  ]);
});
