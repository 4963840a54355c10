import { describe, test } from "vitest";
import { REASONS } from "../../../db/attribution/answer.ts";
import { explain } from "../../../db/attribution/reasons.ts";
import type { FoundLeases, LeaseWindow } from "../../../db/attribution/timeline.ts";
import { answered, at, bare, half, halves, NAT, place, pod, row } from "../../support/asked.ts";

type Partly = Parameters<typeof answered>[0];

/** What an answer comes to: certainty, sources or owners, reasons. */
function brief(partly: Partly): string {
  const { certainty, candidates, reasons } = answered(partly);
  const names = candidates.map(({ owner, source }) => owner?.name ?? source);
  return [certainty, names.join("+"), reasons.join(" ")].filter((text) => text !== "").join(": ");
}

const open = row({ opened: 40 });
const other = (rest: Parameters<typeof row>[0]) => row({ source: "10.0.0.8", ...rest });
const kept = halves(8, [], { 1: { rows: [open] } });
const service = (address: string) => ({ ...pod("db", -600), address, kind: "service", node: null });
const host = { ...pod("node-1", -9_000), address: NAT, kind: "host", namespace: "", uid: "" };

/** Of an agent that began at second 30 and dumped a second before. */
const started = [half(1, { rows: [open], keyframe: [], takenAt: 29 }), ...halves(8).slice(3)];
const withKeyframe = (
  window: LeaseWindow,
  rest: Partial<NonNullable<FoundLeases["keyframe"]>>,
): LeaseWindow => {
  const { changes, keyframe } = window.found!;
  return {
    ...window,
    found: { ...(changes && { changes }), ...(keyframe && { keyframe: { ...keyframe, ...rest } }) },
  };
};

