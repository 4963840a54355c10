import type { NodeWindow } from "../../db/look.ts";
import { LATE_MS } from "../../db/queries/look.ts";
import type { StoredReport } from "../../db/queries/reports.ts";
import { inForce } from "../alerts/in-force.ts";
import { RULES } from "../detect/index.ts";

/** What rose by this from one report of a node to its next may be the begin of something. */
const RISE = 1.5;
/** So long after something began, what a node says is judged at once: by then it has opened, or the ticks will do. */
const HOT_MS = 600_000;
/** Nodes that are remembered: more than a service has. */
const MAX_NODES = 20_000;
const RISING = ["count", "entries", "snat", "opened", "unreplied"] as const;

/** A gate that was passed within this is not passed anew: some are opened once in ten minutes. */
const ANEW_MS = 1_800_000;

/** `passed`: when the gate of each rule was passed last. */
type Before = { window: NodeWindow; passed: ReadonlyMap<string, number>; hotUntil: number };

/**
 * Tells which reports are worth judging at once, from their own numbers and those of the node's report before: those that pass the gate
 * of some rule, as rules are unless users set them, within HOT_MS of when a gate was passed anew or its numbers rose. The gates of some
 * rules pass for any node that is busy.
 */
export function urgency(maxNodes = MAX_NODES): (report: StoredReport) => boolean {
  const rules = inForce(RULES, { version: 0, settings: {} });
  const nodes = new Map<string, Before>();
  return (report) => {
    const window = windowOf(report);
    const passing = rules.node
      .filter(({ rule, thresholds }) => rule.gate(window, thresholds) !== undefined)
      .map(({ rule }) => rule.name);
    const node = `${report.clusterId} ${window.node}`;
    const before = nodes.get(node);
    const late = isLate(window, before?.window);
    const hotUntil = isBegin(window, passing, before) ? window.to + HOT_MS : (before?.hotUntil ?? 0);
    const passed = new Map([...(before?.passed ?? []), ...passing.map((rule) => [rule, window.to] as const)]);
    nodes.delete(node);
    nodes.set(node, { window, passed, hotUntil });
    const [oldest] = nodes.keys();
    if (nodes.size > maxNodes && oldest !== undefined) nodes.delete(oldest);
    return !late && passing.length > 0 && window.to <= hotUntil;
  };
}

/** A window that comes as much later than the one before it as it ends later was not held up: the node's clock is slow. */
function isLate(window: NodeWindow, before: NodeWindow | undefined): boolean {
  if (window.receivedAt - window.to <= LATE_MS) return false;
  if (!before || window.to <= before.to) return true;
  const apart = window.to - before.to;
  return 2 * Math.abs(window.receivedAt - before.receivedAt - apart) > apart;
}

function isBegin(window: NodeWindow, passing: readonly string[], before: Before | undefined): boolean {
  if (!before) return passing.length > 0;
  if (passing.some((rule) => window.to - (before.passed.get(rule) ?? 0) > ANEW_MS)) return true;
  return RISING.some((name) => (window[name] ?? 0) >= RISE * Math.max(1, before.window[name] ?? Infinity));
}

/** A report as rules look at it, before it is stored: its node has no id yet. */
function windowOf(report: StoredReport): NodeWindow {
  const { node, from, to, receivedAt, completeness, table, dump, flows, counters } = report;
  const { statistics = {}, log } = counters ?? {};
  const state = (name: string) => dump && (dump.byTcpState[name] ?? 0);
  return {
    nodeId: 0,
    node: node.name,
    from,
    to,
    receivedAt,
    source: completeness.source,
    events: completeness.events,
    count: table.count,
    max: table.max,
    buckets: table.buckets,
    takenAt: dump?.takenAt,
    entries: dump?.entries,
    unreplied: dump?.unreplied,
    synSent: state("SYN_SENT"),
    synRecv: state("SYN_RECV"),
    established: state("ESTABLISHED"),
    closeWait: state("CLOSE_WAIT"),
    timeWait: state("TIME_WAIT"),
    udp: dump && (dump.byProtocol["17"] ?? 0),
    snat: dump && dump.byNat.snat + dump.byNat.both,
    opened: flows?.opened,
    closed: flows?.closed,
    found: statistics["found"],
    invalid: statistics["invalid"],
    insertFailed: statistics["insertFailed"],
    drop: statistics["drop"],
    earlyDrop: statistics["earlyDrop"],
    clashResolve: statistics["clashResolve"],
    chainTooLong: statistics["chainTooLong"],
    tableFull: log?.tableFull,
    overruns: completeness.overruns,
  };
}
