import type { Attribution, Question } from "../../db/attribution/answer.ts";
import { type Asked, type Holder, judge, type PlaceRead } from "../../db/attribution/judge.ts";
import type { FoundLease, LeaseWindow } from "../../db/attribution/timeline.ts";

/** Seconds of tests are from here. */
export const T0 = Date.UTC(2026, 10, 21, 12);
export const at = (second: number): number => T0 + second * 1000;

export const NAT = "192.168.50.10";
export const POD = "10.0.0.7";

type Row = Partial<Omit<FoundLease, "opened" | "closed">> & {
  opened?: number | null;
  closed?: number | null;
};

/** A lease of Pod 10.0.0.7, in seconds. */
export const row = ({ opened = null, closed = null, ...rest }: Row = {}): FoundLease => ({
  natAddress: NAT,
  natPort: 39_510,
  protocol: 6,
  peer: "203.0.113.5",
  peerPort: 3306,
  zone: 0,
  source: POD,
  sourcePort: 39_510,
  ...rest,
  opened: opened === null ? null : at(opened),
  closed: closed === null ? null : at(closed),
});

type Said = Partial<Omit<LeaseWindow, "found">> & {
  rows?: FoundLease[];
  keyframe?: FoundLease[];
  takenAt?: number;
  omitted?: number;
  leases?: boolean;
};

/** The i-th half minute, complete; with a keyframe where its rows are given, taken at that second or the last of the window. */
export function half(
  i: number,
  { rows = [], keyframe, takenAt, omitted = 0, leases = true, ...rest }: Said = {},
): LeaseWindow {
  return {
    boot: 1,
    sequence: i,
    from: at(30 * i),
    to: at(30 * i + 30),
    events: "complete",
    openedBy: "events",
    interrupted: false,
    unreadable: 0,
    older: 0,
    ...rest,
    found: {
      ...(leases && { changes: { rows, omitted } }),
      ...(keyframe && {
        keyframe: {
          takenAt: at(takenAt ?? 30 * i + 29),
          part: 0,
          parts: 1,
          fromPort: 0,
          toPort: 65_535,
          omitted: 0,
          rows: keyframe,
        },
      }),
    },
  };
}

/** Windows -1 to `count` - 1, of which 0 has a keyframe with these leases; `said` of some. */
export const halves = (
  count: number,
  keyframe: FoundLease[] = [],
  said: Readonly<Record<number, Said>> = {},
): LeaseWindow[] =>
  Array.from({ length: count + 1 }, (_, i) => half(i - 1, { ...(i === 1 && { keyframe }), ...said[i - 1] }));

/** The same windows without their keyframes. */
export const bare = (windows: readonly LeaseWindow[]): LeaseWindow[] =>
  windows.map((window) => ({ ...window, found: { changes: window.found!.changes! } }));

export function place(windows: readonly LeaseWindow[], rest: Partial<PlaceRead> = {}): PlaceRead {
  const lastEnd = windows.length > 0 ? Math.max(...windows.map(({ to }) => to)) : null;
  return { cluster: "prod", node: "node-1", windows, from: 0, to: at(86_400), lastEnd, blind: [], ...rest };
}

export const pod = (
  name: string,
  since: number,
  until: number | null = null,
  rest: Partial<Holder> = {},
): Holder => ({
  address: POD,
  kind: "pod",
  namespace: "shop",
  name,
  uid: `uid-${name}`,
  workloadKind: "Deployment",
  workload: "web",
  node: "node-1",
  since: at(since),
  until: until === null ? null : at(until),
  confirmedUntil: null,
  ...rest,
});

type Partly = Partial<Omit<Asked, "question" | "holders">> & {
  question?: Partial<Question>;
  holders?: readonly Holder[];
};

/** The question of who had port 39510 at second 100, towards the peer, five seconds about. */
export function asked({ question, holders = [pod("web-1", -600)], ...rest }: Partly): Asked {
  return {
    question: {
      address: NAT,
      port: 39_510,
      protocol: 6,
      peer: "203.0.113.5",
      peerPort: 3306,
      at: at(100),
      toleranceMs: 5_000,
      ...question,
    },
    now: at(3_600),
    keptFrom: at(-200_000),
    clusters: ["prod"],
    places: [],
    holders: (cluster, address) =>
      cluster === "prod" ? holders.filter((holder) => holder.address === address) : [],
    ...rest,
  };
}

export function answered(partly: Partly): Attribution {
  const verdict = judge(asked(partly));
  if ("needs" in verdict) throw new Error(`more is needed: ${JSON.stringify(verdict.needs)}`);
  return verdict.answer;
}
