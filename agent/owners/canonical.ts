import { formatAddress, readAddress } from "../conntrack/address.ts";

/** The longest way to write an address is 45 characters; what is longer is none. */
const MAX_TEXT = 64;
const words = new Int32Array(4);

/** The one form of an address that the rows of the kernel's table are named with; undefined where the text is none. */
export function canonicalAddress(text: string): string | undefined {
  if (text.length > MAX_TEXT) return undefined;
  const bytes = new TextEncoder().encode(text);
  const cursor = { bytes, at: 0, end: bytes.length };
  const family = readAddress(cursor, words, 0);
  return family === 0 || cursor.at < cursor.end ? undefined : formatAddress(words, 0, family);
}
