// What rules may look at: plain data, as the store has it. Times in epoch ms; what is not known is undefined, never 0.

/** A window of one node as its report tells it. Gauges count entries; counters are what grew in the window. */
export type NodeWindow = {
  nodeId: number;
  node: string;
  from: number;
  to: number;
  receivedAt: number;
  /** netlink, procfs, conntrack or none. */
  source?: string | undefined;
  events?: "off" | "complete" | "lossy" | undefined;
  /** Gauges of the kernel, at the end of the window. */
  count?: number | undefined;
  max?: number | undefined;
  buckets?: number | undefined;
  /** When the table was dumped; before `from` where the latest dump there is is an older one: then nothing below up to `closed` is new. */
  takenAt?: number | undefined;
  entries?: number | undefined;
  unreplied?: number | undefined;
  synSent?: number | undefined;
  synRecv?: number | undefined;
  established?: number | undefined;
  closeWait?: number | undefined;
  timeWait?: number | undefined;
  udp?: number | undefined;
  /** Entries with source NAT, alone or with destination NAT. */
  snat?: number | undefined;
  /** Flows that began and ended in the window. */
  opened?: number | undefined;
  closed?: number | undefined;
  /** Statistics of the kernel, summed over CPUs. */
  found?: number | undefined;
  invalid?: number | undefined;
  insertFailed?: number | undefined;
  drop?: number | undefined;
  earlyDrop?: number | undefined;
  clashResolve?: number | undefined;
  chainTooLong?: number | undefined;
  /** Lines of the kernel log that say the table is full: a lower bound. */
  tableFull?: number | undefined;
  overruns?: number | undefined;
};

/** A slot of a coarser tier of one node (or a window): of each gauge the lowest, the highest, the last and the mean; of each counter the sum. */
export type Slot = {
  start: number;
  end: number;
  /** Time that windows cover in it, in ms. */
  coveredMs: number;
  max?: number | undefined;
  gauges: Partial<Record<SlotGauge, { min: number; max: number; last: number; mean: number }>>;
  counts: Partial<Record<SlotCount, number>>;
};
export const SLOT_GAUGES = [
  "count",
  "entries",
  "unreplied",
  "synSent",
  "synRecv",
  "established",
  "closeWait",
  "snat",
] as const;
export type SlotGauge = (typeof SLOT_GAUGES)[number];
export const SLOT_COUNTS = [
  "opened",
  "closed",
  "invalid",
  "insertFailed",
  "drop",
  "earlyDrop",
  "found",
  "clashResolve",
] as const;
export type SlotCount = (typeof SLOT_COUNTS)[number];

/** Who is behind traffic, as owners are known at the time. Names are of others: they may be anything. */
export type Party = {
  /** pod, host, service, container or external; address where nobody is known to hold it. */
  kind: string;
  name: string;
  namespace?: string | undefined;
  workloadKind?: string | undefined;
  workload?: string | undefined;
  /** In canonical form; the first of several. */
  address: string;
};

/** One owner of a node's flows, over all its addresses. */
export type PartyRow = {
  party: Party;
  entries: number;
  snatEntries: number;
  unreplied: number;
  opened?: number | undefined;
  peers: number;
  established?: number | undefined;
  idle?: number | undefined;
  closeWait?: number | undefined;
  /**
   * Median of its entries over the hours of the 24 hours before, where it was asked for and there are at least six; of a Pod that is newer, of
   * the entries that all Pods of its workload had on the node.
   */
  dayMedian?: number | undefined;
};

/** Flows of one owner to one peer, of one NAT class. */
export type FlowRow = {
  party: Party;
  peer: string;
  /** Who holds the peer's address, where it is somebody of the cluster. */
  peerParty?: Party | undefined;
  peerPort: number;
  protocol: number;
  nat: "none" | "snat" | "dnat" | "both";
  natAddress?: string | undefined;
  entries: number;
  unreplied: number;
  opened?: number | undefined;
};

/** Who uses the table of one node in one window. Rows with most entries or openings; the totals are exact. */
export type Flows = {
  takenAt: number;
  entries: number;
  unreplied: number;
  opened?: number | undefined;
  parties: readonly PartyRow[];
  flows: readonly FlowRow[];
  /** At most so many entries of any one owner are missing from its row. */
  error: number;
  /** Median over the hours of the 24 hours before of what all owners had, where the day median of any owner is known. */
  dayMedian?: number | undefined;
};

/** Ports of one NAT address in use towards one peer. */
export type PortsRow = {
  natAddress: string;
  protocol: number;
  peer: string;
  peerPort: number;
  zone: number;
  used: number;
  holders: readonly { party: Party; used: number }[];
};

/** How long entries of a kind had been idle: entries by class of AGE_BOUNDS_S of api/wire.ts, and one more for those above. */
export type AgesRow = { of: string; timeoutS: number; entries: readonly number[] };

/** What the kernel log says of invalid packets, by reason. */
export type InvalidRow = { reason: string; lines: number; sample: string };

/** What a look at a node asks for beside its windows. Each part costs: rules ask only where the window alone passed their gate. */
export type Need = {
  /** Slots of ten minutes of the last six hours. */
  trend?: true | undefined;
  /** Hours of the last 14 days around this time of day: for baselines. */
  hours?: true | undefined;
  /** Latest windows of the other nodes of the cluster: for nodes without history. */
  peers?: true | undefined;
  /** Owners and flows; day medians of owners with at least so many entries. */
  flows?: { medianFrom?: number | undefined } | undefined;
  ports?: true | undefined;
  ages?: true | undefined;
  invalid?: true | undefined;
};

/** What was found of it. A part that was asked for and is not there is not known. */
export type Look = {
  window: NodeWindow;
  /** Windows of the node in the ten minutes before this one, oldest first, without those that reported later than it. */
  recent: readonly NodeWindow[];
  trend?: readonly Slot[] | undefined;
  hours?: readonly Slot[] | undefined;
  peers?: readonly NodeWindow[] | undefined;
  flows?: Flows | undefined;
  ports?: readonly PortsRow[] | undefined;
  ages?: readonly AgesRow[] | undefined;
  invalid?: readonly InvalidRow[] | undefined;
};

/** A node as the tick sees it. */
export type NodeView = {
  nodeId: number;
  node: string;
  firstSeenAt: number;
  /** When its latest report came; of windows that came late too. */
  lastSeenAt: number;
  /** The latest window, by its own time, and those of the five minutes before it, oldest first. */
  window: NodeWindow;
  recent: readonly NodeWindow[];
  /** Hours of the last 14 days around this time of day. */
  hours: readonly Slot[];
};

/** What nodes are set to. */
export type SettingsView = {
  node: string;
  nodeId: number;
  since: number;
  sysctls: Readonly<Record<string, string>>;
  cores?: number | undefined;
  /** What it was set to before `since`, where that is known. */
  before?: Readonly<Record<string, string>> | undefined;
};

/** A cluster as the tick sees it, once a minute; retired nodes are left out. */
export type ClusterView = {
  at: number;
  /** Since when the service itself has watched without a gap: who was silent before that is not known. */
  watchedSince: number;
  nodes: readonly NodeView[];
  settings: readonly SettingsView[];
};
