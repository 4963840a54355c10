import { Summary } from "../../agent/summary/summary.ts";
import type { Holder } from "../../db/attribution/judge.ts";
import type { LeaseWindow } from "../../db/attribution/timeline.ts";
import { encodeDetails, findLeases, openLeases } from "../../db/details.ts";
import { type Random, seeded } from "../fleet/random.ts";
import { anEntry, type PlainEntry } from "./entries.ts";

/** What may go wrong on a node, and how. */
export type Trouble = {
  seed: number;
  windows: number;
  /** Windows from one keyframe to the next, and from one dump to the next. */
  keyframeEvery: number;
  dumpEvery: number;
  /** Gaps between leases of one port, and how long they last, in ms at most. */
  gap: number;
  lasts: number;
  /** Events are read up to so much late, in ms, and the rest of a window's in it. */
  late: number;
  drained: boolean;
  /** Times at which events are lost. */
  losses: number;
  /** The agent starts anew so often, of which some are reboots. */
  restarts: number;
  reboots: boolean;
  /** Part of the reports that never come. */
  missing: number;
  /** Entries from before the agent do not tell of their end. */
  silent: boolean;
  /** The kernel stamps the begin of entries. */
  timestamps: boolean;
  parts: boolean;
  /** Part of the tables of leases that leave rows out. */
  omitted: number;
  /** The first dump of an agent is torn. */
  torn: boolean;
  leases: "full" | "keyframes" | "off";
  events: boolean;
  /** How long ago the end of all is when it is asked, in ms. */
  ago: number;
};

export type TrueLease = {
  natPort: number;
  peer: string;
  source: string;
  sourcePort: number;
  /** In force in [from, to). */
  from: number;
  to: number;
  /** Uid of the Pod that opened it; undefined outside. */
  owner: string | undefined;
};

export type World = {
  from: number;
  to: number;
  now: number;
  lastEnd: number;
  truth: readonly TrueLease[];
  windows: readonly LeaseWindow[];
  holders: ReadonlyMap<string, readonly Holder[]>;
};

export const NODE = "node-1";
export const NAT_ADDRESS = "10.0.0.200";
export const PEERS = [50, 51];
export const PORTS = [40_000, 40_001];
const SOURCES = [1, 2];
const OUTSIDE = 3;
const WINDOW_MS = 30_000;
const START = Date.UTC(2026, 10, 21, 12);
const oneOf = <T>(all: readonly T[], random: Random): T => all[Math.floor(random() * all.length)]!;
const textOf = (byte: number) => `10.0.0.${byte}`;

type Flow = TrueLease & { entry: PlainEntry; tells: boolean };
type Session = { start: number; end: number; boot: number };
type Action = { at: number; do: () => void };

/** A node with a port or two, whoever had them, and the windows an agent made of it. */
export function aWorld(trouble: Trouble): World {
  const random = seeded(trouble.seed);
  const from = START + Math.floor(random() * 60_000);
  const to = from + trouble.windows * WINDOW_MS;
  const sessions = sessionsOf(trouble, { from, to }, random);
  const tenures = new Map(SOURCES.map((source) => [source, tenuresOf(source, { from, to }, random)]));
  const flows = flowsOf(trouble, { from, to, sessions, tenures }, random);
  const now = to + trouble.ago;
  const made = sessions.flatMap((session) => watch(session, flows, trouble, random));
  const windows = made.filter(({ to }) => to <= now && random() >= trouble.missing);
  const holders = new Map([...tenures].map(([source, rows]) => [textOf(source), told(source, rows, random)]));
  return {
    from,
    to,
    now,
    lastEnd: Math.max(0, ...windows.map(({ to }) => to)),
    truth: flows,
    windows,
    holders,
  };
}

type Span = { from: number; to: number };

/** When an agent listens. */
function sessionsOf({ restarts, reboots }: Trouble, { from, to }: Span, random: Random): Session[] {
  const cuts = Array.from({ length: restarts }, () => from + random() * (to - from)).toSorted(
    (a, b) => a - b,
  );
  const sessions: Session[] = [];
  let start = from;
  let boot = 1;
  for (const cut of [...cuts, to]) {
    const end = Math.floor(cut);
    if (end > start + 5_000) sessions.push({ start, end, boot });
    start = Math.max(start, end + Math.floor(random() ** 3 * 120_000));
    if (reboots && random() < 0.5) boot++;
  }
  return sessions;
}

type Tenure = Span & { uid: string };

/** Who has an address, one Pod after another. */
function tenuresOf(source: number, { from, to }: Span, random: Random): Tenure[] {
  const tenures: Tenure[] = [];
  let at = from - 1_200_000;
  for (let i = 0; at < to; i++) {
    const end = at + Math.floor(20_000 + random() ** 2 * 1_500_000);
    tenures.push({ from: at, to: end, uid: `pod-${source}-${i}` });
    at = end + Math.floor(random() ** 4 * 60_000);
  }
  return tenures;
}

