import type {
  AgesRow,
  FlowRow,
  Flows,
  InvalidRow,
  NodeWindow,
  Party,
  PartyRow,
  PortsRow,
} from "../../../db/look.ts";
import { AGE_BOUNDS_S } from "../../../api/wire.ts";
import { seedOf } from "../random.ts";
import type { Activity } from "./activity.ts";
import type { SimNode } from "./node.ts";
import { CLASSES, PODS, podsOf, SNAT_SHARE, type Traits, WORKLOADS } from "./traits.ts";

const HOUR_MS = 3_600_000;
const DAY_HOURS = 24;
const MEDIAN_HOURS = 6;
/** Owners whose flows are listed one by one. */
const LISTED = 10;
const HOST = PODS;
/** Medians are kept by Pod; of all together by this. */
const ALL = -1;
/** Towards whom each class goes. */
const PEER_PORTS = [8_080, 443, 5_432, 53, 514, 9_999, 3_306] as const;

/** One owner's part, before it is made into rows. */
type Part = {
  pod: number;
  entries: number;
  snat: number;
  unreplied: number;
  opened: number;
  established: number;
  idle: number;
  closeWait: number;
  peers: number;
};

/** Who uses the table; drawn from what the node holds, so that parts and totals agree, and from no random state. */
export function flowsOf(node: SimNode, window: NodeWindow, medianFrom: number | undefined): Flows {
  const parts = partsOf(node, window.from);
  fit(parts, window);
  const at = window.to;
  parts.sort((a, b) => b.entries + b.opened - a.entries - a.opened);
  const parties = parts.map((part) =>
    rowOf(node, part, { party: partyOf(node, part.pod, at), at, medianFrom }),
  );
  let flows: FlowRow[] | undefined;
  return {
    takenAt: window.takenAt ?? window.to,
    entries: window.entries ?? 0,
    unreplied: window.unreplied ?? 0,
    opened: window.opened,
    parties,
    // Few ask for them, and they are half of the work.
    get flows() {
      flows ??= parts
        .slice(0, LISTED)
        .flatMap((part) => flowRows(node, part, partyOf(node, part.pod, at)))
        .toSorted((a, b) => b.entries - a.entries);
      return flows;
    },
    error: 0,
    ...(parties.some(({ dayMedian }) => dayMedian !== undefined) && { dayMedian: medianOfAll(node, at) }),
  };
}

function partsOf(node: SimNode, at: number): Part[] {
  const { weights } = node.traits;
  const parts = Array.from(weights, (weight, pod) => base(node, pod, weight * tide(node.traits, pod, at)));
  for (const activity of node.active)
    for (const pod of activity.spec.pods) add(parts[pod]!, activity, 1 / activity.spec.pods.length);
  return parts;
}

/** Pods are busier and less busy by turns of some hours each. */
function tide(traits: Traits, pod: number, at: number): number {
  const drawn = traits.tides[pod]!;
  return 1 + 0.2 * Math.sin(2 * Math.PI * (at / ((3 + 8 * drawn) * HOUR_MS) + drawn));
}

function base(node: SimNode, pod: number, weight: number): Part {
  const part = {
    pod,
    entries: 0,
    snat: 0,
    unreplied: 0,
    opened: 0,
    established: 0,
    idle: 0,
    closeWait: 0,
    peers: 12,
  };
  for (let at = 0; at < CLASSES.length; at += 1) {
    const stream = node.streams[at]!;
    part.entries += stream.entries * weight;
    part.snat += stream.entries * weight * SNAT_SHARE[at]!;
    part.opened += stream.opened * weight;
    if (stream.form === "tcp") part.established += stream.held * weight;
    if (stream.form === "syn" || stream.form === "udp-unreplied") part.unreplied += stream.entries * weight;
    if (stream.form === "close-wait") part.closeWait += stream.entries * weight;
  }
  part.idle = part.established * 0.2;
  return part;
}

