import { describe, expect, test } from "vitest";
import type { Look, NodeWindow } from "../../../db/look.ts";
import { atRest } from "../../support/hours.ts";
import { gateOf, judged, verdictOf } from "../../support/verdicts.ts";
import { aLook, aSlot, AT, aWindow, windowsBefore } from "../../support/looks.ts";

type Some = Partial<NodeWindow>;
/** Ten minutes end here: then more is looked at than the window. */
const SLOT = Math.ceil(AT / 600_000) * 600_000;

/** Windows of which no two say the same. */
const lively = (number: number): Some => ({ count: 20_000 + number, opened: 3_000 + number });
const lookOf = (some: Some, of: (ago: number) => Some, look: Partial<Look> = {}): Look =>
  aLook(aWindow(0, { ...lively(0), ...some }), {
    recent: windowsBefore(0, 20, (number) => ({ ...lively(number), ...of(-number) })),
    ...look,
  });
const said = (look: Look) => judged("blind-agent", look)[0]?.finding;
const verdict = (look: Look) => verdictOf(judged("blind-agent", look));
const always = (some: Some, look: Partial<Look> = {}) => lookOf(some, () => some, look);

test("an agent that sees its table is not blind", () => {
  expect(verdict(lookOf({}, () => ({}), { hours: atRest() }))).toBe("clear");
  expect(verdict(always({ source: undefined, events: undefined, count: undefined }))).toBe("unknown");
});

describe("no source", () => {
  const bare = { source: "none", takenAt: undefined, entries: undefined, count: undefined };
  const slot = aSlot(AT - 600_000, 600_000, { gauges: { entries: 20_000 } });

  test.each<[string, Look, string]>([
    ["a moment ago it had one", lookOf(bare, (ago) => (ago < 20 ? bare : {})), "warning"],
    ["hours ago it had one", always(bare, { trend: [slot] }), "warning"],
    ["days ago it had one", always(bare, { hours: [slot] }), "warning"],
    [
      "it never had one",
      always(bare, { trend: [aSlot(AT - 600_000, 600_000, { gauges: { count: 9 } })] }),
      "clear",
    ],
  ])("%s", (_, look, expected) => {
    expect(verdict(look)).toBe(expected);
  });

  test("is looked into every ten minutes", () => {
    const gate = (to: number) => gateOf("blind-agent", aWindow(0, { ...bare, from: to - 30_000, to }));
    expect(gate(SLOT)).toEqual({ trend: true, hours: true });
    expect(gate(SLOT + 59_999)).toEqual({ trend: true, hours: true });
    expect(gate(SLOT + 60_000)).toBeUndefined();
  });
});

describe("an empty table", () => {
  const empty = { count: 0, entries: 0 };

  test.each<[string, Look, string]>([
    ["that was not", lookOf(empty, (ago) => (ago < 20 ? empty : {})), "warning"],
    ["that was not yesterday", always(empty, { hours: atRest() }), "warning"],
    [
      "that always was",
      always(empty, { hours: [aSlot(AT - 86_400_000, 3_600_000, { gauges: { count: 0 } })] }),
      "clear",
    ],
    ["without a limit", always({ ...empty, max: undefined }, { hours: atRest() }), "clear"],
  ])("%s", (_, look, expected) => {
    expect(verdict(look)).toBe(expected);
  });
});

describe("a table that stands still", () => {
  const still: Some = { count: 200, opened: 7 };
  const stands = (windows: number, some: Some = still) => lookOf(some, (ago) => (ago < windows ? some : {}));

  test("for five windows", () => {
    expect(said(stands(5))).toMatchObject({ verdict: "bad", cause: "frozen", value: 150_000 });
    expect(verdict(stands(4))).toBe("clear");
    expect(verdict(stands(5, { ...still, count: 199 }))).toBe("clear");
  });

  test("or ten minutes of longer ones", () => {
    const long = (number: number) =>
      aWindow(0, { from: AT + number * 300_000, to: AT + (number + 1) * 300_000, ...still });
    const look = (windows: number) =>
      aLook(long(0), { recent: Array.from({ length: windows - 1 }, (_, i) => long(i - windows + 1)) });
    expect(verdict(look(2))).toBe("warning");
    expect(verdict(look(1))).toBe("clear");
  });

  test("is one in which nothing changes at all", () => {
    expect(verdict(lookOf(still, (ago) => (ago === 3 ? { ...still, closed: 2_999 } : still)))).toBe("clear");
  });

  test("is looked for every ten minutes", () => {
    const gate = (to: number, count: number) =>
      gateOf("blind-agent", aWindow(0, { from: to - 30_000, to, takenAt: to, count }));
    expect(gate(SLOT, 200)).toEqual({});
    expect(gate(SLOT, 199)).toBeUndefined();
    expect(gate(SLOT + 60_000, 200)).toBeUndefined();
  });
});

test.each([
  [3_599_999, "clear"],
  [3_600_000, "warning"],
])("a dump %i ms old is %s", (age, expected) => {
  const { to } = aWindow();
  const look = lookOf({ takenAt: to - age }, () => ({ takenAt: to - age }));
  expect(verdict(look)).toBe(expected);
  // Not only every ten minutes.
  const later = aWindow(10, { takenAt: aWindow(10).to - age });
  expect(gateOf("blind-agent", later)).toEqual(expected === "warning" ? {} : undefined);
});

test.each([
  // A minute less than ten is enough: a window may be missing.
  [18, "warning"],
  [17, "clear"],
])("events lost in %i windows in a row are %s", (windows, expected) => {
  const look = lookOf({ events: "lossy" }, (ago) => (ago < windows ? { events: "lossy" } : {}));
  expect(verdict(look)).toBe(expected);
  expect(gateOf("blind-agent", look.window)).toEqual({});
});
