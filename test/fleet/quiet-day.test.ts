import { expect, test } from "vitest";
import type { NodeView, NodeWindow, Slot } from "../../db/look.ts";
import { chance, poisson, seeded } from "./random.ts";
import { rhythm } from "./rhythm.ts";
import { DAY_MS, HOUR_MS, hoursAround } from "../support/hours.ts";
import { gateOf, judged, viewJudged } from "../support/verdicts.ts";
import {
  aClusterView,
  aNodeView,
  aParty,
  aPartyRow,
  aWindow,
  someFlows,
  WINDOW_MS,
} from "../support/looks.ts";

/** 2025-11-24T00:00:00Z, the first working day after a weekend. */
const MONDAY = Date.UTC(2025, 10, 24);
const PROXY = aParty("proxy");
const PROXY_SHARE = 0.55;
const BURST_MS = 600_000;
/** One and a half a day. */
const BURSTS = 1.5 / (DAY_MS / BURST_MS);

/** How busy a node is: the rhythm of the week, slow and fast noise, and now and then a burst of two to four times. */
function load(node: number, at: number): number {
  const noise = (ms: number) => 2 * chance(node, ms, Math.floor(at / ms)) - 1;
  const slot = Math.floor(at / BURST_MS);
  const burst = chance(node, "burst", slot) < BURSTS ? 2 + 2 * chance(node, "height", slot) : 1;
  return rhythm(at, 0) * (1 + 0.05 * noise(1_800_000) + 0.03 * noise(120_000) + 0.02 * noise(10_000)) * burst;
}

/** Of a busy node: 60,000 entries in the busiest hour, 400 new ones a second. */
function windowAt(node: number, from: number): NodeWindow {
  const busy = load(node, from);
  const random = seeded(node * 1e6 + from / WINDOW_MS);
  const entries = Math.round(60_000 * busy);
  return aWindow(0, {
    nodeId: node,
    node: `node-${node}`,
    from,
    count: entries,
    entries,
    unreplied: Math.round(0.02 * entries),
    closeWait: Math.round(0.002 * entries),
    opened: poisson(12_000 * busy, random),
    invalid: poisson(15 * busy, random),
    insertFailed: poisson(3 * busy, random),
  });
}

/** The hours before, as the store would fold them from a window every five minutes. */
const historyOf = (node: number, at: number): Slot[] =>
  hoursAround(at, 14, (_, start) => {
    const windows = Array.from({ length: 12 }, (_, i) => windowAt(node, start + i * 300_000));
    const gauge = (of: (window: NodeWindow) => number | undefined) => {
      const values = windows.map((window) => of(window) ?? 0);
      const mean = sum(values) / values.length;
      return { min: Math.min(...values), max: Math.max(...values), mean, last: mean };
    };
    const count = (of: (window: NodeWindow) => number | undefined) =>
      10 * sum(windows.map((window) => of(window) ?? 0));
    return {
      gauges: {
        count: gauge((window) => window.count),
        unreplied: gauge((window) => window.unreplied),
        synRecv: 5,
        closeWait: gauge((window) => window.closeWait),
      },
      counts: {
        opened: count((window) => window.opened),
        invalid: count((window) => window.invalid),
        insertFailed: count((window) => window.insertFailed),
      },
    };
  });

const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);

/** Each window of the day with those of the ten minutes before it. */
function* dayOf(
  node: number,
  from: number,
): Generator<{ window: NodeWindow; recent: NodeWindow[]; hours: Slot[] }> {
  const recent: NodeWindow[] = [];
  for (let at = from - 20 * WINDOW_MS; at < from; at += WINDOW_MS) recent.push(windowAt(node, at));
  for (let hour = from; hour < from + DAY_MS; hour += HOUR_MS) {
    const hours = historyOf(node, hour + HOUR_MS / 2);
    for (let at = hour; at < hour + HOUR_MS; at += WINDOW_MS) {
      const window = windowAt(node, at);
      yield { window, recent: [...recent], hours };
      recent.push(window);
      recent.shift();
    }
  }
}

test("a busy node with a proxy that has most of it is quiet all day", () => {
  // What all have in the median hour of the day before: of a Sunday, less than half of what they have now.
  const dayMedian = 60_000 * 0.5 * 0.65;
  let passed = 0;
  for (const { window, recent, hours } of dayOf(1, MONDAY)) {
    if (gateOf("pod-flood", window)) passed += 1;
    const entries = Math.round(PROXY_SHARE * (window.entries ?? 0));
    const opened = Math.round(PROXY_SHARE * (window.opened ?? 0));
    const flows = someFlows(window, {
      parties: [aPartyRow(PROXY, { entries, opened, dayMedian: PROXY_SHARE * dayMedian })],
      dayMedian,
    });
    const look = { window, recent, hours, flows };
    const found = ["pod-flood", "half-open", "invalid"].flatMap((rule) => judged(rule, look));
    const bad = found.filter(({ finding }) => finding.verdict === "bad");
    expect(bad, new Date(window.from).toISOString()).toEqual([]);
  }
  // It is no quiet day because nothing was looked at.
  expect(passed).toBeGreaterThan(1_000);
});

test("a cluster of twenty such nodes is quiet while the working week begins", () => {
  const days = Array.from({ length: 20 }, (_, i) => dayOf(i + 1, MONDAY));
  let views = 0;
  for (let tick = 0; tick < DAY_MS / 2 / WINDOW_MS; tick += 1) {
    const looks = days.flatMap((day) => day.next().value ?? []);
    if (tick % 10 !== 0) continue;
    const nodes = looks.map(({ window, ...some }): NodeView =>
      aNodeView(window, { ...some, recent: some.recent.slice(-10) }),
    );
    expect(viewJudged("fleet-shift", aClusterView(nodes))).toEqual([]);
    views += 1;
  }
  expect(views).toBe(144);
});