function add(part: Part, { stream, spec, hours }: Activity, share: number): void {
  part.entries += stream.entries * share;
  part.opened += stream.opened * share;
  part.peers += spec.peers.length;
  if (spec.snat) part.snat += stream.entries * share;
  if (stream.form === "tcp") part.established += stream.held * share;
  if (stream.form === "syn") part.unreplied += stream.entries * share;
  if (stream.form === "close-wait") part.closeWait += stream.entries * share;
  if (spec.idle) part.idle += (hours.at(-2) ?? 0) * share;
}

/** Scales so that parts sum to what the window says: tides move it a little, and a dump may be an older one. */
function fit(parts: Part[], window: NodeWindow): void {
  const [entries, opened, unreplied] = (["entries", "opened", "unreplied"] as const).map((key) => {
    const sum = parts.reduce((whole, part) => whole + part[key], 0);
    return sum > 0 ? (window[key] ?? 0) / sum : 0;
  }) as [number, number, number];
  for (const part of parts) {
    part.entries = Math.floor(part.entries * entries);
    part.opened = Math.floor(part.opened * opened);
    part.unreplied = Math.min(part.entries, Math.floor(part.unreplied * unreplied));
    for (const key of ["snat", "established", "closeWait", "idle"] as const)
      part[key] = Math.min(part.entries, Math.floor(part[key] * entries));
    part.established = Math.min(part.established, part.entries - part.unreplied);
    part.idle = Math.min(part.idle, part.established);
    part.closeWait = Math.min(part.closeWait, part.entries - part.unreplied - part.established);
  }
}

/** The same object as long as it is the same Pod. */
export function partyOf(node: SimNode, pod: number, at: number): Party {
  const generation = pod === HOST ? 0 : generationAt(node, pod % WORKLOADS.length, at);
  const key = generation * (PODS + 1) + pod;
  let party = node.parties.get(key);
  if (!party) {
    party = pod === HOST ? hostOf(node) : podParty(node, pod, generation);
    node.parties.set(key, party);
  }
  return party;
}

const hostOf = ({ name, nodeId }: SimNode): Party => ({ kind: "host", name, address: `10.0.0.${nodeId}` });

function podParty({ nodeId, traits }: SimNode, pod: number, generation: number): Party {
  const [namespace, name] = WORKLOADS[pod % WORKLOADS.length]!;
  return {
    kind: "pod",
    name: podName(traits.node, pod, generation),
    namespace,
    workloadKind: "Deployment",
    workload: name,
    address: `10.${1 + (nodeId >> 8)}.${nodeId & 255}.${pod + 2}`,
  };
}

const generationAt = (node: SimNode, workload: number, at: number): number => {
  const known = node.generations.get(workload);
  return known && known.at <= at ? known.number : 0;
};

function podName(node: number, pod: number, generation: number): string {
  const [, name] = WORKLOADS[pod % WORKLOADS.length]!;
  const hash = (seedOf(node, pod, generation) >>> 0).toString(36).padStart(7, "0");
  return `${name}-${hash.slice(0, 2)}-${hash.slice(-5)}`;
}

/** Whether a name is that of a Pod of this node in any of its generations. */
export function isPod(node: SimNode, pod: number, name: string): boolean {
  const last = node.generations.get(pod % WORKLOADS.length)?.number ?? 0;
  for (let generation = 0; generation <= last; generation += 1)
    if (podName(node.traits.node, pod, generation) === name) return true;
  return false;
}

function rowOf(
  node: SimNode,
  part: Part,
  { party, at, medianFrom }: { party: Party; at: number; medianFrom: number | undefined },
): PartyRow {
  const { pod, entries, snat, ...rest } = part;
  const dayMedian = medianFrom !== undefined && entries >= medianFrom ? medianOf(node, pod, at) : undefined;
  const { unreplied, opened, peers, established, idle, closeWait } = rest;
  return {
    party,
    entries,
    snatEntries: snat,
    unreplied,
    opened,
    peers,
    established,
    idle,
    closeWait,
    dayMedian,
  };
}

/**
 * Of its entries over the hours before, once an hour; of a Pod that was replaced too lately for that, of what all Pods of its workload had,
 * as the service takes it.
 */
