/** A place in text of which [at, end) is still to be read. */
export interface Cursor {
  bytes: Uint8Array;
  at: number;
  end: number;
}

const DIGIT_0 = 0x30;
const LETTER_X = 0x78;

/** Largest number of digits a 64-bit counter has. */
const MAX_DIGITS = 20;

/** Value of each byte as a hexadecimal digit, -1 for other bytes. */
export const HEX_DIGITS = Int8Array.from({ length: 256 }, (_, byte) => {
  const value = Number.parseInt(String.fromCharCode(byte), 16);
  return Number.isNaN(value) ? -1 : value;
});

/** Reads decimal digits; -1 where there are none, or more than a counter has. */
export function readDecimal(cursor: Cursor): number {
  const { bytes, end } = cursor;
  const start = cursor.at;
  let at = start;
  let value = 0;
  while (at < end) {
    const digit = (bytes[at] as number) - DIGIT_0;
    if (digit < 0 || digit > 9) break;
    value = value * 10 + digit;
    at += 1;
  }
  cursor.at = at;
  return at === start || at - start > MAX_DIGITS ? -1 : value;
}

/** Reads a number that is hexadecimal after `0x` and decimal without; -1 where there is none of 32 bits. */
export function readNumber(cursor: Cursor): number {
  const { bytes, end } = cursor;
  if (bytes[cursor.at] !== DIGIT_0 || bytes[cursor.at + 1] !== LETTER_X) return readDecimal(cursor);
  const start = cursor.at + 2;
  let at = start;
  let value = 0;
  while (at < end) {
    const digit = HEX_DIGITS[bytes[at] as number] as number;
    if (digit < 0) break;
    value = value * 16 + digit;
    at += 1;
  }
  cursor.at = at;
  return at === start || at - start > 8 ? -1 : value;
}
