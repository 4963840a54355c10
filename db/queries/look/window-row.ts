import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { NodeWindow } from "../../look.ts";

type Kind = "text" | "gauge" | "count";

/** Columns of samples in the order of a row, which `toWindow` knows. */
const COLUMNS = [
  ["text", "source"],
  ["text", "events"],
  ["gauge", "count"],
  ["gauge", "max"],
  ["gauge", "buckets"],
  ["text", "taken_at"],
  ["gauge", "entries"],
  ["gauge", "unreplied"],
  ["gauge", "tcp_syn_sent"],
  ["gauge", "tcp_syn_recv"],
  ["gauge", "tcp_established"],
  ["gauge", "tcp_close_wait"],
  ["gauge", "tcp_time_wait"],
  ["gauge", "udp"],
  ["gauge", "nat_snat"],
  ["gauge", "nat_both"],
  ["count", "opened"],
  ["count", "closed"],
  ["count", "stat_found"],
  ["count", "stat_invalid"],
  ["count", "stat_insert_failed"],
  ["count", "stat_drop"],
  ["count", "stat_early_drop"],
  ["count", "stat_clash_resolve"],
  ["count", "stat_chain_too_long"],
  ["count", "table_full"],
  ["count", "overruns"],
] as const satisfies [Kind, string][];

/** A window, and its entries by kind of source NAT, of which a slot has the highest apart. */
export type RawWindow = NodeWindow & { natSnat?: number | undefined; natBoth?: number | undefined };

type Texts = [source: string | null, events: NodeWindow["events"] | null];
type Numbers = (number | null)[];
/** A driver takes three times as long to hand over columns of its own as one JSON text. */
export type WindowTuple = [
  nodeId: number,
  node: string,
  from: number,
  to: number,
  receivedAt: number,
  ...Texts,
  ...Numbers,
];

/** A window `s` of the node of that alias as a WindowTuple. 32 values: functions on D1 take no more. */
export const windowRow = (node: string): SQL =>
  row(node, (_, column) => `s."${column}"`, `coalesce(s.received_at, s."end")`);
/** Of the node `n`. */
export const WINDOW_ROW: SQL = windowRow("n");

/** A slot of a tier in the place of windows: its highest gauges, in `s`, and its counts, in `c`. */
export const SLOT_ROW: SQL = row(
  "n",
  (kind, column) => {
    if (kind === "text") return column === "taken_at" ? `iif(s.entries is null, null, s."end")` : "null";
    return `${kind === "gauge" ? "s" : "c"}."${column}"`;
  },
  `s."end"`,
);

function row(node: string, value: (kind: Kind, column: string) => string, receivedAt: string): SQL {
  const values = COLUMNS.map(([kind, column]) => value(kind, column)).join(", ");
  return sql.raw(`json_array(${node}.id, ${node}.name, s.start, s."end", ${receivedAt}, ${values})`);
}

export function toWindow([
  nodeId,
  node,
  from,
  to,
  receivedAt,
  source,
  events,
  ...numbers
]: WindowTuple): RawWindow {
  const at = (place: number): number | undefined => numbers[place] ?? undefined;
  const [natSnat, natBoth] = [at(12), at(13)];
  return {
    nodeId,
    node,
    from,
    to,
    receivedAt,
    source: source ?? undefined,
    events: events ?? undefined,
    count: at(0),
    max: at(1),
    buckets: at(2),
    takenAt: at(3),
    entries: at(4),
    unreplied: at(5),
    synSent: at(6),
    synRecv: at(7),
    established: at(8),
    closeWait: at(9),
    timeWait: at(10),
    udp: at(11),
    snat: natSnat === undefined || natBoth === undefined ? undefined : natSnat + natBoth,
    natSnat,
    natBoth,
    opened: at(14),
    closed: at(15),
    found: at(16),
    invalid: at(17),
    insertFailed: at(18),
    drop: at(19),
    earlyDrop: at(20),
    clashResolve: at(21),
    chainTooLong: at(22),
    tableFull: at(23),
    overruns: at(24),
  };
}
