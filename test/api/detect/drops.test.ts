import { describe, expect, test } from "vitest";
import type { Finding } from "../../../api/detect/rule.ts";
import { scoreOf } from "../../../api/detect/score.ts";
import type { Look, NodeWindow } from "../../../db/look.ts";
import { atRest } from "../../support/hours.ts";
import { gateOf, judged, verdictOf } from "../../support/verdicts.ts";
import { aLook, aParty, aPartyRow, AT, aWindow, someFlows, windowsBefore } from "../../support/looks.ts";

type Some = Partial<NodeWindow>;
/** The last ten windows of half a minute, the latest first; those before them lost nothing. */
function lookOf(of: (ago: number) => Some, some: Partial<Look> = {}): Look {
  const recent = windowsBefore(0, 20, (number) => (number > -10 ? of(-number) : {}));
  return aLook(aWindow(0, of(0)), { recent, ...some });
}
const verdict = (look: Look) => verdictOf(judged("drops", look));
const finding = (look: Look): Finding | undefined => judged("drops", look)[0]?.finding;
/** The same in each window of the five minutes. */
const steady = (some: Some, look: Partial<Look> = {}) => lookOf(() => some, look);

describe("how much is too much", () => {
  test.each<[string, (ago: number) => Some, string]>([
    ["nothing", () => ({}), "clear"],
    ["one packet", (ago) => ({ drop: ago === 0 ? 1 : 0 }), "clear"],
    ["a thousand packets at once", (ago) => ({ drop: ago === 0 ? 1_000 : 0 }), "between"],
    ["in two of five minutes", (ago) => ({ drop: ago < 4 ? 500 : 0 }), "between"],
    ["in three of them", (ago) => ({ drop: [0, 2, 4].includes(ago) ? 500 : 0 }), "warning"],
    ["one a second", () => ({ drop: 30, opened: 1_000_000 }), "warning"],
    ["less than that", (ago) => ({ drop: ago === 0 ? 29 : 30, opened: 1_000_000 }), "between"],
    ["less than half of that", () => ({ drop: 14, opened: 1_000_000 }), "clear"],
    ["one in a thousand that would open", () => ({ drop: 1, opened: 999 }), "warning"],
    ["less than that", () => ({ drop: 1, opened: 1_000 }), "between"],
    ["fewer than ten, of however few", (ago) => ({ drop: ago === 0 ? 0 : 1, opened: 1 }), "clear"],
    ["that many where nobody counts what opens", () => ({ drop: 1, opened: undefined }), "clear"],
    ["ten a second", () => ({ drop: 300 }), "critical"],
    ["less than that", (ago) => ({ drop: ago === 0 ? 299 : 300 }), "warning"],
    ["one a second of a full table", () => ({ drop: 30, count: 249_037 }), "critical"],
    ["of one not quite full", () => ({ drop: 30, count: 249_036 }), "warning"],
    [
      "where nothing is counted",
      () => ({ drop: undefined, chainTooLong: undefined, insertFailed: undefined, earlyDrop: undefined }),
      "unknown",
    ],
  ])("%s", (_, of, said) => {
    expect(verdict(lookOf(of))).toBe(said);
  });

  test("what was lost more than five minutes ago is over", () => {
    const recent = windowsBefore(0, 20, (number) => ({ drop: number <= -10 ? 10_000 : 0 }));
    expect(verdict(aLook(aWindow(), { recent }))).toBe("clear");
  });

  test("a window of five minutes has no more lossy minutes than lost packets", () => {
    const long = (drop: number) => aWindow(0, { from: AT, to: AT + 300_000, drop, opened: 100 });
    expect(verdict(aLook(long(2), { recent: [] }))).toBe("clear");
    expect(verdict(aLook(long(10), { recent: [] }))).toBe("warning");
  });
});

describe("what it is a case of, by the counters that rise together", () => {
  test.each<[string, Some, string | undefined]>([
    // As measured: 1,000 packets at a full table, and 300 flows through 100 ports; here in each window.
    ["a full table says so in the log", { drop: 1_000, tableFull: 1 }, "table-full"],
    ["or is seen to be full", { drop: 1_000, count: 262_144 }, "table-full"],
    ["drops alone and a table with room", { drop: 1_000 }, undefined],
    [
      "no port is found, though many are tried",
      { drop: 200, insertFailed: 200, found: 20_456 },
      "ports-exhausted",
    ],
    ["as few as any refusal takes", { drop: 200, insertFailed: 200, found: 4_000 }, "ports-exhausted"],
    ["fewer were tried: two made the same entry", { drop: 200, insertFailed: 200, found: 3_999 }, "clash"],
    [
      "an old kernel counts more as found",
      { drop: 200, insertFailed: 200, found: 20_456, clashResolve: undefined },
      undefined,
    ],
    [
      "ports of a table that is full as well",
      { drop: 200, insertFailed: 200, found: 20_456, count: 262_144 },
      undefined,
    ],
    ["chains are too long, which is no drop", { chainTooLong: 200, insertFailed: 200 }, "chain-too-long"],
    ["a full table with some clashes", { drop: 200, insertFailed: 99, tableFull: 1 }, "table-full"],
    ["as many clashes as half of it", { drop: 200, insertFailed: 100, tableFull: 1 }, "clash"],
  ])("%s", (_, some, cause) => {
    const said = finding(steady(some));
    expect(said).toMatchObject({ verdict: "bad" });
    expect(said && "cause" in said ? said.cause : undefined).toBe(cause);
  });

  test("entries are pushed out of a full table", () => {
    const full = (count: number, earlyDrop = 1) =>
      lookOf((ago) => ({ earlyDrop: ago === 0 ? earlyDrop : 0, count }));
    expect(finding(full(235_930))).toMatchObject({ severity: "critical", cause: "early-drop" });
    expect(verdict(full(235_929))).toBe("clear");
    const both = lookOf((ago) => (ago === 0 ? { earlyDrop: 1, drop: 1, count: 262_144 } : {}));
    expect(finding(both)).toMatchObject({ severity: "critical", cause: "table-full" });
    expect(verdict(full(262_144, 0))).toBe("clear");
    expect(gateOf("drops", aWindow(0, { earlyDrop: 1, count: 235_930 }))).toBeDefined();
    expect(gateOf("drops", aWindow(0, { earlyDrop: 1, count: 235_929 }))).toBeUndefined();
  });
});

