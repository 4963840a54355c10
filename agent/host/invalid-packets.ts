/** Lines about packets that conntrack found invalid, for one reason. */
export interface Invalid {
  reason: string;
  lines: number;
  /** The first of them. */
  sample: string;
}

/** Reasons the wire takes (MAX_INVALID_REASONS), and the lengths of a text and a sentence on it. */
const MAX_REASONS = 32;
const MAX_REASON = 253;
const MAX_SAMPLE = 500;
/** What more reasons are counted under, as the last of them. */
const OTHERS = "other reasons";

/**
 * `nf_ct_proto_6: invalid new IN=eth0 OUT= MAC=…`: nf_ct_l4proto_log_invalid in net/netfilter/nf_conntrack_proto.c with the
 * number of the protocol; before Linux 4.19 each protocol under its name (`nf_ct_tcp: `), as helpers still do (`nf_ct_ftp:
 * dropping packet: …`). What follows is the packet, written by nf_log_syslog.
 */
const INVALID = /^(nf_ct_\w+: .*?) *IN=\S* OUT=/;
/** Window bounds, indexes, ports: what makes every line another one. The number of a protocol is a part of its word. */
const NUMBERS = /\b(?:0x[\da-f]+|\d+)\b/gi;

/** Why the packet of this message is invalid, with numbers as N; undefined where it is about something else. */
export function invalidReason(text: string): string | undefined {
  const reason = INVALID.exec(text)?.[1];
  return reason === undefined ? undefined : printable(reason.replaceAll(NUMBERS, "N"), MAX_REASON);
}

/** Counts one line; reasons beyond the wire's room share the last place. */
export function addInvalid(invalid: Map<string, Invalid>, reason: string, text: string): void {
  const key = invalid.has(reason) || invalid.size < MAX_REASONS - 1 ? reason : OTHERS;
  const known = invalid.get(key);
  if (known) known.lines += 1;
  else invalid.set(key, { reason: key, lines: 1, sample: printable(text, MAX_SAMPLE) });
}

/** Without control characters, at most `max` long. */
const printable = (text: string, max: number): string =>
  text
    .replaceAll(/\p{Cc}/gu, "")
    .slice(0, max)
    .trim();
