import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { scoreOf } from "../../../api/detect/score.ts";
import type { Judged, Subject } from "../../../api/detect/rule.ts";
import type { Look, PartyRow } from "../../../db/look.ts";
import { atRest } from "../../support/hours.ts";
import { CROWD, FLOODER, flooded, KNOWN, opened, type Some } from "../../support/floods.ts";
import { gateOf, judged, closerOf, verdictOf } from "../../support/verdicts.ts";
import { aFlowRow, aLook, aParty, aPartyRow, AT, aWindow, windowsBefore } from "../../support/looks.ts";

/** Of the limit of 262,144 five parts in a hundred, which are 13,107.2; in 30 s as many as fill that in two minutes. */
const ENTRIES = 13_108;
const OPENED = 3_277;

const verdict = (look: Look, known: readonly Subject[] = []) => verdictOf(judged("pod-flood", look, known));

describe("by entries", () => {
  test.each<[string, Some, string]>([
    ["one owner with most of the node", {}, "warning"],
    ["as large as five parts of the limit", { entries: 30_000, row: { entries: ENTRIES } }, "warning"],
    ["smaller than that", { entries: 30_000, row: { entries: ENTRIES - 1 } }, "nothing"],
    [
      "a small table: 2,000 entries",
      {
        max: 10_000,
        count: 5_999,
        entries: 5_000,
        row: { entries: 2_000 },
        look: newNode(3_999),
      },
      "warning",
    ],
    [
      "a new node whose owners nobody knows, which has not grown by half",
      {
        max: 10_000,
        count: 5_999,
        entries: 5_000,
        row: { entries: 2_000 },
        look: newNode(4_000),
      },
      "nothing",
    ],
    [
      "a new node that has not grown, and an owner that has",
      {
        max: 10_000,
        count: 5_999,
        entries: 5_000,
        row: { entries: 2_000, dayMedian: 10 },
        look: newNode(4_000),
      },
      "warning",
    ],
    [
      "a small table: less",
      {
        max: 10_000,
        count: 5_999,
        entries: 4_000,
        row: { entries: 1_999 },
        look: newNode(3_999),
      },
      "nothing",
    ],
    ["four parts in ten of the node", { row: { entries: 20_000 } }, "warning"],
    ["less than that", { row: { entries: 19_999 } }, "nothing"],
    [
      "less than that, if what may be wrong is left out",
      { row: { entries: 20_000 }, flows: { error: 1 } },
      "nothing",
    ],
    ["ten times its own day", { count: 40_000, row: { entries: 14_000, dayMedian: 1_400 } }, "warning"],
    ["less than ten times", { count: 40_000, row: { entries: 14_000, dayMedian: 1_401 } }, "nothing"],
    ["ten times nothing", { count: 40_000, row: { entries: 14_000, dayMedian: 0 } }, "warning"],
    // It has 13,000 more than usual; with 41,666 entries the node has 21,666 more.
    [
      "six parts in ten of the excess",
      { count: 41_666, row: { entries: 14_000, dayMedian: 1_000 } },
      "warning",
    ],
    ["less than that", { count: 41_667, row: { entries: 14_000, dayMedian: 1_000 } }, "nothing"],
    // Usual are 6,666 of 20,000, half as much as all others; now it is one and a half times as much.
    ["three times its part against the others", { row: { dayMedian: 6_666 } }, "warning"],
    ["less than three times", { row: { dayMedian: 6_667 } }, "nothing"],
    // Where it is known what all had in the same hours, that counts, not what is usual at this hour.
    [
      "three times its part of the same hours",
      { row: { dayMedian: 10_000 }, flows: { dayMedian: 30_000 } },
      "warning",
    ],
    ["less than that", { row: { dayMedian: 10_000 }, flows: { dayMedian: 29_999 } }, "nothing"],
    [
      "a proxy in a busy minute",
      { count: 80_000, entries: 80_000, row: { entries: 56_000, dayMedian: 11_000 } },
      "nothing",
    ],
    [
      "the only owner of its node, in a busy minute",
      { row: { entries: 49_990, dayMedian: 19_900 } },
      "nothing",
    ],
    ["a node that is as always", { count: 20_000, entries: 30_000 }, "nothing"],
    ["six parts in ten of the limit", { max: 100_000, count: 60_000 }, "critical"],
    ["less than that", { max: 100_000, count: 59_999 }, "warning"],
    ["an older dump", { takenAt: AT - 1 }, "nothing"],
    [
      "an older dump, and an owner that opens fast on a node that opens as always",
      { takenAt: AT - 1, opened: 8_000, row: { opened: OPENED } },
      "nothing",
    ],
    ["nobody knows whose entries they are", { look: { flows: undefined } }, "nothing"],
  ])("%s", (_, some, expected) => {
    expect(verdict(flooded(some))).toBe(expected);
  });

  test("the node's score decides at four", () => {
    const deviation = scoreOf("count", flooded())?.baseline.deviation ?? 0;
    // Half of the first window counts.
    expect(verdict(flooded({ count: Math.ceil(20_000 + 8 * deviation) }))).toBe("warning");
    expect(verdict(flooded({ count: Math.floor(20_000 + 8 * deviation) }))).toBe("nothing");
  });
});

