const IPV4_BYTES = 4;
const IPV6_BYTES = 16;
const DOT = 46;
const ZERO = 48;
const NINE = 57;
const TOO_LARGE = 256;

/** The one spelling of an address that is stored and compared (RFC 5952); undefined where it is none. */
export function canonicalAddress(text: string): string | undefined {
  const bytes = parseAddress(text);
  return bytes && formatAddress(bytes);
}

/** 4 or 16 bytes in network order; undefined where the text is no address. */
export function parseAddress(text: string): Uint8Array | undefined {
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

/** The opposite of parseAddress, for 4 or 16 bytes. */
export function formatAddress(bytes: Uint8Array): string {
  if (bytes.length === IPV4_BYTES) return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}`;
  const gap = longestGap(bytes);
  // RFC 5952, 5: a v4-mapped address keeps its dots, as inet_ntop prints it.
  if (gap.from === 0 && gap.to === 10 && word(bytes, 10) === 0xffff)
    return `::ffff:${formatAddress(bytes.subarray(12))}`;
  if (gap.to === gap.from) return words(bytes, 0, IPV6_BYTES);
  return `${words(bytes, 0, gap.from)}::${words(bytes, gap.to, IPV6_BYTES)}`;
}

/** Of an address in canonical form whether each machine may have it for itself: loopback, link-local, or none at all. */
export const isLocalAddress = (address: string): boolean =>
  /^(127\.|169\.254\.|0\.0\.0\.0$|::1?$|fe[89ab])/.test(address);

// By character code: a report has hundreds of addresses, and a thousand reports come in a second.
function parseIpv4(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(IPV4_BYTES);
  let part = 0;
  let digits = 0;
  let value = 0;
  for (let i = 0; i <= text.length; i++) {
    const code = i < text.length ? text.charCodeAt(i) : DOT;
    if (code === DOT) {
      if (digits === 0 || value >= TOO_LARGE || part === IPV4_BYTES) return undefined;
      bytes[part++] = value;
      digits = value = 0;
    } else {
      if (code < ZERO || code > NINE) return undefined;
      const leadingZero = digits > 0 && value === 0;
      value = leadingZero ? TOO_LARGE : value * 10 + code - ZERO;
      digits++;
    }
  }
  return part === IPV4_BYTES ? bytes : undefined;
}

function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const compressed = halves.length === 2;
  const head = parseWords(halves[0] ?? "", !compressed);
  const tail = parseWords(halves[1] ?? "", true);
  if (!head || !tail) return undefined;
  const length = head.length + tail.length;
  if (compressed ? length > IPV6_BYTES - 2 : length !== IPV6_BYTES) return undefined;
  const bytes = new Uint8Array(IPV6_BYTES);
  bytes.set(head);
  bytes.set(tail, IPV6_BYTES - tail.length);
  return bytes;
}

/** Bytes of words between colons; the last may be an IPv4 address in dots. */
function parseWords(text: string, mayEndInDots: boolean): number[] | undefined {
  if (text === "") return [];
  const bytes: number[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    const dots = mayEndInDots && i === parts.length - 1 ? parseIpv4(part) : undefined;
    if (dots) bytes.push(...dots);
    else if (!/^[0-9a-f]{1,4}$/i.test(part)) return undefined;
    else {
      const value = Number.parseInt(part, 16);
      bytes.push(value >> 8, value & 0xff);
    }
  }
  return bytes;
}

/** The first longest run of two or more zero words, in bytes. */
function longestGap(bytes: Uint8Array): { from: number; to: number } {
  let longest = { from: 0, to: 0 };
  let from = 0;
  for (let at = 0; at < IPV6_BYTES; at += 2) {
    if (word(bytes, at) !== 0) from = at + 2;
    else if (at + 2 - from > Math.max(2, longest.to - longest.from)) longest = { from, to: at + 2 };
  }
  return longest;
}

function words(bytes: Uint8Array, from: number, to: number): string {
  let text = "";
  for (let at = from; at < to; at += 2) text += (at === from ? "" : ":") + word(bytes, at).toString(16);
  return text;
}

function word(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}