describe("inserts that fail without a loss", () => {
  const hours = atRest();
  /** Twenty a second, where none ever failed. */
  const said = (some: Some, look: Partial<Look> = { hours }, settings = {}) =>
    judged("drops", steady({ insertFailed: 600, ...some }, look), [], { settings })[0]?.finding;

  test("as many as that are told of where it is not usual", () => {
    expect(said({})).toMatchObject({ severity: "warning", cause: "clash", limit: 5, value: 20, baseline: 0 });
    const limited = (insertFailed: number) => said({}, { hours }, { thresholds: { insertFailed } });
    expect(limited(19.9)).toMatchObject({ verdict: "bad" });
    expect(limited(20)).toMatchObject({ verdict: "between" });
    const scored = (score: number) => said({}, { hours }, { thresholds: { score } });
    const { score } = scoreOf("insertFailed", steady({ insertFailed: 600 }, { hours })) ?? { score: 0 };
    expect(scored(score)).toMatchObject({ verdict: "bad" });
    expect(scored(score + 0.001)).toMatchObject({ verdict: "between" });
  });

  test.each<[string, Some, Partial<Look>]>([
    ["an old kernel counts resolved clashes as well", { clashResolve: undefined }, { hours }],
    ["nobody knows what is usual", {}, {}],
    [
      "a race that goes on every day",
      {},
      { hours: hours.map((slot) => ({ ...slot, counts: { ...slot.counts, insertFailed: 72_000 } })) },
    ],
  ])("%s: nothing", (_, some, look) => {
    expect(said(some, look)).toMatchObject({ verdict: "clear" });
  });

  test("a little, always, is the race of DNS: nothing", () => {
    const dns = { insertFailed: 3, clashResolve: 40 };
    expect(verdict(steady(dns, { hours }))).toBe("clear");
    expect(gateOf("drops", aWindow(0, dns))).toBeUndefined();
  });
});

test("only what the window says makes anybody look further", () => {
  expect(gateOf("drops", aWindow())).toBeUndefined();
  expect(gateOf("drops", aWindow(0, { drop: 1 }))).toEqual({ flows: {} });
  expect(gateOf("drops", aWindow(0, { drop: 1, insertFailed: 1 }))).toEqual({ flows: {}, ports: true });
  expect(gateOf("drops", aWindow(0, { chainTooLong: 1 }))).toBeDefined();
  expect(gateOf("drops", aWindow(0, { insertFailed: 151 }))).toMatchObject({ hours: true });
  expect(gateOf("drops", aWindow(0, { insertFailed: 150 }))).toBeUndefined();
  expect(gateOf("drops", aWindow(0, { insertFailed: 151, clashResolve: undefined }))).toBeUndefined();
});

describe("who is behind it", () => {
  const window = aWindow();
  const large = aPartyRow(aParty("large"), { entries: 9_000, opened: 10 });
  const quick = aPartyRow(aParty("quick"), { entries: 10, opened: 9_000 });
  const flows = someFlows(window, { parties: [large, quick] });
  const first = (some: Some, look: Partial<Look> = {}) => {
    const said = finding(steady(some, { flows, ...look }));
    return said && "contributors" in said ? said.contributors?.[0] : undefined;
  };

  test("of a full table those who have its entries, else those who open flows", () => {
    expect(first({ drop: 1_000, tableFull: 1 })).toMatchObject({ party: { name: "large" }, value: 9_000 });
    expect(first({ drop: 1_000 })).toMatchObject({ party: { name: "quick" }, value: 9_000 });
  });

  const exhausted = { drop: 200, insertFailed: 200, found: 20_456 };
  const rows = [20, 99].map((used, i) => ({
    natAddress: "192.168.0.23",
    protocol: 6,
    peer: `198.51.100.2${i}`,
    peerPort: 443,
    zone: 0,
    used,
    holders: [{ party: aParty(`holder-${i}`), used }],
  }));

  test("of ports those who hold them, towards the peer that has most", () => {
    expect(first(exhausted, { ports: rows })).toMatchObject({
      party: { name: "holder-1" },
      peer: "198.51.100.21",
    });
    expect(finding(steady(exhausted, { ports: rows }))).toMatchObject({
      facts: { natAddress: "192.168.0.23", peer: "198.51.100.21", peerPort: 443, portsUsed: 99 },
    });
  });

  test("ports of an older dump may be others by now", () => {
    expect(first({ ...exhausted, takenAt: AT - 300_001 }, { ports: rows })).toMatchObject({
      party: { name: "quick" },
    });
  });

  test("the counters stand beside it", () => {
    expect(finding(steady(exhausted))).toMatchObject({
      value: 200 / 30,
      facts: { seconds: 300, lost: 2_000, drop: 2_000, insertFailed: 2_000, found: 204_560, minutes: 5 },
    });
  });
});
