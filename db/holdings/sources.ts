import { matchingGroups } from "./filter.ts";
import type { FlowFilter } from "./filter.ts";
import { foldedGroups } from "./groups.ts";
import { COUNTS } from "./holdings.ts";
import type { Amounts, Count, Holdings } from "./holdings.ts";
import type { Segment, TalkerSegment } from "../segment.ts";

/** All sources of a window by address. */
export function sources({ addresses, talkers, talkerRemainder: rest, ...more }: TalkerSegment): Holdings {
  const total: Amounts = {
    rows: talkers.source.length + rest.sources,
    entries: sum(talkers.entries) + rest.entries,
    snatEntries: sum(talkers.snatEntries) + rest.snatEntries,
    unreplied: sum(talkers.unreplied) + rest.unreplied,
  };
  for (const measure of ["opened", "closed"] as const)
    if (talkers[measure]) total[measure] = sum(talkers[measure]) + (rest[measure] ?? 0);
  const { untracked = 0, error } = more;
  return {
    keys: talkers.source.map((index) => addresses[index] ?? ""),
    columns: talkers,
    total,
    folded: rest.sources > 0 || untracked > 0 ? rest.entries : undefined,
    blurred: untracked > 0 ? (error?.sources ?? untracked) : undefined,
  };
}

/** The same with bytes and packets, which only the listed flow groups know by source. */
export function sourcesWithTraffic(segment: Segment): Holdings {
  const { groups, groupRemainder: rest } = segment;
  const all = sources(segment);
  if (!groups.bytes && !groups.packets) return all;
  const traffic = { bytes: bySource(segment, groups.bytes), packets: bySource(segment, groups.packets) };
  const columns = { ...all.columns };
  const total = { ...all.total };
  for (const measure of ["bytes", "packets"] as const) {
    const amounts = traffic[measure];
    if (!amounts) continue;
    columns[measure] = all.keys.map((key) => amounts.get(key) ?? 0);
    total[measure] = sum(groups[measure] ?? []) + (rest[measure] ?? 0);
  }
  const { folded = all.folded, blurred } = foldedGroups(segment);
  return { ...all, columns, total, folded, blurred };
}

/** Sources of the listed flow groups that match. */
export function matchingSources(segment: Segment, filter: FlowFilter): Holdings {
  const { addresses, groups } = segment;
  const bySource = new Map<number, Amounts>();
  const peers = new Map<number, Set<number>>();
  const total: Amounts = { rows: 0 };
  for (const row of matchingGroups(segment, filter)) {
    const source = groups.source[row] ?? 0;
    const amounts = amountsOf(groups, row);
    bySource.set(source, added(bySource.get(source), amounts));
    peers.set(source, (peers.get(source) ?? new Set()).add(groups.peer[row] ?? 0));
    Object.assign(total, added(total, amounts));
  }
  const rows = [...bySource.values()];
  const column = (measure: "entries" | "snatEntries" | "unreplied") =>
    rows.map((amounts) => amounts[measure] ?? 0);
  const count = (measure: Count) => groups[measure] && rows.map((amounts) => amounts[measure] ?? 0);
  return {
    keys: [...bySource.keys()].map((index) => addresses[index] ?? ""),
    columns: {
      entries: column("entries"),
      snatEntries: column("snatEntries"),
      unreplied: column("unreplied"),
      peers: [...bySource.keys()].map((source) => peers.get(source)?.size ?? 0),
      ...Object.fromEntries(COUNTS.map((measure) => [measure, count(measure)])),
    },
    total: { entries: 0, snatEntries: 0, unreplied: 0, ...total, rows: rows.length },
    ...foldedGroups(segment),
  };
}

function amountsOf(groups: Segment["groups"], row: number): Amounts {
  const entries = groups.entries[row] ?? 0;
  const snat = groups.nat[row] === "snat" || groups.nat[row] === "both";
  const amounts: Amounts = {
    rows: 1,
    entries,
    snatEntries: snat ? entries : 0,
    unreplied: groups.unreplied[row] ?? 0,
  };
  for (const measure of COUNTS) if (groups[measure]) amounts[measure] = groups[measure][row] ?? 0;
  return amounts;
}

function added(one: Amounts | undefined, other: Amounts): Amounts {
  const both: Amounts = { ...other };
  for (const [quantity, value] of Object.entries(one ?? {}) as [keyof Amounts, number][])
    both[quantity] = (both[quantity] ?? 0) + value;
  return both;
}

function bySource({ addresses, groups }: Segment, values: readonly number[] | undefined) {
  if (!values) return undefined;
  const amounts = new Map<string, number>();
  for (const [row, value] of values.entries()) {
    const address = addresses[groups.source[row] ?? -1] ?? "";
    amounts.set(address, (amounts.get(address) ?? 0) + value);
  }
  return amounts;
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
