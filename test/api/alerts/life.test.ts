import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  advance,
  end,
  EXPIRE_MS,
  expire,
  FLAP_CLEAR_MS,
  FLAP_WINDOW_MS,
  forgetAt,
  isAwake,
  STALE_MS,
} from "../../../api/alerts/life.ts";
import type { Life, Step } from "../../../api/alerts/life.ts";
import { MAX_DURATION_MS } from "../../../api/detect/rule.ts";
import type { Finding, Policy } from "../../../api/detect/rule.ts";
import { oracle } from "./life-oracle.ts";
import type { Happened, Said, Told } from "./life-oracle.ts";

const S = 1000;
const MIN = 60 * S;
const T = 1_700_000_000_000;
const POLICY: Policy = {
  need: { windows: 2, ms: MIN },
  clearMs: 15 * MIN,
  cooldownMs: 60 * MIN,
};

const findingOf = (said: Said): Finding =>
  said === "warning" || said === "critical"
    ? { verdict: "bad", severity: said, value: 1 }
    : said === "unknown"
      ? { verdict: said }
      : { verdict: said, value: 0 };

/** Gives the life window by window, as JSON between them; answers each step. */
function live(history: readonly Told[], policy: Policy, forget = false) {
  let life: Life | undefined;
  return history.map(({ from, to, said }, i): Step & { to: number; before: Life | undefined } => {
    const due = life && forgetAt(life);
    if (forget && due !== undefined && due <= from) life = undefined;
    const before = life;
    const step = advance(life, findingOf(said), { from, to, previousTo: history[i - 1]?.to }, policy);
    life = step.life && (JSON.parse(JSON.stringify(step.life)) as Life);
    return { ...step, to, before };
  });
}

const happenings = (steps: ReturnType<typeof live>): Happened[] =>
  steps.flatMap(({ transition, life, before, to }) =>
    transition ? [{ at: to, transition, severity: (life?.severity ?? before?.severity)! }] : [],
  );

/** Windows of 30 s unless said otherwise: each word so often. */
function told(...parts: readonly (readonly [said: Said | "gap", minutes: number])[]): Told[] {
  const history: Told[] = [];
  let from = T;
  for (const [said, minutes] of parts) {
    const until = from + minutes * MIN;
    if (said !== "gap")
      for (let at = from; at < until; at += 30 * S) history.push({ from: at, to: at + 30 * S, said });
    from = until;
  }
  return history;
}
const minutesOf = (history: readonly Told[], policy: Policy = POLICY) =>
  happenings(live(history, policy)).map(
    ({ at, transition, severity }) => `${(at - T) / MIN} ${transition} ${severity}`,
  );

const SAID: readonly Said[] = ["unknown", "clear", "between", "warning", "critical"];
const histories = fc
  .array(
    fc.record({
      said: fc.constantFrom(...SAID),
      times: fc.integer({ min: 1, max: 9 }),
      length: fc.constantFrom(5 * S, 30 * S, MIN, 5 * MIN),
      gap: fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 0, 0, S, 90 * S, 91 * S, 16 * MIN),
    }),
    { maxLength: 40 },
  )
  .map((parts): Told[] => {
    let to = T;
    return parts.flatMap(({ said, times, length, gap }) => {
      to += gap;
      return Array.from({ length: times }, () => {
        const from = to;
        to += length;
        return { from, to, said };
      });
    });
  });
const need = fc.record({
  windows: fc.integer({ min: 1, max: 4 }),
  ms: fc.integer({ min: 0, max: 5 }).map((m) => m * MIN),
});
const policies: fc.Arbitrary<Policy> = fc.record({
  need,
  critical: fc.option(need, { nil: undefined }),
  clearMs: fc.constantFrom(0, 30 * S, 5 * MIN, 10 * MIN),
  cooldownMs: fc.constantFrom(0, 0, MIN, 20 * MIN),
});

