import { describe, test } from "vitest";
import { judge } from "../../../db/attribution/judge.ts";
import { answered, asked, at, halves, NAT, place, pod, row } from "../../support/asked.ts";

type Partly = Parameters<typeof answered>[0];

const host = { ...pod("node-1", -9_000), address: NAT, kind: "host", namespace: "", uid: "" };
const other = (rest: Parameters<typeof row>[0]) => row({ source: "10.0.0.8", ...rest });
const OPEN = { peer: undefined, peerPort: undefined };

/** The lease of web-1 from second 40 to 50, asked about at second 100. */
const ended = place(halves(8, [], { 1: { rows: [row({ opened: 40, closed: 50 })] } }));
const begins = (opened: number) =>
  place(halves(8, [], { [Math.floor(opened / 30)]: { rows: [row({ opened })] } }));

function brief(partly: Partly): string[] {
  const { certainty, candidates } = answered(partly);
  return [certainty, ...candidates.map(({ owner, source }) => owner?.name ?? source)];
}
const reasons = (partly: Partly) => answered(partly).candidates.map((candidate) => candidate.reasons);

describe("who nearly had a port of the node", () => {
  const holders = [pod("web-1", -600), host];

  test("stands before the node, where no peer is given", ({ expect }) => {
    const before = { places: [ended], holders, question: OPEN };
    expect(brief(before)).toEqual(["ambiguous", "web-1", "node-1"]);
    expect(reasons(before)).toEqual([["closed-before", "no-peer"], ["no-lease"]]);
    const after = { ...before, places: [begins(110)] };
    expect(brief(after)).toEqual(["ambiguous", "web-1", "node-1"]);
    expect(reasons(after)).toEqual([["seen-only-after", "no-peer"], ["no-lease"]]);
  });

  test("is all that is said where a peer is given, before or else after", ({ expect }) => {
    expect(brief({ places: [ended], holders })).toEqual(["probable", "web-1"]);
    expect(brief({ places: [begins(110)], holders })).toEqual(["probable", "web-1"]);
    const both = place(
      halves(8, [], {
        1: { rows: [row({ opened: 40, closed: 50 })] },
        3: { rows: [other({ opened: 110 })] },
      }),
    );
    expect(brief({ places: [both], holders })).toEqual(["probable", "web-1"]);
    expect(brief({ places: [both], holders, question: OPEN })).toEqual([
      "ambiguous",
      "10.0.0.8",
      "web-1",
      "node-1",
    ]);
  });

  test("is nobody who came a minute later, or more", ({ expect }) => {
    // Told as of up to two seconds earlier.
    expect(brief({ places: [begins(167)], holders })).toEqual(["probable", "web-1"]);
    expect(brief({ places: [begins(168)], holders })).toEqual(["probable", "node-1"]);
  });

  test("is nobody of all leases, where neither port nor peer is given", ({ expect }) => {
    const question = { ...OPEN, port: undefined };
    expect(brief({ places: [ended], holders, question })).toEqual(["probable", "node-1"]);
  });

  test("is looked for a minute ahead, but not where the node never translates or somebody fits", ({
    expect,
  }) => {
    const needs = (windows: Parameters<typeof place>[0], rest: Parameters<typeof place>[1] = {}) => {
      const read = place(windows, { to: at(108), lastEnd: at(3_000), ...rest });
      const verdict = judge(asked({ places: [read], holders }));
      return "needs" in verdict ? verdict.needs.windows : [];
    };
    expect(needs(halves(8))).toEqual([{ place: 0, from: 0, to: at(105 + 62) }]);
    expect(needs(halves(8), { to: at(105 + 62) })).toEqual([]);
    expect(needs(halves(8), { translates: false })).toEqual([]);
    expect(needs(halves(8, [], { 1: { rows: [row({ opened: 40 })] } }))).toEqual([]);
  });
});
