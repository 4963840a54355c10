import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { backtest } from "../../../api/alerts/backtest.ts";
import type { PastStep } from "../../../api/alerts/backtest.ts";
import { inForce } from "../../../api/alerts/in-force.ts";
import { ruleNamed, RULES } from "../../../api/detect/index.ts";
import { isEarlyIn } from "../../../api/detect/window.ts";
import type { Look, NodeWindow } from "../../../db/look.ts";
import { AT, aClusterView, aNodeView, aParty, aWindow, WINDOW_MS } from "../../support/looks.ts";

const MIN = 60_000;
const MAX = 262_144;
/** Each rule by itself: what others say of the same windows is not of interest. */
const only = (name: string) =>
  inForce(
    RULES.filter((rule) => rule.name === name),
    { version: 0, settings: {} },
  );

/** Windows of a node, so many minutes each part, with ten minutes at rest before them; what is asked for is the same at each. */
async function told(
  name: string,
  parts: readonly (readonly [minutes: number, some: (number: number) => Partial<NodeWindow>])[],
  rest: (window: NodeWindow) => Partial<Look> = () => ({}),
) {
  const all = [[10, () => ({})] as const, ...parts];
  const windows: NodeWindow[] = [];
  for (const [minutes, some] of all)
    for (let i = 0; i < (minutes * MIN) / WINDOW_MS; i++)
      windows.push(aWindow(windows.length, some(windows.length)));
  const steps = windows.map((window, i): PastStep => {
    const recent = windows.slice(0, i).filter(({ to }) => to > window.from - 10 * MIN);
    return {
      window,
      late: false,
      previousTo: recent.at(-1)?.to,
      look: () => Promise.resolve({ window, recent, ...rest(window) }),
    };
  });
  const { openings } = await backtest(steps, only(name));
  return openings.map(({ transitions }) =>
    transitions.map(({ at, transition, severity }) => `${(at - AT) / MIN - 10} ${transition} ${severity}`),
  );
}

const filled = (part: number) => () => ({ count: part * MAX, entries: part * MAX });

describe("a table's pressure", () => {
  it("says little of what goes up and down around its limits", async () => {
    const around = (low: number, high: number) => (number: number) => filled(number % 4 < 2 ? low : high)();
    expect(
      await told("table-pressure", [
        [3, filled(0.95)],
        [30, around(0.85, 0.92)],
        [16, filled(0.5)],
      ]),
    ).toEqual([["2 opened critical", "48 resolved critical"]]);
    expect(
      await told("table-pressure", [
        [6, filled(0.82)],
        [30, around(0.72, 0.82)],
        [16, filled(0.5)],
      ]),
    ).toEqual([["5 opened warning", "51 resolved warning"]]);
  });

  it("eases where it is less, though not yet well", async () => {
    expect(
      await told("table-pressure", [
        [3, filled(0.95)],
        [20, filled(0.75)],
        [15, filled(0.6)],
      ]),
    ).toEqual([["2 opened critical", "8 eased warning", "38 resolved warning"]]);
  });
});

describe("what only dumps tell", () => {
  /** Dumped every tenth window, as a node with millions of entries may be. */
  const seldom = (some: Partial<NodeWindow>) => (number: number) => {
    const at = AT + (number - (number % 10)) * WINDOW_MS;
    return { ...some, takenAt: at + 1_000 };
  };
  const ports =
    (used: number) =>
    (window: NodeWindow): Partial<Look> => ({
      ports: [
        {
          natAddress: "192.168.0.23",
          protocol: 6,
          peer: "198.51.100.20",
          peerPort: 443,
          zone: 0,
          used: window.snat === 1 ? 0 : used,
          holders: [{ party: aParty(), used }],
        },
      ],
    });

  it("opens and resolves all the same", async () => {
    const much = seldom({ snat: 60_000 });
    expect(
      await told(
        "ports",
        [
          [20, much],
          [40, seldom({ snat: 1 })],
        ],
        ports(50_000),
      ),
    ).toEqual([["5.5 opened warning", "35.5 resolved warning"]]);
  });
});

describe("a silent node", () => {
  const views = (silent: (minute: number) => number, minutes: number): PastStep[] =>
    Array.from({ length: minutes }, (_, minute) => {
      const at = AT + minute * MIN;
      const nodes = Array.from({ length: 6 }, (_, i) => {
        const lastSeenAt = i === 0 ? at - silent(minute) * MIN : at - 5_000;
        return aNodeView(aWindow(0, { nodeId: i + 1, node: `node-${i}` }), { lastSeenAt });
      });
      return { view: { ...aClusterView(nodes), at, watchedSince: AT - 86_400_000 } };
    });

  it("is told once it is, once more when that lasts, and at once when it is back", async () => {
    const { openings } = await backtest(
      views((minute) => (minute < 15 ? minute : 0), 20),
      only("silent-node"),
    );
    expect(
      openings.map(({ transitions }) =>
        transitions.map(({ at, transition, severity }) => [(at - AT) / MIN, transition, severity]),
      ),
    ).toEqual([
      [
        [3, "opened", "warning"],
        [10, "worsened", "critical"],
        [15, "resolved", "critical"],
      ],
    ]);
  });
});

it("looks at windows of any length and phase in each slot, where it does not look at all of them", () => {
  fc.assert(
    fc.property(fc.integer({ min: 5, max: 300 }), fc.integer({ min: 0, max: 299_999 }), (seconds, phase) => {
      const length = seconds * 1000;
      const ends = Array.from(
        { length: Math.ceil((20 * MIN) / length) + 1 },
        (_, i) => AT + phase + i * length,
      );
      const looked = ends.filter((to) => isEarlyIn({ from: to - length, to }, 10 * MIN, MIN));
      const slots = new Set(looked.map((to) => Math.floor(to / (10 * MIN))));
      expect(slots.size).toBeGreaterThanOrEqual(2);
      expect(looked.length).toBeLessThan(Math.max(4, ends.length / 2));
    }),
    { numRuns: 200 },
  );
});

it("knows of one rule only that less of it is worse", () => {
  expect(RULES.filter(({ lowerIsWorse }) => lowerIsWorse).map(({ name }) => name)).toEqual(["time-to-full"]);
  expect(ruleNamed("time-to-full")?.unit).toBe("ms");
});
