const DOT = 46;
const ZERO = 48;
/** From 240.0.0.0 on, which nobody may use (RFC 1112), the numbers of addresses stand for texts. */
const RESERVED = 0xf0000000;
const PARTS = 4;

/** Numbers texts as they come. */
export class Labels {
  readonly #numbers = new Map<string, number>();
  readonly #texts: string[] = [];

  get size(): number {
    return this.#texts.length;
  }

  of(text: string): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    this.#numbers.set(text, this.#texts.length);
    return this.#texts.push(text) - 1;
  }

  text(number: number): string {
    return this.#texts[number] ?? "";
  }

  /** A number of 32 bits, signed. That of an IPv4 address is the address: there are too many to keep, or to look for. */
  ofAddress(text: string): number {
    return ipv4(text) ?? (RESERVED + this.of(text)) | 0;
  }

  /** The opposite of ofAddress. */
  address(number: number): string {
    const bits = number >>> 0;
    if (bits >= RESERVED) return this.text(bits - RESERVED);
    return `${bits >>> 24}.${(bits >>> 16) & 0xff}.${(bits >>> 8) & 0xff}.${bits & 0xff}`;
  }
}

/** Undefined where the text is none, or not as `address` would write it. */
function ipv4(text: string): number | undefined {
  let bits = 0;
  let parts = 0;
  let value = -1;
  for (let at = 0; at <= text.length; at++) {
    const code = at < text.length ? text.charCodeAt(at) : DOT;
    if (code === DOT) {
      if (value < 0 || value > 255) return undefined;
      bits = bits * 256 + value;
      parts++;
      value = -1;
    } else {
      const digit = code - ZERO;
      if (digit < 0 || digit > 9 || value === 0) return undefined;
      value = value < 0 ? digit : value * 10 + digit;
    }
  }
  return parts === PARTS && bits < RESERVED ? bits | 0 : undefined;
}