/** What is said of tenures: in whole seconds, a little early or late, and never two at once. */
function told(source: number, tenures: readonly Tenure[], random: Random): Holder[] {
  let free = 0;
  const off = () => Math.floor(random() * 3_000) - 1_000;
  return tenures.map(({ from, to, uid }) => {
    const since = Math.max(free, Math.min(from + off(), to));
    const until = Math.max(since, to + off());
    free = until;
    return {
      address: textOf(source),
      kind: "pod",
      namespace: "shop",
      name: uid,
      uid,
      workloadKind: "",
      workload: "",
      node: NODE,
      since,
      until,
      confirmedUntil: null,
    };
  });
}

type Setting = Span & { sessions: readonly Session[]; tenures: ReadonlyMap<number, readonly Tenure[]> };

function flowsOf(trouble: Trouble, setting: Setting, random: Random): Flow[] {
  const flows: Flow[] = [];
  for (const [natPort, peer] of PORTS.flatMap((port) => PEERS.map((peer) => [port, peer] as const)))
    for (let at = setting.from - 300_000; at < setting.to;) {
      const from = at + Math.floor(random() * oneOf([3, 3_000, trouble.gap], random));
      const to = from + 1 + Math.floor(random() * oneOf([1_000, trouble.lasts], random));
      const id = flows.length + 1;
      const flow = flowOf({ natPort, peer, from, to }, { ...setting, trouble, id }, random);
      if (flow) flows.push(flow);
      at = flow?.to ?? to;
    }
  return flows;
}

function flowOf(
  { natPort, peer, from, to }: Span & { natPort: number; peer: number },
  { sessions, tenures, trouble, id }: Setting & { trouble: Trouble; id: number },
  random: Random,
): Flow | undefined {
  const source = random() < 0.1 ? OUTSIDE : SOURCES[Math.floor(random() * SOURCES.length)]!;
  const tenure = tenures.get(source)?.find((tenure) => tenure.from <= from && from < tenure.to);
  if (source !== OUTSIDE && !tenure) return undefined;
  const sourcePort = random() < 0.5 ? natPort : 50_000;
  const heard = sessions.find(({ start, end }) => start <= from && from < end);
  const reboot = sessions.find(
    ({ start, boot }, at) => start > from && boot !== (sessions[at - 1]?.boot ?? boot),
  );
  const startedAt = trouble.timestamps ? from : -1;
  return {
    natPort,
    peer: textOf(peer),
    source: textOf(source),
    sourcePort,
    from,
    // Before the machine is up again, it was down.
    to: Math.max(from + 1, Math.min(to, (reboot?.start ?? to) - 1_000)),
    owner: tenure?.uid,
    entry: { source, peer, natAddress: 200, natPort, sourcePort, id, startedAt },
    tells: !trouble.silent || heard !== undefined,
  };
}

/** The windows of one agent, from its start to its end. */
function watch(session: Session, flows: readonly Flow[], trouble: Trouble, random: Random): LeaseWindow[] {
  const { events, leases } = trouble;
  const summary = new Summary({ leases });
  summary.configure({ eventsOn: events, timeouts: {} });
  const cuts = cutsOf(session, random);
  const state = { lossy: false, windows: [] as LeaseWindow[], torn: false };
  const actions: Action[] = [];
  const dumps = [session.start];
  const takes: number[] = [];
  for (const { to } of cuts.slice(1)) {
    // One after another: what is late makes the next late.
    const dump = Math.max(to - 200, (takes.at(-1) ?? 0) + 1);
    dumps.push(dump);
    takes.push(Math.max(to + Math.floor(random() * 400), dump + 150));
  }
  for (const [i, at] of dumps.entries()) {
    if (i > 0 && i % trouble.dumpEvery > 0) continue;
    const lasts = Math.floor(random() * 150);
    actions.push(
      ...dumpOf(summary, { at, lasts, keyframe: i % trouble.keyframeEvery < trouble.dumpEvery }, flows, {
        random,
        torn: i === 0 && trouble.torn,
      }),
    );
  }
  if (events)
    actions.push(
      ...eventsOf(summary, session, { flows, trouble, takes, lost: () => (state.lossy = true) }, random),
    );
  for (const [i, at] of takes.entries()) {
    const { from, to } = cuts[i + 1]!;
    const interrupted = trouble.torn && i < trouble.dumpEvery;
    actions.push({
      at,
      do: () => takeWindow(summary, { session, from, to, at: i, interrupted, state, trouble }, random),
    });
  }
  for (const action of actions.toSorted((a, b) => a.at - b.at)) action.do();
  return trouble.parts ? inParts(state.windows) : state.windows;
}

/** Windows end at full half minutes; the first begins when the first dump is done. */
function cutsOf({ start, end }: Session, random: Random): Span[] {
  const cuts = [{ from: start, to: start + 200 + Math.floor(random() * 2_000) }];
  for (let from = cuts[0]!.to; from < end;) {
    const to = Math.min(end, (Math.floor(from / WINDOW_MS) + 1) * WINDOW_MS);
    cuts.push({ from, to });
    from = to;
  }
  return cuts;
}