describe("a life", () => {
  it("is what the whole history says, for any windows and policy", () => {
    fc.assert(
      fc.property(histories, policies, (history, policy) => {
        expect(happenings(live(history, policy))).toEqual(oracle(history, policy));
      }),
      { numRuns: 1500 },
    );
  });

  it("may be forgotten when it says so, and is written whenever it differs", () => {
    fc.assert(
      fc.property(histories, policies, (history, policy) => {
        const steps = live(history, policy);
        expect(happenings(live(history, policy, true))).toEqual(happenings(steps));
        for (const { changed, before, life } of steps) {
          expect(changed).toBe(JSON.stringify(before) !== JSON.stringify(life));
          if (life) expect(JSON.stringify(life).length).toBeLessThan(400);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("opens only, resolves what is open, and is never open twice", () => {
    fc.assert(
      fc.property(histories, policies, (history, policy) => {
        let wasOpen = false;
        let wasCritical = false;
        for (const { transition, life } of live(history, policy)) {
          const opens = transition === "opened" || transition === "flapping";
          if (transition) expect(wasOpen).toBe(!opens);
          if (transition === "worsened") expect(wasCritical).toBe(false);
          if (transition === "eased") expect(wasCritical).toBe(true);
          const isOpen = life?.phase === "open";
          expect(isOpen).toBe(opens || (wasOpen && transition !== "resolved"));
          wasOpen = isOpen;
          wasCritical = life?.severity === "critical";
        }
      }),
      { numRuns: 300 },
    );
  });

  it("is not written in long runs", () => {
    const history = told(
      ["warning", 120],
      ["clear", 10],
      ["warning", 120],
      ["clear", 200],
      ["warning", 1],
      ["clear", 60],
    );
    const written = live(history, POLICY).filter(({ changed }) => changed);
    // Pending, open; clear, not clear; clear, resolved; bad again, opened, clear, resolved.
    expect(written).toHaveLength(10);
  });
});

describe("opening", () => {
  it("needs both the windows and the time", () => {
    expect(minutesOf(told(["warning", 0.5]))).toEqual([]);
    expect(minutesOf(told(["warning", 1]))).toEqual(["1 opened warning"]);
    expect(minutesOf(told(["warning", 2]), { ...POLICY, need: { windows: 3, ms: 0 } })).toEqual([
      "1.5 opened warning",
    ]);
    expect(minutesOf(told(["warning", 6]), { ...POLICY, need: { windows: 1, ms: 5 * MIN } })).toEqual([
      "5 opened warning",
    ]);
  });

  it("begins anew after a window that is not bad, and after a gap of more than three windows", () => {
    expect(minutesOf(told(["warning", 0.5], ["between", 0.5], ["warning", 0.5]))).toEqual([]);
    expect(minutesOf(told(["warning", 0.5], ["gap", 1.5], ["warning", 0.5]))).toEqual(["2.5 opened warning"]);
    expect(minutesOf(told(["warning", 0.5], ["gap", 2], ["warning", 0.5]))).toEqual([]);
    expect(minutesOf(told(["warning", 0.5], ["unknown", 10], ["warning", 0.5]))).toEqual([
      "11 opened warning",
    ]);
    expect(minutesOf(told(["warning", 0.5], ["unknown", 10.5], ["warning", 0.5]))).toEqual([]);
    // A gap before a window that tells nothing is one too.
    expect(minutesOf(told(["warning", 0.5], ["gap", 60], ["unknown", 0.5], ["warning", 0.5]))).toEqual([]);
  });

  it("is sooner for what is critical where the rule says so", () => {
    const policy = { ...POLICY, need: { windows: 2, ms: 5 * MIN }, critical: { windows: 2, ms: 2 * MIN } };
    expect(minutesOf(told(["warning", 1], ["critical", 2]), policy)).toEqual(["3 opened critical"]);
    expect(minutesOf(told(["critical", 1.5], ["warning", 4]), policy)).toEqual(["5 opened warning"]);
    expect(minutesOf(told(["warning", 4], ["critical", 2]), policy)).toEqual([
      "5 opened warning",
      "6 worsened critical",
    ]);
  });

  it("is not forgotten on the way, however long it has to last", () => {
    const policy = { ...POLICY, need: { windows: 2, ms: MAX_DURATION_MS } };
    const steps = live(told(["warning", MAX_DURATION_MS / MIN + 1]), policy, true);
    expect(happenings(steps)).toEqual([
      { at: T + MAX_DURATION_MS, transition: "opened", severity: "warning" },
    ]);
  });

  it("tells since when it has been bad", () => {
    const [open] = live(told(["clear", 3], ["warning", 1]), POLICY).slice(-1);
    expect(open?.life).toMatchObject({ phase: "open", openedAt: T + 3 * MIN });
  });

  it("counts views of a cluster, which have no length", () => {
    const policy = { ...POLICY, need: { windows: 2, ms: MIN } };
    const view = (at: number, previousTo?: number) => ({ from: at, to: at, previousTo });
    const first = advance(undefined, findingOf("warning"), view(T, T), policy);
    const after = (ms: number) => advance(first.life, findingOf("warning"), view(T + ms, T + ms), policy);
    expect(after(MIN).transition).toBe("opened");
    expect(after(MIN - 1).transition).toBeUndefined();
    expect(advance(first.life, findingOf("warning"), view(T + MIN), policy).life?.bad?.since).toBe(T + MIN);
  });
});

describe("resolving", () => {
  it("takes as long as the policy says, without a break", () => {
    expect(minutesOf(told(["warning", 1], ["clear", 15]))).toEqual([
      "1 opened warning",
      "16 resolved warning",
    ]);
    expect(minutesOf(told(["warning", 1], ["clear", 14.5], ["between", 0.5], ["clear", 14.5]))).toEqual([
      "1 opened warning",
    ]);
    expect(minutesOf(told(["warning", 1], ["clear", 14.5], ["gap", 2], ["clear", 14.5]))).toEqual([
      "1 opened warning",
    ]);
    expect(
      minutesOf(told(["warning", 1], ["clear", 14.5], ["gap", 120], ["unknown", 1], ["clear", 1])),
    ).toEqual(["1 opened warning"]);
  });

  it("tells when it ended and when that was certain", () => {
    const [last] = live(told(["warning", 1], ["clear", 15]), POLICY).slice(-1);
    expect(last?.life).toMatchObject({ phase: "resolved", endedAt: T + MIN, closedAt: T + 16 * MIN });
  });

  it("eases sooner, yet not on the way to being clear, nor again and again", () => {
    const critical = { ...POLICY, critical: { windows: 1, ms: 0 } };
    expect(minutesOf(told(["critical", 1], ["warning", 5]), critical)).toEqual([
      "0.5 opened critical",
      "6 eased warning",
    ]);
    expect(minutesOf(told(["critical", 1], ["warning", 4.5]), critical)).toEqual(["0.5 opened critical"]);
    expect(minutesOf(told(["critical", 1], ["clear", 15]), critical)).toEqual([
      "0.5 opened critical",
      "16 resolved critical",
    ]);
    const turn = [
      ["critical", 1],
      ["between", 6],
    ] as const;
    expect(
      minutesOf(told(...turn, ...turn, ...turn, ...turn), critical).map((text) => text.split(" ")[1]),
    ).toEqual(["opened", "eased", "worsened", "eased", "worsened"]);
  });
});

it("counts critical windows anew once it has eased", () => {
  const policy = { ...POLICY, critical: { windows: 2, ms: MIN } };
  const eased = [
    ["warning", 1],
    ["critical", 1],
    ["warning", 5],
  ] as const;
  const until = (minutes: number) => minutesOf(told(...eased, ["critical", minutes]), policy).slice(1);
  expect(until(0.5)).toEqual(["2 worsened critical", "7 eased warning"]);
  expect(until(1).slice(2)).toEqual(["8 worsened critical"]);
});

describe("cooling down", () => {
  const once = [
    ["warning", 1],
    ["clear", 15],
  ] as const;
  it("keeps it closed, and opens what is still bad afterwards", () => {
    expect(minutesOf(told(...once, ["warning", 10], ["clear", 60]))).toHaveLength(2);
    expect(minutesOf(told(...once, ["warning", 70])).slice(2)).toEqual(["76 opened warning"]);
  });

  it("lets through what is worse than it was, only", () => {
    expect(minutesOf(told(...once, ["critical", 2])).slice(2)).toEqual(["17 opened critical"]);
    expect(minutesOf(told(["critical", 1], ["clear", 15], ["critical", 59.5])).slice(2)).toEqual([]);
    const worsened = told(["warning", 1], ["critical", 1], ["clear", 15], ["critical", 59.5]);
    expect(minutesOf(worsened).slice(3)).toEqual([]);
  });
});

describe("flapping", () => {
  const policy = { ...POLICY, clearMs: 5 * MIN, cooldownMs: 0 };
  const turn = [
    ["warning", 1],
    ["clear", 9],
  ] as const;

  it("is told at the fourth time within six hours, and then stays open for an hour of clear", () => {
    const history = told(...turn, ...turn, ...turn, ...turn, ...turn, ["clear", 50.5]);
    expect(minutesOf(history, policy)).toEqual([
      "1 opened warning",
      "6 resolved warning",
      "11 opened warning",
      "16 resolved warning",
      "21 opened warning",
      "26 resolved warning",
      "31 flapping warning",
    ]);
    const longer = told(...turn, ...turn, ...turn, ...turn, ...turn, ["clear", 51]);
    expect(minutesOf(longer, policy).at(-1)).toBe(`${41 + FLAP_CLEAR_MS / MIN} resolved warning`);
  });

  it("takes no less than what the rule asks for", () => {
    const slow = [
      ["warning", 1],
      ["clear", 70],
    ] as const;
    const history = told(...slow, ...slow, ...slow, ...slow);
    const last = minutesOf(history, { ...policy, clearMs: 70 * MIN }).slice(-2);
    expect(last).toEqual(["214 flapping warning", "284 resolved warning"]);
  });

  it("is not told of what comes back seldom", () => {
    const seldom = [
      ["warning", 1],
      ["clear", FLAP_WINDOW_MS / MIN / 3 - 1],
    ] as const;
    const often = [
      ["warning", 1],
      ["clear", FLAP_WINDOW_MS / MIN / 3 - 1.5],
    ] as const;
    expect(minutesOf(told(...seldom, ...seldom, ...seldom, ...seldom), policy).join()).not.toContain(
      "flapping",
    );
    expect(minutesOf(told(...often, ...often, ...often, ...often), policy).join()).toContain("flapping");
  });
});

describe("a silent node", () => {
  const open = live(told(["warning", 1]), POLICY).at(-1)!.life!;
  const to = T + MIN;

  it("leaves what is open stale, once, and ends it after a day", () => {
    expect(expire(open, to + STALE_MS - 1, { retired: false, lastWindowTo: to })).toMatchObject({
      changed: false,
    });
    const stale = expire(open, to + STALE_MS, { retired: false, lastWindowTo: to });
    expect(stale).toMatchObject({ transition: "stale", changed: true, life: { phase: "open", stale: true } });
    expect(expire(stale.life!, to + EXPIRE_MS - 1, { retired: false, lastWindowTo: to })).toEqual({
      life: stale.life,
      changed: false,
    });
    const ended = expire(stale.life!, to + EXPIRE_MS, { retired: false, lastWindowTo: to });
    expect(ended).toMatchObject({ transition: "resolved", reason: "silent", life: { phase: "resolved" } });
    expect(expire(open, to, { retired: false })).toMatchObject({ reason: "silent" });
  });

  it("is no longer stale with the next window that tells something", () => {
    const stale: Life = { ...open, stale: true };
    const span = { from: to + EXPIRE_MS / 2, to: to + EXPIRE_MS / 2 + 30 * S, previousTo: to };
    expect(advance(stale, findingOf("unknown"), span, POLICY).life?.stale).toBe(true);
    const next = advance(stale, findingOf("warning"), span, POLICY);
    expect(next).toMatchObject({ changed: true });
    expect(next.life?.stale).toBeUndefined();
  });

  it("ends it when the node is retired, and what was pending too", () => {
    expect(expire(open, to, { retired: true, lastWindowTo: to })).toMatchObject({
      transition: "resolved",
      reason: "retired",
    });
    const pending = live(told(["warning", 0.5]), POLICY)[0]!.life!;
    expect(expire(pending, to + EXPIRE_MS, { retired: false, lastWindowTo: to })).toEqual({
      life: pending,
      changed: false,
    });
    expect(expire(pending, to, { retired: true })).toEqual({ life: undefined, changed: true });
  });

  it("may be as bad as before when it is back: an end without a clear window does not cool down", () => {
    const { life } = end(open, to, "disabled");
    expect(life?.coolUntil).toBe(to);
    const history = told(["gap", 60], ["warning", 1]);
    const [first, second] = history;
    const one = advance(life, findingOf("warning"), { ...first!, previousTo: to }, POLICY);
    const two = advance(one.life, findingOf("warning"), { ...second!, previousTo: first!.to }, POLICY);
    expect(two.transition).toBe("opened");
  });
});

it("is awake while something is counted or open, and then for a while only remembered", () => {
  const steps = live(told(["warning", 1], ["clear", 15], ["warning", 0.5]), POLICY);
  const lives = [steps[0], steps[1], steps.at(-2), steps.at(-1)].map((step) => step!.life!);
  expect(lives.map(isAwake)).toEqual([true, true, false, true]);
  expect(lives.map(forgetAt)).toEqual([
    T + 2 * MAX_DURATION_MS,
    undefined,
    T + 16 * MIN + FLAP_WINDOW_MS,
    T + 16 * MIN + 2 * MAX_DURATION_MS,
  ]);
});