/** Without history, with other nodes that are small, and so many entries ten minutes ago. */
function newNode(count: number): Partial<Look> {
  const peers = windowsBefore(0, 8, () => ({ count: 100 }));
  return { hours: [], peers, recent: windowsBefore(0, 10, () => ({ count })) };
}

describe("by openings", () => {
  test.each<[string, Some, string]>([
    ["one owner that opens most", {}, "warning"],
    ["though the dump is old", { takenAt: AT - 1 }, "warning"],
    // The rest of the node opens as much as lets its score be high.
    [
      "as fast as the table would be filled by",
      { opened: 8_000, row: { opened: OPENED }, look: { hours: quietHours() } },
      "warning",
    ],
    [
      "slower than that",
      { opened: 8_000, row: { opened: OPENED - 1 }, look: { hours: quietHours() } },
      "nothing",
    ],
    [
      "a small table: 50 a second",
      { max: 30_000, count: 17_999, opened: 3_000, row: { opened: 1_500 }, look: { hours: quietHours() } },
      "warning",
    ],
    [
      "a small table: slower",
      { max: 30_000, count: 17_999, opened: 3_000, row: { opened: 1_499 }, look: { hours: quietHours() } },
      "nothing",
    ],
    ["four parts in ten", { row: { opened: 13_200 } }, "warning"],
    ["less than that", { row: { opened: 13_199 } }, "nothing"],
    ["a node that always opens as many", { opened: 6_000, row: { opened: 5_000 } }, "nothing"],
    [
      "a proxy with the same part of the node's entries, in a busy minute",
      { row: { opened: 25_000, dayMedian: 12_000 } },
      "nothing",
    ],
    ["one that usually has a small part", { row: { opened: 25_000, dayMedian: 5_000 } }, "warning"],
    ["after a gap", { look: { recent: windowsBefore(-4, 10) } }, "nothing"],
    ["of the first window", { look: { recent: [] } }, "nothing"],
    ["nobody counts openings", { opened: undefined }, "nothing"],
    ["at a full table", { max: 33_000 }, "critical"],
  ])("%s", (_, some, expected) => {
    expect(verdict(opened(some))).toBe(expected);
  });
});

/** Ten openings a second are usual. */
function quietHours() {
  return atRest().map((slot) => ({ ...slot, counts: { opened: 36_000 } }));
}