function dumpOf(
  summary: Summary,
  { at, lasts, keyframe }: { at: number; lasts: number; keyframe: boolean },
  flows: readonly Flow[],
  { random, torn }: { random: Random; torn: boolean },
): Action[] {
  const begin = () => {
    if (keyframe) summary.keyframeDue();
    summary.dumpBegins(at);
  };
  const rows = flows.flatMap(({ from, to, entry }) => {
    const walked = at + Math.floor(random() * lasts);
    const listed = from <= walked && walked < to && !(torn && random() < 0.3);
    return listed ? [{ at: walked, do: () => summary.add(anEntry(entry)) }] : [];
  });
  return [{ at, do: begin }, ...rows, { at: at + lasts, do: () => summary.dumpEnds(true) }];
}

function eventsOf(
  summary: Summary,
  { start, end }: Session,
  {
    flows,
    trouble,
    takes,
    lost,
  }: { flows: readonly Flow[]; trouble: Trouble; takes: readonly number[]; lost: () => void },
  random: Random,
): Action[] {
  const all = flows.flatMap(({ from, to, tells, entry }) => [
    { at: from, event: "new" as const, entry },
    ...(tells ? [{ at: to, event: "destroy" as const, entry }] : []),
  ]);
  const heard = all.filter(({ at }) => start <= at && at < end).toSorted((a, b) => a.at - b.at);
  const losses = Array.from({ length: trouble.losses }, () => start + random() * (end - start));
  let read = 0;
  return heard.map(({ at, event, entry }) => {
    const drained = trouble.drained ? (takes.find((take) => take >= at) ?? at) : Number.POSITIVE_INFINITY;
    read = Math.max(read, Math.min(at + Math.floor(random() * trouble.late), drained));
    const [when, dropped] = [read, losses.some((loss) => at >= loss && at < loss + 20_000 && random() < 0.6)];
    if (dropped)
      return {
        at: when,
        do: () => {
          summary.lost();
          lost();
        },
      };
    return { at: when, do: () => summary.event(Object.assign(anEntry(entry), { event }), when) };
  });
}

type Taken = Span & {
  session: Session;
  at: number;
  interrupted: boolean;
  state: { lossy: boolean; windows: LeaseWindow[] };
  trouble: Trouble;
};

function takeWindow(summary: Summary, taken: Taken, random: Random): void {
  const { session, from, to, at, interrupted, state, trouble } = taken;
  const { flows, leases, keyframe, older, opened } = summary.take({ from });
  const details = encodeDetails({ addresses: flows?.addresses ?? [], leases, keyframe });
  const found = details ? findLeases(openLeases(details), from, {}) : null;
  for (const table of [found?.changes, found?.keyframe]) leaveOut(table, trouble.omitted, random);
  state.windows.push({
    boot: session.boot,
    sequence: Math.floor((session.start - START) / 1000) + at,
    from,
    to,
    events: trouble.events ? (state.lossy ? "lossy" : "complete") : "off",
    openedBy: opened ?? null,
    interrupted,
    unreadable: 0,
    older,
    found,
  });
  state.lossy = false;
}

function leaveOut(table: { rows: unknown[]; omitted: number } | undefined, part: number, random: Random) {
  if (!table || random() >= part) return;
  const rows = table.rows.length;
  table.rows.splice(0, rows, ...table.rows.filter(() => random() < 0.5));
  table.omitted = 3;
}

/** Cuts keyframes between the ports: the second part comes with the next window. */
function inParts(windows: readonly LeaseWindow[]): LeaseWindow[] {
  return windows.map((window, at) => {
    const own = window.found?.keyframe;
    const before = windows[at - 1]?.found?.keyframe;
    if (!window.found || (!own && !before)) return window;
    const first = own && {
      ...own,
      parts: 2,
      toPort: PORTS[0]!,
      rows: own.rows.filter(({ natPort }) => natPort <= PORTS[0]!),
    };
    const second = before && {
      ...before,
      part: 1,
      parts: 2,
      fromPort: PORTS[0]! + 1,
      rows: before.rows.filter(({ natPort }) => natPort > PORTS[0]!),
    };
    const { keyframe: _, ...rest } = window.found;
    const keyframe = second ?? first;
    return { ...window, found: { ...rest, ...(keyframe && { keyframe }) } };
  });
}

/** The rows that a question finds. */
export function narrowed(
  window: LeaseWindow,
  port: number | undefined,
  peer: string | undefined,
): LeaseWindow {
  const fits = (row: { natPort: number; peer: string }) =>
    (port === undefined || row.natPort === port) && (peer === undefined || row.peer === peer);
  const { found } = window;
  if (!found) return window;
  const { changes, keyframe } = found;
  return {
    ...window,
    found: {
      ...(changes && { changes: { ...changes, rows: changes.rows.filter(fits) } }),
      ...(keyframe && { keyframe: { ...keyframe, rows: keyframe.rows.filter(fits) } }),
    },
  };
}
