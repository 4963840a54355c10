import type {
  ClusterView,
  FlowRow,
  Flows,
  Look,
  NodeView,
  NodeWindow,
  Party,
  PartyRow,
} from "../../db/look.ts";
import type { Slot, SlotCount, SlotGauge } from "../../db/look.ts";

/** 2025-11-21T04:40:00Z: where the first window of these builders begins. */
export const AT = 1_763_700_000_000;
export const WINDOW_MS = 30_000;

/** The window of that number, of a node at rest; received a second after its end. */
export function aWindow(number = 0, some: Partial<NodeWindow> = {}): NodeWindow {
  const from = some.from ?? AT + number * WINDOW_MS;
  const to = some.to ?? from + WINDOW_MS;
  return {
    nodeId: 1,
    node: "node-1",
    receivedAt: to + 1_000,
    source: "netlink",
    events: "complete",
    count: 20_000,
    max: 262_144,
    buckets: 65_536,
    takenAt: to - 500,
    entries: 20_000,
    unreplied: 200,
    synSent: 50,
    synRecv: 5,
    established: 12_000,
    closeWait: 20,
    timeWait: 4_000,
    udp: 3_000,
    snat: 8_000,
    opened: 3_000,
    closed: 3_000,
    found: 0,
    invalid: 0,
    insertFailed: 0,
    drop: 0,
    earlyDrop: 0,
    clashResolve: 0,
    chainTooLong: 0,
    tableFull: 0,
    overruns: 0,
    ...some,
    from,
    to,
  };
}

/** `count` windows up to that number, without it. */
export const windowsBefore = (
  number: number,
  count: number,
  some: (number: number) => Partial<NodeWindow> = () => ({}),
): NodeWindow[] =>
  Array.from({ length: count }, (_, i) => number - count + i).map((at) => aWindow(at, some(at)));

/** The window with ten minutes of such windows before it, and nothing else known. */
export function aLook(window: NodeWindow = aWindow(), some: Partial<Look> = {}): Look {
  const length = window.to - window.from;
  const recent = Array.from({ length: Math.floor(600_000 / length) }, (_, i) => {
    const to = window.from - i * length;
    return aWindow(0, { nodeId: window.nodeId, node: window.node, from: to - length, to });
  });
  return { window, recent: recent.toReversed(), ...some };
}

type SomeSlot = Partial<Omit<Slot, "gauges" | "counts">> & {
  /** One number stands for lowest, highest, last and mean. */
  gauges?: Partial<Record<SlotGauge, number | { min: number; max: number; last: number; mean: number }>>;
  counts?: Partial<Record<SlotCount, number>>;
};

export function aSlot(start: number, lengthMs: number, { gauges, ...some }: SomeSlot = {}): Slot {
  const all = Object.entries(gauges ?? {}).map(([name, value]) => [
    name,
    typeof value === "number" ? { min: value, max: value, last: value, mean: value } : value,
  ]);
  return {
    start,
    end: start + lengthMs,
    coveredMs: lengthMs,
    max: 262_144,
    counts: {},
    ...some,
    gauges: Object.fromEntries(all) as Slot["gauges"],
  };
}

export const aParty = (name = "web-1", some: Partial<Party> = {}): Party => ({
  kind: "pod",
  name,
  namespace: "shop",
  workloadKind: "Deployment",
  workload: "web",
  address: "10.0.0.7",
  ...some,
});

export const aPartyRow = (party: Party, some: Partial<PartyRow> = {}): PartyRow => ({
  party,
  entries: 0,
  snatEntries: 0,
  unreplied: 0,
  peers: 1,
  ...some,
});

export const aFlowRow = (party: Party, some: Partial<FlowRow> = {}): FlowRow => ({
  party,
  peer: "198.51.100.20",
  peerPort: 443,
  protocol: 6,
  nat: "snat",
  natAddress: "192.168.0.23",
  entries: 0,
  unreplied: 0,
  ...some,
});

/** Totals are those of the window. */
export const someFlows = (window: NodeWindow, some: Partial<Flows> = {}): Flows => ({
  takenAt: window.takenAt ?? window.from,
  entries: window.entries ?? 0,
  unreplied: window.unreplied ?? 0,
  opened: window.opened,
  parties: [],
  flows: [],
  error: 0,
  ...some,
});

export const aNodeView = (window: NodeWindow = aWindow(), some: Partial<NodeView> = {}): NodeView => ({
  nodeId: window.nodeId,
  node: window.node,
  firstSeenAt: window.from - 30 * 86_400_000,
  lastSeenAt: window.receivedAt,
  window,
  recent: aLook(window).recent.slice(-10),
  hours: [],
  ...some,
});

/** Seen a second after the latest window came, by a service that has watched for a day. */
export function aClusterView(nodes: readonly NodeView[], some: Partial<ClusterView> = {}): ClusterView {
  const at = Math.max(AT, ...nodes.map(({ lastSeenAt }) => lastSeenAt)) + 1_000;
  return { at, watchedSince: at - 86_400_000, nodes, settings: [], ...some };
}
