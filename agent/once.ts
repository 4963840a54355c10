import type { Flows, Report, TableDump } from "../api/wire.ts";
import { protocolName } from "./conntrack/protocols.ts";

/** Rows of each ranking: what fits a screen beside the rest. */
const ROWS = 10;
const EMPTY =
  "Nothing is tracked here. The kernel tracks a network namespace once a firewall or NAT rule in it needs that;\n" +
  "traffic in another namespace is in the table of that one (ip netns exec NAME ...).";

/** A report as a person reads it: what the usual pipelines of awk, sort and uniq are after, for both protocols alike. */
export function printReport(report: Report): string {
  const { dump, flows } = report;
  const parts = [heading(report), limits(report)];
  if (dump && dump.entries > 0) parts.push(composition(dump));
  if (dump?.entries === 0) parts.push(EMPTY);
  if (dump && flows && dump.entries > 0) parts.push(topSources(dump, flows), topGroups(dump, flows));
  parts.push(notes(report));
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

function heading({ node, window, dump, completeness }: Report): string {
  const at = new Date(dump?.takenAt ?? window.to).toISOString();
  const how = dump ? `, read through ${completeness.source} in ${dump.durationMs} ms` : "";
  return `Connection tracking table of ${node.name} at ${at}${how}`;
}

function limits({ table, dump }: Report): string {
  const entries = dump?.entries ?? table.count;
  if (entries === undefined) return "";
  const limit = table.max ? ` of ${number(table.max)} allowed (${percent(entries, table.max)})` : "";
  const buckets = table.buckets ? `, ${number(table.buckets)} buckets` : "";
  return `${number(entries)} ${entries === 1 ? "entry" : "entries"}${limit}${buckets}`;
}

function composition(dump: TableDump): string {
  const { byFamily, byNat, unreplied, assured, offloaded, entries } = dump;
  const protocols = Object.entries(dump.byProtocol).map(
    ([protocol, count]) => [protocolName(Number(protocol)), count] as const,
  );
  const lines: [string, (readonly [string, number])[]][] = [
    [
      "family",
      [
        ["IPv4", byFamily.ipv4],
        ["IPv6", byFamily.ipv6],
      ],
    ],
    ["protocol", protocols],
    ["TCP state", Object.entries(dump.byTcpState)],
    [
      "NAT",
      [
        ["none", byNat.none],
        ["SNAT", byNat.snat],
        ["DNAT", byNat.dnat],
        ["both", byNat.both],
      ],
    ],
    [
      "status",
      [
        ["unreplied", unreplied],
        ["assured", assured],
        ["offloaded", offloaded],
      ],
    ],
  ];
  return lines.map(([name, counts]) => `${name.padEnd(10)} ${shares(counts, entries)}`.trimEnd()).join("\n");
}

function shares(counts: readonly (readonly [string, number])[], entries: number): string {
  const present = counts.filter(([, count]) => count > 0).toSorted((a, b) => b[1] - a[1]);
  return (
    present.map(([name, count]) => `${name} ${number(count)} (${percent(count, entries)})`).join("   ") || "-"
  );
}

function topSources(dump: TableDump, flows: Flows): string {
  const { source, entries, snatEntries, unreplied, peers } = flows.talkers;
  const rows = largest(entries).map((row) => [
    number(entries[row]),
    percent(entries[row], dump.entries),
    percent(snatEntries[row], entries[row] ?? 0),
    number(unreplied[row]),
    number(peers[row]),
    flows.addresses[source[row] ?? -1] ?? "",
  ]);
  const rest = dump.entries - sumOf(largest(entries).map((row) => entries[row]));
  const others = source.length + flows.talkerRemainder.sources - rows.length;
  if (others > 0)
    rows.push([number(rest), percent(rest, dump.entries), "", "", "", `${number(others)} more`]);
  return `Top sources\n${columns(["entries", "share", "SNAT", "unreplied", "peers", "source"], rows)}`;
}

function topGroups(dump: TableDump, flows: Flows): string {
  const { groups } = flows;
  const rows = largest(groups.entries).map((row) => [
    number(groups.entries[row]),
    percent(groups.entries[row], dump.entries),
    number(groups.unreplied[row]),
    protocolName(groups.protocol[row] ?? 0),
    groups.nat[row] === "none" ? "-" : (groups.nat[row] ?? ""),
    groupText(flows, row),
  ]);
  const rest = dump.entries - sumOf(largest(groups.entries).map((row) => groups.entries[row]));
  const others = groups.entries.length + flows.groupRemainder.groups - rows.length;
  if (others > 0)
    rows.push([number(rest), percent(rest, dump.entries), "", "", "", `${number(others)} more`]);
  return `Top flow groups\n${columns(["entries", "share", "unreplied", "protocol", "NAT", "source → peer"], rows)}`;
}

function groupText({ addresses, groups }: Flows, row: number): string {
  const source = addresses[groups.source[row] ?? -1] ?? "";
  const peer = addresses[groups.peer[row] ?? -1] ?? "";
  const port = groups.peerPort[row] ?? 0;
  const natAddress = groups.natAddress[row];
  const bracketed = peer.includes(":") ? `[${peer}]` : peer;
  const to = port > 0 ? `${bracketed}:${port}` : peer;
  return natAddress === null || natAddress === undefined
    ? `${source} → ${to}`
    : `${source} → ${to} as ${addresses[natAddress]}`;
}

function notes({ completeness }: Report): string {
  const { blind, interrupted, unreadable, untracked } = completeness;
  const lines = blind.map((sentence) => `Not seen: ${sentence}`);
  if (interrupted) lines.push("The table was resized while it was read: many entries may be missing.");
  if (untracked)
    lines.push(
      `${number(untracked)} entries are beyond what can be told apart: a large source may be missing above.`,
    );
  if (unreadable)
    lines.push(
      `${number(unreadable.lines)} lines could not be read, such as: ${inert(unreadable.samples[0] ?? "")}`,
    );
  return lines.join("\n");
}

/** Foreign text as a terminal may show it. */
const inert = (text: string) => text.replaceAll(/\p{Cc}/gu, "?");

/** Rows of a column with the largest values, largest first. */
function largest(values: readonly number[]): number[] {
  return [...values.keys()].toSorted((a, b) => (values[b] ?? 0) - (values[a] ?? 0)).slice(0, ROWS);
}

/** Right-aligned columns, the last one left-aligned. */
function columns(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => (column < cells.length - 1 ? cell.padStart(widths[column] ?? 0) : cell))
      .join("  ");
  return [header, ...rows].map((cells) => `  ${line(cells)}`.trimEnd()).join("\n");
}

const sumOf = (values: readonly (number | undefined)[]) =>
  values.reduce<number>((sum, value) => sum + (value ?? 0), 0);
const number = (value: number | undefined) => (value ?? 0).toLocaleString("en-US");
const percent = (part: number | undefined, whole: number) =>
  whole > 0 ? `${(((part ?? 0) / whole) * 100).toFixed(1)}%` : "-";
