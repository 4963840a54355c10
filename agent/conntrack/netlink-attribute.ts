import type { Entry } from "./entry.ts";

/** Netlink headers are in the byte order of the host, payloads of ctnetlink in network order. */
export const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Size of struct nlattr; flags in its type (include/uapi/linux/netlink.h). */
export const NLATTR = 4;
const TYPE_MASK = 0x3fff;

/** A buffer of messages and the row being filled from it. */
export interface Message {
  readonly view: DataView;
  readonly entry: Entry;
}

export const attributeType = (view: DataView, at: number): number =>
  view.getUint16(at + 2, LITTLE_ENDIAN) & TYPE_MASK;

/** Where the attribute at `at` ends, or 0 when it would not end within what holds it. */
export function attributeEnd(view: DataView, at: number, end: number): number {
  const length = view.getUint16(at, LITTLE_ENDIAN);
  return length < NLATTR || at + length > end ? 0 : at + length;
}

/** Where the next attribute begins: they are padded to four bytes. */
export const padded = (at: number, stop: number): number => at + ((stop - at + 3) & ~3);
