import { describe, test } from "vitest";
import { firstRange, judge } from "../../../db/attribution/judge.ts";
import { MAX_REACH_MS } from "../../../db/attribution/place.ts";
import type { LeaseWindow } from "../../../db/attribution/timeline.ts";
import { answered, asked, at, bare, half, halves, NAT, place, row } from "../../support/asked.ts";

type Partly = Parameters<typeof answered>[0];

const kept = halves(8, [], { 1: { rows: [row({ opened: 40 })] } });

/** What an answer comes to: certainty, owners, reasons. */
function brief(partly: Partly): string {
  const { certainty, candidates, reasons } = answered(partly);
  const names = candidates.map(({ owner }) => owner?.name ?? "");
  return [certainty, names.join("+"), reasons.join(" ")].filter((text) => text !== "").join(": ");
}

describe("what is to be read", () => {
  const needs = (partly: Partly) => {
    const verdict = judge(asked(partly));
    return "needs" in verdict ? verdict.needs.windows : "nothing";
  };

  test("first is the span with a keyframe's time before it", ({ expect }) => {
    const { question } = asked({});
    expect(firstRange(question)).toEqual({ from: at(95 - 720), to: at(107) + 1 });
  });

  test("is farther back for a keyframe, while nothing is missing, and ahead where something is", ({
    expect,
  }) => {
    const late = { question: { at: at(2_000) }, keptFrom: 0 };
    const windows = bare(halves(70));
    const range = { from: at(1_275), to: at(2_008) };
    const read = (list: LeaseWindow[]) =>
      place(
        list.filter(({ from, to }) => to > range.from && from < range.to),
        { ...range, lastEnd: at(9_000) },
      );
    const back = { place: 0, from: at(1_995 - 1_440), to: range.to };
    expect(needs({ ...late, places: [read(windows)] })).toEqual([back]);
    const broken = windows.filter(({ sequence }) => sequence !== 50);
    const ahead = { place: 0, from: range.from, to: at(2_005 + 720) };
    expect(needs({ ...late, places: [read(broken)] })).toEqual([ahead]);
  });

  test("is never more than there can be", ({ expect }) => {
    const from = at(95) - MAX_REACH_MS;
    const to = at(105) + MAX_REACH_MS;
    const windows = bare(Array.from({ length: 420 }, (_, i) => half(i - 200)));
    const whole = { windows, from, to, lastEnd: at(86_400) };
    expect(needs({ places: [place(windows, whole)] })).toBe("nothing");
    expect(needs({ places: [place(windows, { ...whole, from: from + 1 })] })).not.toBe("nothing");
    expect(
      needs({ places: [place(windows, { ...whole, from: from + 1, to: at(108) })], keptFrom: from + 1 }),
    ).toEqual([{ place: 0, from: from + 1, to: at(105 + 720) }]);
    expect(needs({ places: [place([], { from, to: at(108), lastEnd: null })] })).toBe("nothing");
  });

  test("is ahead whether an entry that does not tell of its end still stands", ({ expect }) => {
    const silent = halves(6, [row({ opened: -50 })]).map((window) => ({ ...window, older: 3 }));
    const range = { from: at(-565), to: at(108), lastEnd: at(3_000) };
    expect(needs({ places: [place(silent, range)] })).toEqual([{ place: 0, from: range.from, to: at(825) }]);
    const later = [...silent.slice(0, 6), { ...half(5, { keyframe: [row({ opened: -50 })] }), older: 3 }];
    expect(brief({ places: [place(later)] })).toBe("certain: web-1");
    const gone = [...silent.slice(0, 6), { ...half(5, { keyframe: [] }), older: 2 }];
    expect(brief({ places: [place(gone)] })).toBe("probable: web-1: seen-only-before");
  });

  test("are the holders of the address and of what was found, each once", ({ expect }) => {
    const verdict = judge({ ...asked({ places: [place(kept)] }), holders: () => undefined });
    expect(verdict).toEqual({
      needs: {
        windows: [],
        owners: [
          { cluster: "prod", address: NAT },
          { cluster: "prod", address: "10.0.0.7" },
        ],
      },
    });
  });
});

test("a certain answer shows the lease and what was read", ({ expect }) => {
  expect(answered({ places: [place(kept)] })).toEqual({
    certainty: "certain",
    candidates: [
      {
        cluster: "prod",
        node: "node-1",
        via: "snat",
        source: "10.0.0.7",
        sourcePort: 39_510,
        owner: {
          kind: "pod",
          namespace: "shop",
          name: "web-1",
          uid: "uid-web-1",
          workloadKind: "Deployment",
          workload: "web",
          node: "node-1",
          since: at(-600),
          until: null,
        },
        certainty: "certain",
        reasons: [],
        lease: { ...row({ opened: 40 }), lastSeen: at(238) },
      },
    ],
    reasons: [],
    evidence: [
      {
        cluster: "prod",
        node: "node-1",
        keyframeAt: at(29),
        windows: 9,
        from: at(-30),
        to: at(240),
        complete: true,
        reasons: [],
        blind: [],
      },
    ],
  });
});