function medianOf(node: SimNode, pod: number, at: number): number | undefined {
  const hour = Math.floor(at / HOUR_MS);
  const since = pod === HOST ? 0 : (node.generations.get(pod % WORKLOADS.length)?.at ?? 0);
  const known = node.medians.get(pod);
  if (known?.hour === hour && known.since === since) return known.value;
  const before = hoursBefore(node, hour);
  const own = before.filter((of) => of.hour * HOUR_MS >= since);
  const value =
    pod === HOST || own.length >= MEDIAN_HOURS
      ? middleOf(own, (of) => inHour(node, pod, of))
      : middleOf(before, (of) => sumOf(podsOf(pod % WORKLOADS.length), (each) => inHour(node, each, of)));
  node.medians.set(pod, { hour, since, value });
  return value;
}

/** Of what all owners had, once an hour. */
function medianOfAll(node: SimNode, at: number): number | undefined {
  const hour = Math.floor(at / HOUR_MS);
  const known = node.medians.get(ALL);
  if (known?.hour === hour) return known.value;
  const value = middleOf(hoursBefore(node, hour), (of) =>
    sumOf(node.active, ({ spec, hours }) => hours[of.hour - Math.floor(spec.from / HOUR_MS)] ?? 0, of.mean),
  );
  node.medians.set(ALL, { hour, since: 0, value });
  return value;
}

type BaseHour = SimNode["baseHours"][number];

const hoursBefore = (node: SimNode, hour: number): BaseHour[] =>
  node.baseHours.filter((of) => of.hour < hour && of.hour >= hour - DAY_HOURS);

function middleOf(hours: readonly BaseHour[], entries: (of: BaseHour) => number): number | undefined {
  const values = hours.map(entries).toSorted((a, b) => a - b);
  return values.length < MEDIAN_HOURS ? undefined : Math.round(values[Math.floor(values.length / 2)]!);
}

const sumOf = <Of>(all: readonly Of[], part: (of: Of) => number, first = 0): number =>
  all.reduce((sum, of) => sum + part(of), first);

function inHour(node: SimNode, pod: number, { hour, mean }: BaseHour): number {
  let value = mean * node.traits.weights[pod]! * tide(node.traits, pod, hour * HOUR_MS);
  for (const { spec, hours } of node.active)
    if (spec.pods.includes(pod))
      value += (hours[hour - Math.floor(spec.from / HOUR_MS)] ?? 0) / spec.pods.length;
  return value;
}

const outside = (last: number): string => `203.0.113.${last}`;
const natOf = (node: SimNode): string => `10.0.0.${node.nodeId}`;

/** Its activities peer by peer, and the rest by class. */
function flowRows(node: SimNode, part: Part, party: Party): FlowRow[] {
  const rows: FlowRow[] = [];
  let left = { entries: part.entries, unreplied: part.unreplied, opened: part.opened };
  const push = (row: Omit<FlowRow, "party" | "entries" | "unreplied" | "opened">, of: typeof left) => {
    const fits = {
      entries: Math.min(left.entries, Math.floor(of.entries)),
      opened: Math.min(left.opened, Math.floor(of.opened)),
      unreplied: Math.min(left.unreplied, Math.floor(of.unreplied)),
    };
    left = {
      entries: left.entries - fits.entries,
      opened: left.opened - fits.opened,
      unreplied: left.unreplied - fits.unreplied,
    };
    rows.push({ ...row, party, ...fits });
  };
  for (const { stream, spec } of node.active) {
    if (!spec.pods.includes(part.pod)) continue;
    const share = 1 / spec.pods.length / spec.peers.length;
    const entries = stream.entries * share;
    const nat = spec.snat ? ({ nat: "snat", natAddress: natOf(node) } as const) : ({ nat: "none" } as const);
    const unreplied = stream.form === "syn" ? entries : 0;
    for (const peer of spec.peers)
      push(
        { peer: outside(peer), peerPort: spec.port, protocol: 6, ...nat },
        { entries, unreplied, opened: stream.opened * share },
      );
  }
  usual(node, left, push);
  return rows;
}

