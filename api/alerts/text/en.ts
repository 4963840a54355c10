import { RULES } from "./en-rules.ts";
import { say, type Part, type Text } from "./text.ts";
import type { Unit, Words } from "./words.ts";

const UNITS: Readonly<Record<Unit, (written: string) => string>> = {
  ratio: (written) => `${written} %`,
  entries: (written) => `${written} entries`,
  "flows/s": (written) => `${written} new connections/s`,
  "packets/s": (written) => `${written} packets/s`,
  ms: (written) => written,
  ports: (written) => `${written} ports`,
  nodes: (written) => `${written} nodes`,
  count: (written) => written,
  times: (written) => `${written} times`,
  openings: (written) => `${written} new connections a window`,
  seconds: (written) => written,
  at: (written) => written,
};

const KINDS: Readonly<Record<string, string>> = {
  pod: "Pod",
  host: "host",
  service: "Service",
  container: "container",
  external: "external host",
  address: "address",
};

const NEWS = {
  worsened: "WORSE",
  flapping: "Comes and goes",
  stale: "No news",
  ended: "No longer watched",
} as const;

export const EN: Words = {
  rules: RULES,
  unknownRule: (rule) => ({
    title: rule.replaceAll("-", " "),
    meaning: "A rule of this cluster found something wrong.",
    advice: ({ top }) => [say`See who uses the tables: ${top}`],
  }),
  state(state, severity, news) {
    const loud = severity === "critical" ? "CRITICAL" : "Warning";
    const states = {
      firing: news === undefined ? loud : `${NEWS[news]} (${loud.toLowerCase()})`,
      again: `Still ${loud.toLowerCase()}`,
      partly: "Partly resolved",
      resolved: news === "ended" ? NEWS.ended : "Resolved",
      over: news === "ended" ? NEWS.ended : "Over already",
      notice: "Notice",
      test: "Test",
    };
    return states[state];
  },
  time: { d: "d", h: "h", min: "min", s: "s" },
  unit: (unit, written) => UNITS[unit](written),
  title: {
    of: (state, what, where, cluster) =>
      where.length === 0
        ? say`${state}: ${what}, cluster ${cluster}`
        : say`${state}: ${what}, ${where}, cluster ${cluster}`,
    andMore: (first, more) => say`${first} and ${more} more`,
    fleet: (affected, nodes) => `${affected} of ${nodes} nodes`,
  },
  where: {
    node: (node) => say`node ${node}`,
    on: (what, node) => say`${what} on node ${node}`,
    cluster: (cluster) => say`cluster ${cluster}`,
    towards: (nat, peer, protocol) =>
      nat === undefined
        ? say`towards ${peer}${tail(protocol)}`
        : say`${nat} towards ${peer}${tail(protocol)}`,
    anomaly: (id) => ` (anomaly ${id})`,
    party: (kind, name, workload): Text => {
      const who: Text = say`${KINDS[kind] ?? "owner"} ${name}`;
      return workload.length === 0 ? who : say`${who} (${workload})`;
    },
  },
  value: {
    of: (part, whole) => `${part} of ${whole}`,
    limit: (limit, below) => `alarm ${below ? "below" : "from"} ${limit}`,
    usual: (usual) => `usually ${usual}`,
    share: (share) => `${share} %`,
    agree: (nodes, all) => `${nodes} of ${all} nodes agree`,
    towards: (peer: Part) => say` to ${peer}`,
  },
  since: (lasted, began) => `${began} (for ${lasted})`,
  lasted: (lasted, from, to) => `${lasted} (${from} to ${to})`,
  ended: {
    silent: "not known to be well: the node has sent no reports for a day",
    retired: "not known to be well: the node was retired, or nothing of it is kept any more",
    disabled: "not known to be well: the rule was switched off",
  },
  acknowledged: (by, note) => {
    if (by === undefined) return [note ?? "yes"];
    return note === undefined ? say`by ${by}` : say`by ${by}: ${note}`;
  },
  unmuted: "it was kept quiet until now, by a silence or by another alarm, and goes on",
  take: (id) =>
    say`Somebody is at it? ${{ code: `POST /v1/anomalies/${id ?? "ID"}/acknowledge` }} ends the reminders. To keep it quiet for a time: ${{ code: "POST /v1/silences" }}`,
  counts: {
    again: "This was told before, and goes on.",
    open: (open) => `${open} are open now.`,
    resolved: (resolved) => `${resolved} resolved meanwhile.`,
    shown: (shown, all) => `Shown: ${shown} of ${all}, the most important first.`,
    fleet: (affected, nodes) =>
      `${affected} of ${nodes} nodes are affected: this is told as one incident. Look for what they share: a deployment, a service they all call, the network.`,
    over: "It opened and resolved before this message could be delivered. Nothing is left to do now.",
    allClear: "Nothing of this is open any more.",
    ended: "This is told no more, but nothing says that all is well.",
  },
  labels: {
    value: "Now",
    worst: "Worst",
    since: "Since",
    lasted: "Lasted",
    ended: "Ended",
    whyNow: "Why now",
    cause: "Cause",
    who: "Who",
    towards: "Towards",
    nodes: "Nodes",
    log: "Kernel log",
    acknowledged: "Acknowledged",
    advice: "What to do",
    adviceOfFirst: "What to do (commands are for the first)",
    link: "Details (API)",
  },
  facts: {
    share: "Share of the node",
    openedPerSecond: "Opened",
    entries: "Entries",
    snatShare: "Through SNAT",
    natAddress: "NAT address",
    leftMs: "Full in",
    perHour: "Growth an hour",
    usualPerHour: "Usual growth an hour",
    utilisation: "Table full",
    fill: "Table full",
    drop: "Dropped in 5 min",
    insertFailed: "Failed to insert in 5 min",
    earlyDrop: "Evicted early in 5 min",
    chainTooLong: "Chain too long in 5 min",
    portsUsed: "Ports in use",
    perSecond: "Opened, about",
    sourceShare: "Share of the largest source",
    established: "Established",
    usualEstablished: "Usually established",
    timeoutS: "Timeout on this node",
    usual: "Usually",
    before: "Before",
    since: "Changed at",
    silent: "Silent",
    lastSeenAt: "Last heard of",
    source: "Reads through",
    events: "Events",
    count: "Entries",
    overruns: "Overruns",
    "drops.share": "Lost of new connections",
    "idle-established.share": "Idle share of established",
    "half-open.share": "Share of all entries",
    "settings-drift.set": "Set to",
    "settings-drift.usual": "The others have",
  },
  colon: ": ",
  sentence: " ",
  semicolon: "; ",
};

const tail = (protocol: string) => (protocol === "" ? "" : ` (${protocol})`);
