import { formatAddress } from "../../agent/conntrack/address.ts";
import { type Entry, ORIG_DST, ORIG_SRC, REPLY_DST, REPLY_SRC } from "../../agent/conntrack/entry.ts";
import { isIcmp, protocolName } from "../../agent/conntrack/protocols.ts";
import { stateName } from "../../agent/conntrack/states.ts";

/** One direction of a row, its addresses as text (RFC 5952). */
export interface Tuple {
  src: string;
  dst: string;
  sport: number;
  dport: number;
}

/** An entry as a plain value, to compare and to print. */
export interface Row {
  family: 4 | 6;
  protocol: number;
  orig: Tuple;
  reply: Tuple;
  status: number;
  timeout: number;
  state: number;
  zone: number;
  zoneOrig: number;
  zoneReply: number;
  mark: number;
  /** Packets and bytes of the original, then of the reply; absent where accounting was off. */
  counters?: number[];
  event: Entry["event"];
}

/** A copy of what a reader's shared entry holds now. */
export function asRow(entry: Entry): Row {
  const address = (offset: number) => formatAddress(entry.addresses, offset, entry.family);
  return {
    family: entry.family,
    protocol: entry.protocol,
    orig: {
      src: address(ORIG_SRC),
      dst: address(ORIG_DST),
      sport: entry.origSport,
      dport: entry.origDport,
    },
    reply: {
      src: address(REPLY_SRC),
      dst: address(REPLY_DST),
      sport: entry.replySport,
      dport: entry.replyDport,
    },
    status: entry.status,
    timeout: entry.timeout,
    state: entry.state,
    zone: entry.zone,
    zoneOrig: entry.zoneOrig,
    zoneReply: entry.zoneReply,
    mark: entry.mark,
    ...(entry.counted && { counters: [...entry.counters] }),
    event: entry.event,
  };
}

/** An established TCP flow of a Pod that the node masquerades. */
export const aRow = (row: Partial<Row> = {}): Row => ({
  family: 4,
  protocol: 6,
  orig: { src: "10.244.0.11", dst: "192.168.50.20", sport: 40_000, dport: 443 },
  reply: { src: "192.168.50.20", dst: "192.168.50.10", sport: 443, dport: 40_000 },
  status: 6,
  timeout: 431_999,
  state: 3,
  zone: 0,
  zoneOrig: 0,
  zoneReply: 0,
  mark: 0,
  event: "none",
  ...row,
});

/** The bytes of an address in network order. */
export function addressBytes(address: string): number[] {
  if (!address.includes(":")) return address.split(".").map(Number);
  const [head = "", tail] = address.split("::");
  const groups = (text: string) => text.split(":").filter(Boolean);
  const behind = groups(tail ?? "");
  const zeros = Array.from({ length: 8 - groups(head).length - behind.length }, () => "0");
  return [...groups(head), ...zeros, ...behind].flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 255];
  });
}

/** IPv6 as procfs prints it: eight groups of four digits. */
export function paddedAddress(address: string): string {
  if (!address.includes(":")) return address;
  const hex = addressBytes(address).map((byte) => byte.toString(16).padStart(2, "0"));
  return hex.join("").replace(/.{4}(?=.)/g, "$&:");
}

/** The line that ct_seq_show prints for a row (net/netfilter/nf_conntrack_standalone.c). */
export function procfsLine(row: Row): string {
  const name = /^\d+$/.test(protocolName(row.protocol)) ? "unknown" : protocolName(row.protocol);
  const state = stateName(row.protocol, row.state);
  const counters = row.counters ?? [];
  return [
    row.family === 4 ? "ipv4     2" : "ipv6     10",
    `${name.padEnd(8)} ${row.protocol}`,
    row.timeout >= 0 && `${row.timeout}`,
    state,
    name === "gre" && "timeout=30, stream_timeout=180",
    tupleText(row, row.orig),
    row.zoneOrig > 0 && `zone-orig=${row.zoneOrig}`,
    row.counters && `packets=${counters[0]} bytes=${counters[1]}`,
    !(row.status & 2) && "[UNREPLIED]",
    tupleText(row, row.reply),
    row.zoneReply > 0 && `zone-reply=${row.zoneReply}`,
    row.counters && `packets=${counters[2]} bytes=${counters[3]}`,
    flagText(row.status),
    `mark=${row.mark >>> 0}`,
    `zone=${row.zone}`,
    "use=2",
  ]
    .filter(Boolean)
    .join(" ");
}

function tupleText({ protocol }: Row, { src, dst, sport, dport }: Tuple): string {
  const ends = `src=${paddedAddress(src)} dst=${paddedAddress(dst)}`;
  if (isIcmp(protocol)) return `${ends} type=${dport >> 8} code=${dport & 255} id=${sport}`;
  if (protocol === 47) return `${ends} srckey=0x${sport.toString(16)} dstkey=0x${dport.toString(16)}`;
  return hasPorts(protocol) ? `${ends} sport=${sport} dport=${dport}` : ends;
}

/** Whether the kernel has a tracker that prints ports. */
export const hasPorts = (protocol: number): boolean => [6, 17, 33, 47, 132, 136].includes(protocol);

function flagText(status: number): string {
  if (status & (1 << 15)) return "[HW_OFFLOAD]";
  if (status & (1 << 14)) return "[OFFLOAD]";
  return status & 4 ? "[ASSURED]" : "";
}

/** Status bits that every source knows. */
const SHARED_STATUS = (1 << 1) | (1 << 2) | (1 << 14) | (1 << 15);

/** What all sources must agree on, in an order of its own: timeouts run on between two reads, other bits are not text. */
export const comparable = (rows: readonly Row[]): Row[] =>
  rows
    .map((row) => ({ ...row, timeout: 0, status: row.status & SHARED_STATUS }))
    .toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
