/** Keywords of the IANA protocol registry for what conntrack tracks, lower-case as the kernel's tools write them. */
const NAMES = new Map([
  [1, "icmp"],
  [2, "igmp"],
  [6, "tcp"],
  [17, "udp"],
  [33, "dccp"],
  [47, "gre"],
  [50, "esp"],
  [51, "ah"],
  [58, "icmpv6"],
  [132, "sctp"],
  [136, "udplite"],
]);
const NUMBERS = new Map([...NAMES].map(([number, name]) => [name, number]));

/** `tcp`, or the number as text where it has no common name. */
export function protocolName(number: number): string {
  return NAMES.get(number) ?? String(number);
}

/** The number of a protocol given by name or number; undefined for anything else. */
export function parseProtocol(text: string): number | undefined {
  const named = NUMBERS.get(text.toLowerCase());
  if (named !== undefined) return named;
  const number = /^\d{1,3}$/.test(text) ? Number(text) : Number.NaN;
  return number <= 255 ? number : undefined;
}