const CASES: Record<string, [string, Partly]> = {
  "a lease seen to begin and not to end": ["certain: web-1", { places: [place(kept)] }],
  "a lease that ends long after": [
    "certain: web-1",
    {
      places: [
        place(halves(8, [], { 1: { rows: [open] }, 6: { rows: [row({ opened: 40, closed: 190 })] } })),
      ],
    },
  ],
  "a lease that is in the keyframe, with its beginning": [
    "certain: web-1",
    { places: [place(halves(8, [row({ opened: -50 })]))] },
  ],
  "one that began before anybody watched": [
    "probable: web-1: opened-unknown",
    { places: [place(halves(8, [row()]))] },
  ],
  "lost events": [
    "probable: web-1: seen-only-before events-incomplete",
    { places: [place(halves(8, [], { 1: { rows: [open] }, 3: { events: "lossy" } }))] },
  ],
  "leases left out": [
    "probable: web-1: seen-only-before events-incomplete",
    { places: [place(halves(8, [], { 1: { rows: [open] }, 3: { omitted: 1 } }))] },
  ],
  "messages that could not be read": [
    "probable: web-1: seen-only-before events-incomplete",
    { places: [place(halves(8, [], { 1: { rows: [open] }, 3: { unreadable: 1 } }))] },
  ],
  "a lease that is listed as held by a window that lost events": [
    "probable: web-1: seen-only-before events-incomplete",
    { places: [place(halves(8, [], { 3: { rows: [row({ opened: 92 })], events: "lossy" } }))] },
  ],
  "a gap between two sightings of what may have begun in it": [
    "probable: web-1: opened-unknown seen-before-and-after events-incomplete",
    { places: [place([...halves(2, [row()]), half(5, { keyframe: [row()] })])] },
  ],
  "two leases that began two seconds apart, of which the first ended": [
    "probable: web-1: seen-only-before events-incomplete",
    {
      places: [
        place(
          halves(8, [], {
            1: { rows: [row({ opened: 58, closed: 59 })] },
            2: { rows: [row({ opened: 60 })], events: "lossy" },
          }),
        ),
      ],
    },
  ],
  "a lease that began while a dump that lacks it was made": [
    "certain: web-1",
    {
      places: [place(halves(8, [], { 1: { rows: [row({ opened: 59 })], keyframe: [], takenAt: 59 } }))],
    },
  ],
  "no keyframe anywhere": [
    "probable: web-1: seen-only-before events-incomplete",
    { places: [place(bare(kept))] },
  ],
  "a keyframe that leaves leases out": [
    "probable: web-1: seen-only-before events-incomplete",
    { places: [place(kept.map((window) => withKeyframe(window, { omitted: 1 })))] },
  ],
  "a keyframe of other ports": [
    "probable: web-1: seen-only-before events-incomplete",
    { places: [place(kept.map((window) => withKeyframe(window, { toPort: 39_509 })))] },
  ],
  "a keyframe of a torn dump": [
    "probable: web-1: seen-only-before events-incomplete",
    { places: [place(halves(8, [], { 0: { interrupted: true }, 1: { rows: [open] } }))] },
  ],
  "the first windows of an agent, which dumped before": ["certain: web-1", { places: [place(started)] }],
  "a later part of a dump that was made before anything was heard": [
    "probable: web-1: seen-only-before events-incomplete",
    { places: [place(started.map((window) => withKeyframe(window, { part: 1 })))] },
  ],
  "a dump that another window knows to have been made before it": [
    "probable: web-1: seen-only-before events-incomplete",
    { places: [place([half(0, { events: "lossy" }), ...started])] },
  ],
  "a window that is missing, though the clock hides it": [
    "probable: web-1: seen-only-before events-incomplete",
    {
      places: [
        place(
          kept.map((window) =>
            window.from >= at(90) ? { ...window, sequence: window.sequence + 1 } : window,
          ),
        ),
      ],
    },
  ],
  "a clock that was set back": [
    "probable: web-1: seen-only-before events-incomplete",
    { places: [place([...kept, { ...half(3), sequence: 20 }])] },
  ],
  "a machine that was started anew": [
    "probable: web-1: closed-before events-incomplete",
    {
      places: [
        place([
          ...kept.slice(0, 4),
          ...halves(6)
            .slice(4)
            .map((window) => ({ ...window, boot: 2 })),
        ]),
      ],
    },
  ],
  "a report that has not come yet": [
    "probable: web-1: seen-only-before not-reported-yet",
    { places: [place(kept.slice(0, 4))], now: at(110) },
  ],
  "an agent that is down": [
    "probable: web-1: seen-only-before events-incomplete",
    { places: [place(kept.slice(0, 4))] },
  ],
  "a gap, and a lease only after it": [
    "probable: web-1: opened-unknown seen-only-after events-incomplete",
    { places: [place([...halves(2), half(5, { keyframe: [row()] })])] },
  ],
  "a gap, and a lease before and after it": [
    "probable: web-1: seen-before-and-after events-incomplete",
    { places: [place([...halves(2, [row({ opened: -50 })]), half(5, { keyframe: [row()] })])] },
  ],
  "a lease that ended shortly before": [
    "probable: web-1: closed-before",
    { places: [place(halves(8, [], { 1: { rows: [row({ opened: 40, closed: 50 })] } }))] },
  ],
  "a port that changed hands within the tolerance": [
    "ambiguous: 10.0.0.8+web-1: several-sources",
    {
      places: [
        place(
          halves(8, [], {
            1: { rows: [open] },
            3: { rows: [row({ opened: 40, closed: 97 }), other({ opened: 99 })] },
          }),
        ),
      ],
    },
  ],
  "a port that changed hands outside of it": [
    "certain: web-1",
    {
      places: [
        place(
          halves(8, [], {
            1: { rows: [open] },
            3: { rows: [row({ opened: 40, closed: 112 }), other({ opened: 113 })] },
          }),
        ),
      ],
    },
  ],
  "two zones that use the port at once": [
    "ambiguous: web-1+10.0.0.8: several-sources",
    { places: [place(halves(8, [row({ opened: -50 }), other({ opened: -60, zone: 7 })]))] },
  ],
  "no port": ["probable: web-1: no-port", { places: [place(kept)], question: { port: undefined } }],
  "no peer, where nobody else can have the port": [
    "certain: web-1",
    { places: [place(kept)], question: { peer: undefined, peerPort: undefined } },
  ],
  "no peer, where the node itself may have it too": [
    "probable: web-1: no-peer",
    {
      places: [place(kept)],
      question: { peer: undefined, peerPort: undefined },
      holders: [pod("web-1", -600), host],
    },
  ],
  "a Pod that nobody knows": ["certain: 10.0.0.7", { places: [place(kept)], holders: [] }],
  "an address that others had at other times": [
    "probable: 10.0.0.7: owner-unknown",
    { places: [place(kept)], holders: [pod("web-0", -600, -300)] },
  ],
  "a Pod that is told of after its first connection": [
    "probable: web-1: owner-gap",
    { places: [place(kept)], holders: [pod("web-1", 50)] },
  ],
  "a Pod that came as the flow began": [
    "probable: web-1: owner-gap",
    { places: [place(kept)], holders: [pod("web-1", 39)] },
  ],
  "a time so close to the end of the last window that its events may be in the next": [
    "probable: web-1: seen-only-before not-reported-yet",
    { places: [place(kept.slice(0, 5))], now: at(125), question: { at: at(114), toleranceMs: 5_000 } },
  ],
  "an address that changed hands as the flow began": [
    "ambiguous: web-0+web-1: owner-changed",
    { places: [place(kept)], holders: [pod("web-0", -600, 39), pod("web-1", 39)] },
  ],
  "a Pod that was last heard of before": [
    "probable: web-1: owner-not-confirmed",
    { places: [place(kept)], holders: [pod("web-1", -600, 200, { confirmedUntil: at(30) })] },
  ],
  "an entry that outlived its Pod": [
    "certain: web-1",
    { places: [place(kept)], holders: [pod("web-1", -600, 60), pod("web-2", 61)] },
  ],
  "a Pod of another node": [
    "certain: web-1",
    { places: [place(kept)], holders: [pod("web-1", -600, null, { node: "node-2" })] },
  ],
  "containers of another node, which nobody here can mean": [
    "probable: 10.0.0.7: owner-unknown",
    { places: [place(kept)], holders: [pod("db", -600, null, { node: "node-2", kind: "container" })] },
  ],
  "another node that has the address, and is silent": [
    "probable: web-1: elsewhere-incomplete",
    { places: [place(kept), place([], { node: "node-2" })] },
  ],
  "an address that its node has no more, and nobody else yet": [
    "probable: web-1: elsewhere-incomplete",
    { places: [place(kept)], moved: true },
  ],
  "nobody, where the address may be elsewhere by then": [
    "blind: elsewhere-incomplete",
    { places: [place(halves(8))], moved: true },
  ],
  "an address that is a Pod's own, where another cluster may have such a Pod": [
    "probable: web-1: several-clusters",
    { question: { address: "10.0.0.7" }, clusters: ["prod", "test"], unowned: ["test"] },
  ],
  "an address that is a Pod's own, where another cluster says that it has none": [
    "certain: web-1",
    { question: { address: "10.0.0.7" }, clusters: ["prod", "test"], unowned: ["prod"] },
  ],
  "more nodes than are asked": [
    "probable: web-1: too-many-nodes",
    { places: [place(kept)], tooManyNodes: true },
  ],
  "two clusters": [
    "ambiguous: web-1+10.0.0.7: several-clusters",
    { clusters: ["prod", "test"], places: [place(kept), place(kept, { cluster: "test" })] },
  ],
  "an address of the node itself": [
    "probable: node-1: no-lease",
    { places: [place(halves(8))], holders: [host] },
  ],
  "an address that is a Pod's own": ["certain: web-1", { question: { address: "10.0.0.7" } }],
  "an address that is a Service's": [
    "certain: db",
    {
      question: { address: "10.96.0.1" },
      holders: [service("10.96.0.1")],
    },
  ],
  nobody: ["none", { places: [place(halves(8))] }],
  "nobody as far as is known": [
    "blind: events-incomplete",
    { places: [place(halves(8, [], { 3: { events: "lossy" } }))] },
  ],
  "nobody, where some are translated elsewhere": [
    "blind: not-in-conntrack",
    { places: [place(halves(8), { bypassed: true })] },
  ],
  "nobody, of more nodes than are asked": [
    "blind: too-many-nodes",
    { places: [place(halves(8))], tooManyNodes: true },
  ],
  "an address that nobody has": ["blind: address-unknown", {}],
  "a node without reports": ["blind: no-reports", { places: [place([])] }],
  "leases that are not reported": [
    "blind: leases-off",
    { places: [place(halves(8).map((window) => ({ ...window, found: null })))] },
  ],
  "a time that is no longer kept": ["blind: beyond-retention", { places: [place([])], keptFrom: at(200) }],
  "a time to come": ["blind: in-the-future", { places: [place(kept)], question: { at: at(9_999) } }],
  "a time to come, whose tolerance reaches back": [
    "probable: web-1: in-the-future",
    { places: [place(kept)], now: at(99) },
  ],
  "now, where a tolerance reaches beyond": [
    "probable: web-1: not-reported-yet",
    { places: [place(kept)], now: at(104) },
  ],
  "the last moment that is not ahead": ["certain: web-1", { places: [place(kept)], now: at(105) }],
  "a Service, at a time to come": [
    "probable: db: in-the-future",
    { question: { address: "10.96.0.1" }, holders: [service("10.96.0.1")], now: at(99) },
  ],
  "nobody, at a time to come": ["blind: in-the-future", { places: [place(halves(8))], now: at(99) }],
  "a node's address at which a Service is reached": [
    "probable: node-1: no-lease",
    { places: [place(halves(8))], holders: [host, service(NAT)] },
  ],
  "the same, while nobody watched": [
    "blind: no-reports",
    { places: [place([])], holders: [host, service(NAT)] },
  ],
  "the same of a node that never translates, and of which nobody told": [
    "blind: no-reports",
    { places: [place([], { own: true, translates: false })], holders: [service(NAT)] },
  ],
  "a Service's address that a silent node put in place of others'": [
    "blind: no-reports",
    { places: [place([])], holders: [service(NAT)] },
  ],
  "a Service's address that was a node's once": [
    "certain: db",
    {
      places: [place([], { translates: false })],
      holders: [{ ...host, until: at(91) }, service(NAT)],
    },
  ],
};

describe("answers to", () => {
  test.for(Object.entries(CASES))("%s", ([, [expected, partly]], { expect }) => {
    expect(brief(partly)).toBe(expected);
  });

  test("everything name each reason there is", ({ expect }) => {
    const said = Object.values(CASES).flatMap(([, partly]) => {
      const { reasons, candidates } = answered(partly);
      return [...reasons, ...candidates.flatMap((candidate) => candidate.reasons)];
    });
    // Who reads rows for it counts them.
    const all = new Set<string>([...said, "too-many-leases"]);
    expect([...all].toSorted()).toEqual([...REASONS].toSorted());
    const sentences = REASONS.map(explain);
    expect(new Set(sentences).size).toBe(REASONS.length);
    expect(sentences.every((sentence) => /^[A-Z].+\.$/.test(sentence))).toBe(true);
  });
});
