import { describe, expect, test } from "vitest";
import { AGE_BOUNDS_S } from "../../../api/wire.ts";
import type { AgesRow, Look, NodeWindow, Slot } from "../../../db/look.ts";
import { hoursAround } from "../../support/hours.ts";
import { gateOf, judged, verdictOf } from "../../support/verdicts.ts";
import { aLook, aParty, aPartyRow, aSlot, AT, aWindow, someFlows } from "../../support/looks.ts";

const TEN_MS = 600_000;
const ages = (of: string, timeoutS: number, entries: readonly number[] = []): AgesRow => ({
  of,
  timeoutS,
  entries,
});

/** Slots of ten minutes up to now, with such means of a gauge. */
const trendOf = (gauge: "closeWait" | "established", means: readonly (number | undefined)[]): Slot[] =>
  means.map((mean, i) =>
    aSlot(AT - (means.length - i) * TEN_MS, TEN_MS, mean === undefined ? {} : { gauges: { [gauge]: mean } }),
  );
const stale = { takenAt: AT - 1 };

describe("close-wait", () => {
  const RISING = [1, 2, 3, 4, 5, 6, 7].map((n) => n * 100);
  type Some = Partial<NodeWindow> & { rising?: readonly (number | undefined)[]; look?: Partial<Look> };
  /** In a table for 100,000, of which five in a thousand are 500. */
  const lookOf = ({ rising = RISING, look, ...window }: Some = {}): Look =>
    aLook(aWindow(0, { closeWait: 700, max: 100_000, ...window }), {
      trend: trendOf("closeWait", rising),
      hours: [],
      ...look,
    });
  const said = (some: Some) => verdictOf(judged("close-wait", lookOf(some)));
  const usually = (closeWait: number) => ({ hours: hoursAround(AT, 7, () => ({ gauges: { closeWait } })) });

  test.each<[string, Some, string]>([
    ["a pile of 500", { closeWait: 500 }, "warning"],
    ["fewer", { closeWait: 499 }, "between"],
    ["far fewer", { closeWait: 349 }, "clear"],
    ["five in a thousand of a large table", { closeWait: 1_311, max: 262_144 }, "warning"],
    ["fewer than that", { closeWait: 1_310, max: 262_144 }, "between"],
    ["three times what is usual", { closeWait: 750, look: usually(250) }, "warning"],
    ["less than that", { closeWait: 749, look: usually(250) }, "between"],
    ["less than one and a half times", { closeWait: 374, look: usually(250) }, "clear"],
    ["as a rule more than there may be", { closeWait: 3_000, look: usually(2_900) }, "clear"],
    ["of an older dump", stale, "unknown"],
    ["of nobody knows how many", { closeWait: undefined }, "unknown"],
    ["of nobody knows since when", { rising: RISING.slice(1) }, "unknown"],
    ["of nobody knows how it came", { look: { trend: undefined } }, "unknown"],
  ])("%s", (_, some, expected) => {
    expect(said(some)).toBe(expected);
  });

  test.each([
    [[1, 2, 3, 4, 5, 6, 6], "warning"],
    [[1, 2, 3, 4, 5, 5, 5], "between"],
    [[9, 9, 9, 1, 2, 3, 4, 3, 5, 6], "warning"],
    [[6, 5, 4, 3, 2, 1, 0], "between"],
  ])("steps %j from ten minutes to ten minutes are %s", (rising, expected) => {
    expect(said({ rising })).toBe(expected);
  });

  test("where entries are kept longer there are more, unless one knows how many are usual", () => {
    const kept = (timeoutS: number) => ({ ages: [ages("udp", 1), ages("tcp-close-wait", timeoutS)] });
    expect(said({ closeWait: 999, look: kept(120) })).toBe("between");
    expect(said({ closeWait: 1_000, look: kept(120) })).toBe("warning");
    // An hour is no excuse for sixty times more.
    expect(said({ closeWait: 4_999, look: kept(3_600) })).toBe("between");
    expect(said({ closeWait: 5_000, look: kept(3_600) })).toBe("warning");
    expect(said({ closeWait: 500, look: kept(10) })).toBe("warning");
    expect(said({ closeWait: 900, look: { ...kept(3_600), ...usually(250) } })).toBe("warning");
  });

  test("is looked into where there is a pile, in the first two of ten minutes", () => {
    const gate = (some: Partial<NodeWindow>) =>
      gateOf("close-wait", aWindow(0, { closeWait: 500, max: 1, ...some }));
    expect(gate({})).toMatchObject({ trend: true, hours: true, ages: true });
    expect(gate({ closeWait: 499 })).toBeUndefined();
    expect(gate(stale)).toBeUndefined();
    expect(gateOf("close-wait", aWindow(3, { closeWait: 500, max: 1 }))).toBeUndefined();
  });

  test("names who does not close", () => {
    const window = aWindow(0, { closeWait: 700, max: 100_000 });
    const parties = [3, 600].map((closeWait, i) => aPartyRow(aParty(`pod-${i}`), { closeWait }));
    const flows = someFlows(window, { parties });
    expect(
      judged("close-wait", lookOf({ look: { flows, ages: [ages("tcp-close-wait", 60)] } }))[0]?.finding,
    ).toMatchObject({
      value: 700,
      limit: 500,
      facts: { timeoutS: 60 },
      contributors: [
        { party: { name: "pod-1" }, value: 600 },
        { party: { name: "pod-0" }, value: 3 },
      ],
    });
  });
});