describe("where nobody knows what is usual", () => {
  const nobody = { hours: [], recent: windowsBefore(0, 10, () => ({ count: 30_000 })) };
  const large = { count: 65_536, entries: 65_536, row: { entries: 39_322 } };
  test.each<[string, Some, string]>([
    ["three times as large, most of the node, and fast", { ...large, look: nobody }, "warning"],
    [
      "less than three times as large",
      { ...large, row: { entries: 39_321 }, entries: 60_000, look: nobody },
      "nothing",
    ],
    ["less than six parts in ten", { ...large, entries: 65_537, look: nobody }, "nothing"],
    ["the node grew by half", { ...large, count: 45_001, look: nobody }, "warning"],
    ["the node grew by less", { ...large, count: 45_000, look: nobody }, "nothing"],
    ["the first window", { ...large, look: { hours: [], recent: [] } }, "nothing"],
    [
      "it has had a third of that all day",
      { ...large, row: { entries: 42_000, dayMedian: 14_001 }, look: nobody },
      "nothing",
    ],
    [
      "it has had less than a third of that",
      { ...large, row: { entries: 42_000, dayMedian: 14_000 }, look: nobody },
      "warning",
    ],
    [
      "the other nodes are as large",
      { ...large, look: { ...nobody, peers: windowsBefore(0, 8, () => ({ count: 60_000 })) } },
      "nothing",
    ],
  ])("%s", (_, some, expected) => {
    expect(verdict(flooded(some))).toBe(expected);
  });
});

describe("of an owner that is pending or open", () => {
  test.each<[string, Look, string]>([
    ["it goes on", flooded(), "warning"],
    ["less than bad, more than well", flooded({ row: { entries: 15_000 } }), "between"],
    ["its part is small again", flooded({ row: { entries: 14_999 } }), "clear"],
    ["it is small again", flooded({ entries: 10_000, row: { entries: 6_553 } }), "clear"],
    ["it is nearly small", flooded({ entries: 10_000, row: { entries: 6_554 } }), "between"],
    ["the node is as always", flooded({ count: 20_000 }), "clear"],
    ["it is gone", flooded({ flows: { parties: [] } }), "clear"],
    ["an old dump, and the table has what that showed", flooded({ takenAt: AT - 1 }), "warning"],
    ["an old dump, and the table has less", flooded({ takenAt: AT - 1, count: 49_999 }), "unknown"],
    [
      "an old dump that showed less than bad",
      flooded({ takenAt: AT - 1, row: { entries: 15_000 } }),
      "unknown",
    ],
    ["an old dump, and a node as always", flooded({ takenAt: AT - 1, count: 20_000 }), "clear"],
    ["nobody knows", flooded({ look: { flows: undefined } }), "unknown"],
    ["it still opens", opened(), "warning"],
    ["it opens less than bad, more than well", opened({ row: { opened: 10_000 } }), "between"],
    ["nobody counts openings any more", opened({ opened: undefined }), "clear"],
    ["after a gap", opened({ look: { recent: [] } }), "unknown"],
    [
      "it opens less, but an old dump hides what it has",
      opened({ takenAt: AT - 1, count: 50_000, row: { opened: 10_000 } }),
      "unknown",
    ],
  ])("%s", (_, look, expected) => {
    expect(verdict(look, [KNOWN])).toBe(expected);
  });

  test("its node is as usual again below a score of two", () => {
    const deviation = scoreOf("count", flooded())?.baseline.deviation ?? 0;
    expect(verdict(flooded({ count: Math.ceil(20_000 + 4 * deviation) }), [KNOWN])).toBe("between");
    expect(verdict(flooded({ count: Math.floor(20_000 + 4 * deviation) }), [KNOWN])).toBe("clear");
  });
});

test("the finding names the owner, its peers, and what is usual", () => {
  const web = aParty("web-1");
  const flows = [
    aFlowRow(CROWD, { entries: 90 }),
    aFlowRow(FLOODER, { entries: 2_000, peer: "198.51.100.9", nat: "none", natAddress: undefined }),
    aFlowRow(FLOODER, { entries: 27_000, peerParty: web }),
  ];
  const row = { snatEntries: 28_000, dayMedian: 500, peers: 7, opened: 600 };
  const look = flooded({ row });
  const [named] = judged("pod-flood", { ...look, flows: look.flows && { ...look.flows, flows } });
  expect(named?.subject).toEqual(KNOWN);
  expect(named?.finding).toMatchObject({
    verdict: "bad",
    value: 30_000,
    limit: 13_107.2,
    baseline: 500,
    score: 25,
    cause: "entries",
    contributors: [
      {
        party: FLOODER,
        value: 27_000,
        peer: "198.51.100.20",
        peerPort: 443,
        protocol: 6,
        natAddress: "192.168.0.23",
      },
      { party: FLOODER, value: 2_000, peer: "198.51.100.9" },
    ],
    facts: {
      entries: 30_000,
      share: 0.6,
      snatShare: 28_000 / 30_000,
      openedPerSecond: 20,
      usual: 500,
      usualOfNode: 20_000,
      ofNode: 50_000,
      natAddress: "192.168.0.23",
      peer: "198.51.100.20",
      peerPort: 443,
      peerName: "web-1",
      peerShare: 0.9,
    },
  });
});

