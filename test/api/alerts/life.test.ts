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
import type { Life } from "../../../api/alerts/life.ts";
import { MAX_DURATION_MS } from "../../../api/detect/rule.ts";
import { findingOf, happenings, live, MIN, minutesOf, POLICY, S, T, told } from "./life-told.ts";

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
