import type { NodeWindow } from "../../db/look.ts";
import { LATE_MS } from "../../db/queries/look.ts";
import type { StoredReport } from "../../db/queries/reports.ts";
import { isUrgent } from "../alerts/engine.ts";
import { inForce } from "../alerts/in-force.ts";
import { RULES } from "../detect/index.ts";

/** Whether a report's own numbers pass the gate of some rule, as rules are unless users set them: then it is worth judging at once. */
export function isUrgentReport(report: StoredReport): boolean {
  const window = windowOf(report);
  const isLate = window.receivedAt - window.to > LATE_MS;
  return !isLate && isUrgent(window, inForce(RULES, { version: 0, settings: {} }));
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
