import type { TcpState } from "../../api/wire.ts";
import { DCCP, SCTP, TCP } from "./protocols.ts";
import { findWord, hashWord, type Vocabulary, vocabulary } from "./words.ts";

/** enum tcp_conntrack, in kernel order (include/uapi/linux/netfilter/nf_conntrack_tcp.h). */
export const TCP_STATE_NAMES = [
  "NONE",
  "SYN_SENT",
  "SYN_RECV",
  "ESTABLISHED",
  "FIN_WAIT",
  "CLOSE_WAIT",
  "LAST_ACK",
  "TIME_WAIT",
  "CLOSE",
  "SYN_SENT2",
] as const satisfies readonly TcpState[];

/** enum sctp_conntrack (nf_conntrack_sctp.h); the last is no longer entered, but old kernels print it. */
export const SCTP_STATE_NAMES = [
  "NONE",
  "CLOSED",
  "COOKIE_WAIT",
  "COOKIE_ECHOED",
  "ESTABLISHED",
  "SHUTDOWN_SENT",
  "SHUTDOWN_RECD",
  "SHUTDOWN_ACK_SENT",
  "HEARTBEAT_SENT",
  "HEARTBEAT_ACKED",
] as const;

/** enum ct_dccp_states (nf_conntrack_dccp.h), tracked until Linux 6.16. */
export const DCCP_STATE_NAMES = [
  "NONE",
  "REQUEST",
  "RESPOND",
  "PARTOPEN",
  "OPEN",
  "CLOSEREQ",
  "CLOSING",
  "TIMEWAIT",
  "IGNORE",
  "INVALID",
] as const;

const numbered = (names: readonly string[]) => names.map((name, number) => [name, number] as const);

/** The conntrack command still calls SYN_SENT2 by the name the kernel gave its number before 2.6.31. */
const LISTEN = ["LISTEN", TCP_STATE_NAMES.indexOf("SYN_SENT2")] as const;

const TCP_STATES = vocabulary([...numbered(TCP_STATE_NAMES), LISTEN]);
const SCTP_STATES = vocabulary(numbered(SCTP_STATE_NAMES));
const DCCP_STATES = vocabulary(numbered(DCCP_STATE_NAMES));

/** Words for the states of a protocol; undefined where it has none. */
export function statesOf(protocol: number): Vocabulary | undefined {
  if (protocol === TCP) return TCP_STATES;
  if (protocol === SCTP) return SCTP_STATES;
  return protocol === DCCP ? DCCP_STATES : undefined;
}

/** Kernel number of a state's name, ABSENT (-1) where the protocol has no such state. */
export function stateNumber(protocol: number, name: string): number {
  const states = statesOf(protocol);
  return states ? findWord(states, hashWord(name)) : -1;
}

/** Name of a state, undefined where the protocol has no such number. */
export function stateName(protocol: number, state: number): string | undefined {
  if (protocol === TCP) return TCP_STATE_NAMES[state];
  if (protocol === SCTP) return SCTP_STATE_NAMES[state];
  return protocol === DCCP ? DCCP_STATE_NAMES[state] : undefined;
}
