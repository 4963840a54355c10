import { endianness } from "node:os";
import { isIcmp } from "../../agent/conntrack/protocols.ts";
import { addressBytes, type Row, type Tuple } from "./rows.ts";

const LITTLE_ENDIAN = endianness() === "LE";

/** Numbers in the byte order of this machine, as netlink headers have them. */
const native16 = (value: number) => (LITTLE_ENDIAN ? [value & 255, value >> 8] : [value >> 8, value & 255]);
const native32 = (value: number) => [...new Uint8Array(Int32Array.of(value).buffer)];
const big16 = (value: number) => [(value >> 8) & 255, value & 255];
const big32 = (value: number) => [...big16(value >>> 16), ...big16(value & 0xffff)];
const big64 = (value: number) => [...big32(Math.floor(value / 2 ** 32)), ...big32((value % 2 ** 32) | 0)];

const pad = (bytes: number[]) => [...bytes, ...Array.from({ length: -bytes.length & 3 }, () => 0)];

/** One attribute, padded; nests carry NLA_F_NESTED. */
export const attribute = (type: number, payload: number[]): number[] =>
  pad([...native16(4 + payload.length), ...native16(type), ...payload]);
export const nest = (type: number, ...parts: number[][]) => attribute(type | 0x8000, parts.flat());

/** Header fields of a message; a row of a dump by default. */
export interface Header {
  type?: number;
  flags?: number;
  sequence?: number;
  port?: number;
}

/** A whole netlink message with its header. */
export function message(
  payload: number[],
  { type = 0x100, flags = 2, sequence = 1, port = 1 }: Header = {},
): number[] {
  return pad([
    ...native32(16 + payload.length),
    ...native16(type),
    ...native16(flags),
    ...native32(sequence),
    ...native32(port),
    ...payload,
  ]);
}

/** NLMSG_DONE and NLMSG_ERROR carry an error number, negative or 0. */
export const control = (type: number, error: number, header: Header = {}): number[] =>
  message(native32(error), { type, ...header });

/** What only netlink carries of an entry. */
export interface Extras {
  id?: number;
  /** Nanoseconds since the epoch. */
  startedNs?: bigint;
}

/** The ctnetlink payload of a row, as ctnetlink_fill_info in net/netfilter/nf_conntrack_netlink.c lays it out. */
export function payloadOf(row: Row, { id = 0x1234_5678, startedNs }: Extras = {}): number[] {
  return [
    [row.family === 4 ? 2 : 10, 0, 0, 0],
    tuple(1, row, row.orig, row.zoneOrig),
    tuple(2, row, row.reply, row.zoneReply),
    attribute(3, big32(row.status)),
    row.timeout >= 0 ? attribute(7, big32(row.timeout)) : [],
    counters(row),
    startedNs === undefined
      ? []
      : nest(
          20,
          attribute(1, [...big32(Number(startedNs >> 32n)), ...big32(Number(startedNs & 0xffff_ffffn))]),
        ),
    row.state >= 0 ? nest(4, nest(PROTOINFO[row.protocol] ?? 1, attribute(1, [row.state]))) : [],
    attribute(8, big32(row.mark)),
    attribute(12, big32(id)),
    row.zone > 0 ? attribute(18, big16(row.zone)) : [],
    attribute(11, big32(1)),
  ].flat();
}

function counters({ counters }: Row): number[] {
  if (!counters) return [];
  const [packets = 0, bytes = 0, replyPackets = 0, replyBytes = 0] = counters;
  return [
    ...nest(9, attribute(1, big64(packets)), attribute(2, big64(bytes))),
    ...nest(10, attribute(1, big64(replyPackets)), attribute(2, big64(replyBytes))),
  ];
}

const PROTOINFO: Record<number, number> = { 6: 1, 33: 2, 132: 3 };

function tuple(type: number, row: Row, { src, dst, sport, dport }: Tuple, zone: number): number[] {
  const address = row.family === 4 ? 1 : 3;
  const icmp = row.protocol === 1 ? 4 : 7;
  const ports = isIcmp(row.protocol)
    ? [attribute(icmp, big16(sport)), attribute(icmp + 1, [dport >> 8]), attribute(icmp + 2, [dport & 255])]
    : [attribute(2, big16(sport)), attribute(3, big16(dport))];
  return nest(
    type,
    nest(1, attribute(address, addressBytes(src)), attribute(address + 1, addressBytes(dst))),
    nest(2, attribute(1, [row.protocol]), ...ports),
    zone > 0 ? attribute(3, big16(zone)) : [],
  );
}
