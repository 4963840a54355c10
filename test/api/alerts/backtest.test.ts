import { describe, expect, it } from "vitest";
import { backtest, MAX_OPENINGS } from "../../../api/alerts/backtest.ts";
import type { PastStep } from "../../../api/alerts/backtest.ts";
import { inForce } from "../../../api/alerts/in-force.ts";
import type { Need, NodeWindow } from "../../../db/look.ts";
import { lookAt, MIN, quiet, rate, S, tiny, UNSET } from "./tiny-rules.ts";

const T = 1_700_000_000_000;
const asked: Need[] = [];
const step = (window: NodeWindow, some: { late?: boolean; previousTo?: number } = {}): PastStep => ({
  window,
  late: false,
  look: (need) => {
    asked.push(need);
    return Promise.resolve(lookAt(window));
  },
  ...some,
});
/** Windows of 30 s of one node, with so many entries each. */
const steps = (counts: readonly number[], some: Partial<NodeWindow> = {}): PastStep[] =>
  counts.map((count, i) => step(quiet({ from: T + i * 30 * S, count, ...some })));

describe("a backtest", () => {
  it("answers what would have been opened, when, and how bad it was", async () => {
    const found = await backtest(
      steps([0, 100, 300, 200, 1000, 1000, 0, 0, 0, 0, 0]),
      tiny({ version: 5, settings: {} }),
    );
    const at = (windows: number) => T + windows * 30 * S;
    expect(found).toEqual({
      openings: [
        {
          rule: "full",
          ruleVersion: "3.5",
          subject: { kind: "node", key: "node-1", node: "node-1" },
          openedAt: at(1),
          certainAt: at(3),
          resolvedAt: at(6),
          severity: "critical",
          peak: 1000,
          transitions: [
            { at: at(3), transition: "opened", severity: "warning" },
            { at: at(6), transition: "worsened", severity: "critical" },
            { at: at(10), transition: "resolved", severity: "critical" },
          ],
        },
      ],
      more: 0,
      windows: 11,
      // The first has nothing to say, and the last follows what is resolved.
      looks: 9,
      stopped: false,
    });
  });

  it("asks only for what is wanted, and judges by the thresholds it is given", async () => {
    asked.length = 0;
    expect((await backtest(steps([0, 99, 99]), tiny())).openings).toEqual([]);
    expect(asked).toEqual([]);
    const set = { version: 1, settings: { full: { thresholds: { warn: 99 } } } };
    expect((await backtest(steps([0, 99, 99]), tiny(set))).openings).toHaveLength(1);
    expect(asked).toEqual([{ trend: true }, { trend: true }]);
  });

  it("says of what is over nothing that came after it", async () => {
    const { openings } = await backtest(steps([100, 100, 0, 0, 0, 0, 5000, 0]), tiny());
    expect(openings).toMatchObject([{ peak: 100, severity: "warning", resolvedAt: T + 60 * S }]);
  });

  it("keeps nodes apart", async () => {
    const other = steps([0, 100, 0], { nodeId: 2, node: "node-2" });
    const mixed = steps([100, 0, 100]).flatMap((one, i) => [one, other[i]!]);
    expect((await backtest(mixed, tiny())).openings).toEqual([]);
  });

  it("leaves out late windows, and begins anew where the window before ended long ago", async () => {
    const [first, second] = steps([100, 100]) as [PastStep, PastStep];
    expect((await backtest([first, { ...second, late: true }], tiny())).openings).toEqual([]);
    const late = step(quiet({ from: T + 30 * S, count: 100 }), { previousTo: T - MIN - 1 });
    expect((await backtest([first, late], tiny())).openings).toEqual([]);
    expect((await backtest([first, second], tiny())).openings).toHaveLength(1);
  });

  it("judges the cluster where it is given views of it", async () => {
    const view = (minute: number): PastStep => ({
      view: { at: T + minute * MIN, watchedSince: T - MIN, nodes: [], settings: [] },
    });
    const { openings, windows } = await backtest([view(0), view(1)], tiny());
    expect(openings).toMatchObject([{ rule: "few", openedAt: T, certainAt: T + MIN }]);
    expect(windows).toBe(0);
  });

  it("answers a bounded number of openings, and how many more there were", async () => {
    const drops = inForce([rate], UNSET);
    const nodes = Array.from({ length: MAX_OPENINGS + 2 }, (_, i) =>
      step(quiet({ from: T, drop: 10, nodeId: i + 1, node: `node-${i}` }), { previousTo: T }),
    );
    const found = await backtest(nodes, drops);
    expect(found.openings).toHaveLength(MAX_OPENINGS);
    expect(found.more).toBe(2);
  });

  it("stops where it is told to, with what it found", async () => {
    const control = new AbortController();
    const [a, b, ...rest] = steps([100, 100, 100, 100]);
    const until = async function* () {
      yield a!;
      yield b!;
      control.abort();
      yield* rest;
    };
    const found = await backtest(until(), tiny(), control.signal);
    expect(found).toMatchObject({ stopped: true, windows: 2, openings: [{ rule: "full" }] });
  });
});