function usual(
  node: SimNode,
  rest: { entries: number; unreplied: number; opened: number },
  push: (row: Omit<FlowRow, "party" | "entries" | "unreplied" | "opened">, of: typeof rest) => void,
): void {
  const sum = node.streams.reduce((whole, stream) => whole + stream.entries, 0) || 1;
  const opens = node.streams.reduce((whole, stream) => whole + stream.opened, 0) || 1;
  const { entries: all, opened: allOpened, unreplied: allUnreplied } = rest;
  for (let at = 0; at < CLASSES.length; at += 1) {
    const stream = node.streams[at]!;
    const entries = (all * stream.entries) / sum;
    const silent = stream.form === "syn" || stream.form === "udp-unreplied";
    const nat =
      SNAT_SHARE[at]! >= 0.4
        ? ({ nat: "snat", natAddress: natOf(node) } as const)
        : ({ nat: "dnat" } as const);
    push(
      {
        peer: `10.96.0.${at + 1}`,
        peerPort: PEER_PORTS[at]!,
        protocol: at === 3 || at === 4 ? 17 : 6,
        ...nat,
      },
      {
        entries,
        opened: (allOpened * stream.opened) / opens,
        unreplied: silent ? Math.min(entries, allUnreplied / 2) : 0,
      },
    );
  }
}

/** Ports of the node's address towards the fullest peers. */
export function portsOf(node: SimNode, window: NodeWindow): PortsRow[] {
  const at = { natAddress: natOf(node), protocol: 6, zone: 0 };
  const usualSnat = node.streams[1]!.entries + node.streams[2]!.entries * SNAT_SHARE[2];
  const rows: PortsRow[] = Array.from(node.traits.peers, (share, peer) => {
    const used = Math.round(usualSnat * share * 0.8);
    const holders = [0, 1, 2].map((pod) => ({
      party: partyOf(node, pod, window.to),
      used: Math.floor(used * node.traits.weights[pod]!),
    }));
    return { ...at, peer: outside(200 + peer), peerPort: 443, used, holders };
  });
  for (const { spec, stream } of node.active) {
    if (!spec.snat) continue;
    const used = Math.round(stream.entries / spec.peers.length);
    const holders = spec.pods.map((pod) => ({
      party: partyOf(node, pod, window.to),
      used: Math.floor(used / spec.pods.length),
    }));
    for (const peer of spec.peers.slice(0, 20))
      rows.push({ ...at, peer: outside(peer), peerPort: spec.port, used, holders });
  }
  return rows
    .filter(({ used }) => used > 0)
    .toSorted((a, b) => b.used - a.used)
    .slice(0, 20);
}

/** Bounds of what is called idle. */
const IDLE_FROM = AGE_BOUNDS_S.indexOf(3_600) + 1;

/** How long ESTABLISHED and CLOSE_WAIT had been idle, by the timeouts that kube-proxy sets. */
export function agesOf(node: SimNode): AgesRow[] {
  let [established, idle, closeWait] = [0, 0, 0];
  for (const stream of node.streams) {
    if (stream.form === "tcp") [established, idle] = [established + stream.held, idle + stream.held * 0.2];
    if (stream.form === "close-wait") closeWait += stream.entries;
  }
  for (const { stream, spec, hours } of node.active) {
    if (stream.form === "close-wait") closeWait += stream.entries;
    if (stream.form !== "tcp") continue;
    established += stream.held;
    if (spec.idle) idle += Math.min(stream.held, hours.at(-2) ?? 0);
  }
  return [
    { of: "tcp-established", timeoutS: 86_400, entries: classed(established - idle, idle) },
    { of: "tcp-close-wait", timeoutS: 3_600, entries: classed(closeWait, 0) },
  ];
}

function classed(young: number, old: number): number[] {
  const youngPart = young / IDLE_FROM;
  // Of a day that it may be idle, five classes.
  return Array.from({ length: AGE_BOUNDS_S.length + 1 }, (_, at) =>
    Math.floor(at < IDLE_FROM ? youngPart : at < IDLE_FROM + 5 ? old / 5 : 0),
  );
}

export const invalidOf = (window: NodeWindow): InvalidRow[] =>
  (window.invalid ?? 0) > 0
    ? [{ reason: "invalid-state", lines: Math.min(window.invalid ?? 0, 50), sample: "invalid state" }]
    : [];
