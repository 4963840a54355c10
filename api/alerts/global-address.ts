import { parseAddress } from "../../db/address.ts";

/**
 * Blocks that no message goes to: what is not of the public internet (IANA special-purpose registries, RFC 6890), and forms of IPv6
 * that hide an IPv4 address, which is looked at in its own right.
 */
const NOT_GLOBAL = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
].map(blockOf);
/** Of IPv6 only 2000::/3 is given out, and of that not everything. */
const GLOBAL_V6 = blockOf("2000::/3");
const NOT_GLOBAL_V6 = ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"].map(blockOf);

type Block = { bytes: Uint8Array; bits: number };

function blockOf(text: string): Block {
  const [address = "", bits] = text.split("/");
  return { bytes: parseAddress(address) ?? new Uint8Array(), bits: Number(bits) };
}

/** Whether an address is one of the public internet; false of what is none. Mapped, translated and tunnelled ones are not. */
export function isGlobalAddress(text: string): boolean {
  const bytes = parseAddress(text);
  if (!bytes) return false;
  if (bytes.length === 4) return !NOT_GLOBAL.some((block) => isIn(bytes, block));
  return isIn(bytes, GLOBAL_V6) && !NOT_GLOBAL_V6.some((block) => isIn(bytes, block));
}

function isIn(bytes: Uint8Array, { bytes: of, bits }: Block): boolean {
  for (let at = 0; at * 8 < bits; at++) {
    const mask = (0xff << Math.max(0, 8 - (bits - at * 8))) & 0xff;
    if (((bytes[at] ?? 0) & mask) !== ((of[at] ?? 0) & mask)) return false;
  }
  return true;
}
