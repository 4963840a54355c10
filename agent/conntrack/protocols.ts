/** IANA protocol numbers that the kernel tracks with a tracker of its own. */
export const ICMP = 1;
export const TCP = 6;
export const UDP = 17;
export const DCCP = 33;
export const GRE = 47;
export const ICMPV6 = 58;
export const SCTP = 132;
export const UDPLITE = 136;

/**
 * Names as the kernel (l4proto_name in net/netfilter/nf_conntrack_standalone.c) and the conntrack command print them;
 * for any other protocol both print `unknown`.
 */
const NAMES: ReadonlyMap<number, string> = new Map([
  [ICMP, "icmp"],
  [TCP, "tcp"],
  [UDP, "udp"],
  [DCCP, "dccp"],
  [GRE, "gre"],
  [ICMPV6, "icmpv6"],
  [SCTP, "sctp"],
  [UDPLITE, "udplite"],
]);

/** The kernel's name, or the number in decimal where it has none. */
export const protocolName = (protocol: number): string => NAMES.get(protocol) ?? String(protocol);

/** Number of a name as the kernel prints it, undefined for `unknown` and anything else. */
export function protocolNumber(name: string): number | undefined {
  for (const [number, known] of NAMES) if (known === name) return number;
  return undefined;
}

/** Whether the tuple of this protocol carries an id, type and code instead of ports. */
export const isIcmp = (protocol: number): boolean => protocol === ICMP || protocol === ICMPV6;

/** Whether `sport` and `dport` are ports: GRE keeps call keys there, ICMP its id, type and code. */
export const hasPorts = (protocol: number): boolean =>
  protocol === TCP || protocol === UDP || protocol === SCTP || protocol === DCCP || protocol === UDPLITE;
