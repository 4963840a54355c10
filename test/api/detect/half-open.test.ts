import { expect, test } from "vitest";
import { scoreOf } from "../../../api/detect/score.ts";
import type { Flows, FlowRow, Look, NodeWindow } from "../../../db/look.ts";
import { atRest } from "../../support/hours.ts";
import { gateOf, judged, verdictOf } from "../../support/verdicts.ts";
import {
  aFlowRow,
  aLook,
  aParty,
  aPartyRow,
  AT,
  aWindow,
  someFlows,
  windowsBefore,
} from "../../support/looks.ts";

/** 6,000 of 20,000 entries are half-open, where 205 are usual. */
const surge = (some: Partial<NodeWindow> = {}, look: Partial<Look> = {}): Look =>
  aLook(aWindow(0, { unreplied: 5_900, synRecv: 100, ...some }), { hours: atRest(), ...look });

const verdict = (...of: Parameters<typeof surge>) => verdictOf(judged("half-open", surge(...of)));

const small = { max: 50_000, entries: 2_000 };
const nobody = { hours: [] };

test.each<[string, Parameters<typeof surge>, string]>([
  ["many of all, and unusual", [], "warning"],
  ["a hundredth of the limit", [{ entries: 8_000, unreplied: 2_522 }], "warning"],
  ["less than that", [{ entries: 8_000, unreplied: 2_521 }], "between"],
  ["a thousand of a small table", [{ ...small, unreplied: 900 }], "warning"],
  ["less than that", [{ ...small, unreplied: 899 }], "between"],
  ["two of ten entries", [{ entries: 30_000 }], "warning"],
  ["less than that", [{ entries: 30_001 }], "between"],
  ["less than half of that", [{ entries: 60_001 }], "clear"],
  ["few", [{ unreplied: 1_210 }], "clear"],
  ["an older dump", [{ takenAt: AT - 1 }], "unknown"],
  ["nobody knows", [{ unreplied: undefined }], "unknown"],
  ["five times as many where nobody knows what is usual", [{ unreplied: 13_008 }, nobody], "warning"],
  ["less than that", [{ unreplied: 13_007 }, nobody], "between"],
  [
    "less than half of all where nobody knows what is usual",
    [{ unreplied: 13_008, entries: 26_217 }, nobody],
    "between",
  ],
  [
    "as on the other nodes",
    [{}, { ...nobody, peers: windowsBefore(0, 8, () => ({ unreplied: 4_000 })) }],
    "clear",
  ],
  ["more than on the other nodes", [{}, { ...nobody, peers: windowsBefore(0, 8) }], "warning"],
])("%s", (_, of, expected) => {
  expect(verdict(...of)).toBe(expected);
});

test("the score opens at six and closes below three", () => {
  const usual = atRest().map((slot) => {
    const unreplied = { min: 3_600, mean: 4_600, max: 5_600, last: 4_600 };
    return { ...slot, gauges: { unreplied } };
  });
  const { baseline } = scoreOf("halfOpen", surge({}, { hours: usual })) ?? {};
  const windows = (z: number) =>
    windowsBefore(0, 2).map((window) => ({
      ...window,
      unreplied: (baseline?.mean ?? 0) + z * (baseline?.deviation ?? 0),
      synRecv: 0,
    }));
  // Two windows before and this one make up seven eighths.
  const at = (z: number) => {
    const [first, ...others] = [...windows(z), ...windows(z)];
    const unreplied = first?.unreplied;
    return verdict({ unreplied, synRecv: 0, entries: 10_000 }, { hours: usual, recent: others.slice(0, 2) });
  };
  expect([at(6.9), at(6.8), at(3.5), at(3.4)]).toEqual(["warning", "between", "between", "clear"]);
});

const down = aFlowRow(aParty(), { peer: "203.0.113.9", peerPort: 5432, unreplied: 2_000 });
const scattered: FlowRow[] = Array.from({ length: 40 }, (_, i) =>
  aFlowRow(aParty(), { peer: `203.0.113.${i}`, peerPort: 80, unreplied: 2 }),
);
const parties = [
  aPartyRow(aParty("web-1"), { unreplied: 3_000 }),
  aPartyRow(aParty("web-2"), { unreplied: 3_100 }),
  aPartyRow(aParty("web-3"), { unreplied: 0 }),
];

test.each<[string, Partial<Flows>, string | undefined]>([
  ["most goes to one destination", { flows: [{ ...down, unreplied: 2_951 }], parties }, "destination-down"],
  [
    "of several owners together",
    { flows: [down, { ...down, party: aParty("web-2"), unreplied: 951 }], parties },
    "destination-down",
  ],
  ["half of it does not", { flows: [{ ...down, unreplied: 2_950 }] }, undefined],
  ["two ports are two destinations", { flows: [down, { ...down, peerPort: 5433 }] }, undefined],
  ["one source goes everywhere", { flows: scattered, parties }, "scan"],
  [
    "nobody has most of it",
    { flows: scattered, parties: parties.slice(0, 1).map((row) => ({ ...row, unreplied: 2_950 })) },
    undefined,
  ],
])("the cause: %s", (_, some, cause) => {
  const look = surge();
  const [found] = judged("half-open", { ...look, flows: someFlows(look.window, some) });
  expect(found?.finding).toMatchObject({ verdict: "bad", cause });
});

test("the finding names the sources, the destination and the rate", () => {
  const look = surge();
  const flows = someFlows(look.window, {
    flows: [...scattered, { ...down, unreplied: 2_950, peerParty: aParty("db-0") }],
    parties,
  });
  expect(judged("half-open", { ...look, flows })).toMatchObject([
    {
      subject: { kind: "node", key: "node-1", node: "node-1" },
      finding: {
        value: 6_000,
        limit: 2_621.44,
        baseline: 205,
        score: 25,
        contributors: [
          { party: { name: "web-2" }, value: 3_100 },
          { party: { name: "web-1" }, value: 3_000 },
        ],
        facts: {
          share: 0.3,
          perSecond: 50,
          peer: "203.0.113.9",
          peerPort: 5432,
          peerName: "db-0",
          peerShare: 0.5,
        },
      },
    },
  ]);
});

test("the gate lets pass many that are a large part", () => {
  const gate = (some: Partial<NodeWindow>) => gateOf("half-open", surge(some).window);
  expect(gate({})).toEqual({ hours: true, peers: true, flows: {} });
  expect(gate({ entries: 30_001 })).toBeUndefined();
  expect(gate({ entries: 8_000, unreplied: 2_521 })).toBeUndefined();
  expect(gate({ takenAt: AT - 1 })).toBeUndefined();
});