test("of openings, the peers that most are opened towards are named", () => {
  const flows = [
    aFlowRow(FLOODER, { entries: 400, opened: 10 }),
    aFlowRow(FLOODER, { peer: "198.51.100.9", opened: 24_000 }),
  ];
  const [found] = judged(
    "pod-flood",
    opened({ flows: { parties: [aPartyRow(FLOODER, { opened: 30_000 })], flows } }),
  );
  expect(found?.finding).toMatchObject({
    value: 30_000,
    cause: "openings",
    contributors: [{ value: 24_000 }, { value: 10 }],
    facts: { openedPerSecond: 1_000, peer: "198.51.100.9", peerShare: 0.8 },
  });
});

test("the gate lets pass what has entries or openings enough", () => {
  const quiet = { entries: ENTRIES - 1, opened: OPENED - 1 };
  expect(gateOf("pod-flood", aWindow(0, quiet))).toBeUndefined();
  expect(gateOf("pod-flood", aWindow(0, { ...quiet, entries: ENTRIES }))).toEqual({ hours: true });
  expect(gateOf("pod-flood", aWindow(0, { ...quiet, entries: ENTRIES, takenAt: AT - 1 }))).toBeUndefined();
  expect(gateOf("pod-flood", aWindow(0, { ...quiet, opened: OPENED }))).toEqual({ hours: true });
  expect(gateOf("pod-flood", aWindow(0, { entries: undefined, opened: undefined }))).toBeUndefined();
});

test("owners are asked for only where the node has more than usual, or nobody knows what is", () => {
  const { flows: _, ...usual } = aLook(aWindow(0), { hours: atRest() });
  const recent = windowsBefore(0, 8);
  expect(closerOf("pod-flood", { ...usual, recent })).toBeUndefined();
  const medianFrom = 0.05 * 262_144;
  expect(closerOf("pod-flood", { ...flooded(), recent })).toEqual({ flows: { medianFrom } });
  expect(closerOf("pod-flood", { ...opened(), recent })?.flows?.medianFrom).toBeCloseTo(medianFrom / 10);
  expect(closerOf("pod-flood", { ...usual, recent, hours: [] })).toEqual({
    peers: true,
    flows: { medianFrom },
  });
});

const anyRow = fc
  .record({
    name: fc.nat(9),
    entries: fc.nat(100_000),
    opened: fc.option(fc.nat(100_000), { nil: undefined }),
    dayMedian: fc.option(fc.nat(50_000), { nil: undefined }),
  })
  .map(({ name, ...row }) => aPartyRow(aParty(`web-${name}`), row));

test("the order of rows tells nothing, and no more than what is there is named", () => {
  const rows = fc.uniqueArray(anyRow, { selector: ({ party }) => party.name, maxLength: 10 });
  const total = fc.nat(200_000);
  fc.assert(
    fc.property(rows, total, total, (parties, entries, all) => {
      const some = { entries, opened: all, count: entries };
      const of = (given: readonly PartyRow[]): Judged[] =>
        judged("pod-flood", flooded({ ...some, flows: { parties: given } }), [KNOWN]).toSorted((a, b) =>
          a.subject.key < b.subject.key ? -1 : 1,
        );
      const found = of(parties);
      expect(of(parties.toReversed())).toEqual(found);
      for (const { finding } of found) {
        if (finding.verdict === "unknown") continue;
        expect(finding.value).toBeGreaterThanOrEqual(0);
        for (const fact of Object.values(finding.facts ?? {})) expect(fact).not.toBeNaN();
      }
    }),
    { numRuns: 100 },
  );
});