describe("idle-established", () => {
  /** Classes of idle time of which `idle` are just above an hour and the rest just not. */
  const classes = (idle: number, busy: number): number[] => {
    const hour = AGE_BOUNDS_S.indexOf(3_600);
    return [...AGE_BOUNDS_S, Infinity].map((_, i) => (i === hour ? busy : i === hour + 1 ? idle : 0));
  };
  const growing = (by: number, slots = 36) =>
    trendOf(
      "established",
      Array.from({ length: slots }, (_, i) => 10_000 - by + (by * i) / (slots - 1)),
    );

  type Some = Partial<NodeWindow> & { idle?: number; grown?: number; slots?: number; look?: Partial<Look> };
  /** 10,000 established in a table for 100,000. */
  const lookOf = ({ idle = 6_000, grown = 3_000, slots, look, ...window }: Some = {}): Look =>
    aLook(aWindow(0, { established: 10_000, max: 100_000, ...window }), {
      trend: growing(grown, slots),
      hours: [],
      ages: [ages("tcp-established", 432_000, classes(idle, 10_000 - idle))],
      ...look,
    });
  const said = (some: Some) => verdictOf(judged("idle-established", lookOf(some)));
  const usually = (established: number, days = 7) => ({
    hours: hoursAround(AT, days, () => ({ gauges: { established } })),
  });

  test.each<[string, Some, string]>([
    ["half of them idle for an hour", { idle: 5_000 }, "warning"],
    ["fewer", { idle: 4_999 }, "between"],
    ["far fewer", { idle: 3_999 }, "clear"],
    ["a pile that does not grow", { grown: 0 }, "between"],
    ["one that shrinks", { grown: -3_000 }, "between"],
    // A tenth of them in six hours, of which the trend spans a little less.
    ["one that grows by a tenth", { grown: 980 }, "warning"],
    ["by less", { grown: 960 }, "between"],
    ["five in a hundred of the table", { max: 200_000 }, "warning"],
    ["fewer", { max: 200_001 }, "clear"],
    ["one and a quarter of what is usual", { look: usually(8_000) }, "warning"],
    ["less than that", { look: usually(8_001) }, "clear"],
    ["usual on too few days to know", { look: usually(10_000, 4) }, "warning"],
    ["a pile known for less than three hours", { slots: 17 }, "unknown"],
    ["of an older dump", stale, "unknown"],
    ["of nobody knows how many", { established: undefined }, "unknown"],
    ["of which nobody knows how idle", { look: { ages: [] } }, "unknown"],
    [
      "of classes that nobody knows",
      { look: { ages: [ages("tcp-established", 432_000, [1, 2])] } },
      "unknown",
    ],
  ])("%s", (_, some, expected) => {
    expect(said(some)).toBe(expected);
  });

  test("2,000 are a pile in however small a table", () => {
    const small = (established: number) =>
      said({
        established,
        max: 3_000,
        idle: established,
        look: {
          trend: trendOf(
            "established",
            Array.from({ length: 36 }, (_, i) => 1_000 + i * 28),
          ),
        },
      });
    expect(small(2_000)).toBe("warning");
    expect(small(1_999)).toBe("clear");
  });

  test("a node that forgets after half an hour has none that were idle for one", () => {
    const entries = classes(0, 10_000);
    expect(said({ look: { ages: [ages("tcp-established", 1_800, entries)] } })).toBe("clear");
  });

  test("is looked into where there may be a pile, in the first two of ten minutes", () => {
    const gate = (number: number, some: Partial<NodeWindow> = {}) =>
      gateOf("idle-established", aWindow(number, { established: 2_000, max: 40_000, ...some }));
    expect([0, 1, 2, 3, 19].map((number) => gate(number) !== undefined)).toEqual([
      true,
      true,
      true,
      false,
      true,
    ]);
    expect(gate(0, { established: 1_999 })).toBeUndefined();
    expect(gate(0, { max: 40_001 })).toBeUndefined();
    expect(gate(0, stale)).toBeUndefined();
  });
});
