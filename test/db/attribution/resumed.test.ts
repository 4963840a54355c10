import { describe, test } from "vitest";
import { leasesOf } from "../../../db/attribution/held.ts";
import { judge } from "../../../db/attribution/judge.ts";
import type { LeaseWindow } from "../../../db/attribution/timeline.ts";
import { answered, asked, at, half, halves, place, pod, row } from "../../support/asked.ts";

type Partly = Parameters<typeof answered>[0];

/** It begins at second 40, the agent is away from 90 to 150, and the next finds it in its dumps. */
const before = (said: Parameters<typeof row>[0] = {}) =>
  halves(3, [], { 1: { rows: [row({ opened: 40, ...said })] } });
const after = (said: Parameters<typeof row>[0] = {}) => [
  half(5, { keyframe: [row(said)], takenAt: 149 }),
  half(6),
  half(7),
  half(8, { keyframe: [row(said)] }),
];
const away = [...before(), ...after()];

const brief = (windows: readonly LeaseWindow[], holders: Partly["holders"], second = 200) => {
  const { certainty, candidates } = answered({
    places: [place(windows)],
    holders: holders ?? [],
    question: { at: at(second) },
  });
  return [certainty, ...candidates.map(({ owner, reasons }) => [owner?.name ?? "", ...reasons].join(" "))];
};

describe("a lease that stands after a gap as it stood before", () => {
  test("is of whoever held its source all the while", ({ expect }) => {
    const holders = [pod("web-1", -600)];
    expect(brief(away, holders)).toEqual(["certain", "web-1"]);
    const { candidates } = answered({ places: [place(away)], holders, question: { at: at(200) } });
    expect(candidates[0]).toMatchObject({ lease: { opened: at(40) }, heldTo: at(154) });
  });

  test("is of who held its source when it began, or who came since", ({ expect }) => {
    const both = ["ambiguous", "web-1 owner-changed", "web-2 owner-changed"];
    expect(brief(away, [pod("web-1", -600, 120), pod("web-2", 120)])).toEqual(both);
    // Still in force after its Pod was gone: only who held the address in the gap can have opened another.
    const twice = [pod("web-1", -600, 48), pod("web-0", 48, 52), pod("web-2", 52)];
    expect(brief(away, twice)).toEqual(both);
    expect(brief(away, [pod("web-1", -600, 52)])).toEqual(["probable", "web-1 owner-not-confirmed"]);
    expect(brief(away, [])).toEqual(["certain", ""]);
  });

  test("was seen before and after a moment in the gap", ({ expect }) => {
    const why = "seen-before-and-after events-incomplete";
    expect(brief(away, [pod("web-1", -600)], 120)).toEqual(["probable", `web-1 ${why}`]);
    expect(brief(away, [pod("web-1", -600, 120), pod("web-2", 120)], 120)).toEqual([
      "ambiguous",
      `web-1 owner-changed ${why}`,
      `web-2 owner-changed ${why}`,
    ]);
  });

  test("goes on over several gaps", ({ expect }) => {
    const twice = [
      ...away,
      half(11, { keyframe: [row()], takenAt: 329 }),
      half(12),
      half(13),
      half(14, { keyframe: [row()] }),
    ];
    expect(brief(twice, [pod("web-1", -600)], 400)).toEqual(["certain", "web-1"]);
    const second = brief(twice, [pod("web-1", -600, 300), pod("web-2", 300)], 400);
    expect(second).toEqual(["ambiguous", "web-1 owner-changed", "web-2 owner-changed"]);
    // Of who came in either gap.
    const third = brief(twice, [pod("web-1", -600, 110), pod("web-2", 110, 130), pod("web-3", 130)], 400);
    expect(third.map((text) => text.split(" ")[0])).toEqual(["ambiguous", "web-1", "web-2", "web-3"]);
  });

  test.for([
    ["its end was told", [...before({ closed: 80 }), ...after()]],
    ["it had another port behind", [...before({ sourcePort: 1 }), ...after()]],
    ["the machine was started anew", [...before(), ...after().map((window) => ({ ...window, boot: 2 }))]],
    ["a dump lacked it", [...before(), half(3, { keyframe: [], takenAt: 100 }), ...after()]],
  ] as const)("is another where %s", ([, windows], { expect }) => {
    expect(brief(windows, [pod("web-1", -600)])).toEqual(["probable", "web-1 opened-unknown"]);
  });

  test("is listed once", ({ expect }) => {
    const listed = leasesOf(
      away,
      { from: at(0), to: at(270) },
      { node: "node-1", holders: () => [pod("web-1", -600)] },
    );
    expect(listed.map(({ lease }) => [lease.opened, lease.lastSeen])).toEqual([[at(40), at(269)]]);
  });
});

describe("where a lease stands since before its agent", () => {
  const read = (holders: Partly["holders"], from = 100) =>
    judge(
      asked({
        places: [place(after(), { from: at(from) })],
        holders: holders ?? [],
        question: { at: at(200) },
      }),
    );
  const asksFrom = (from: number, holders: Partly["holders"]) => {
    const verdict = read(holders, from);
    return "needs" in verdict ? verdict.needs.windows.map((range) => range.from) : [];
  };

  test("windows are read from before its holder came, as far as a keyframe, and once", ({ expect }) => {
    const from = at(120 - 720);
    expect(asksFrom(100, [pod("web-2", 120)])).toEqual([from]);
    expect(asksFrom(120 - 720, [pod("web-2", 120)])).toEqual([]);
    expect(asksFrom(100, [pod("web-2", 154 - 5_760 + 1)])).toHaveLength(1);
  });

  test("none are where its holder came long before, or nobody knows when", ({ expect }) => {
    expect(asksFrom(100, [pod("web-2", 154 - 5_761)])).toEqual([]);
    expect(asksFrom(100, [{ ...pod("web-2", 0), since: 0 }])).toEqual([]);
    expect(asksFrom(100, [])).toEqual([]);
  });
});
