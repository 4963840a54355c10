import {
  ASSURED,
  Entry,
  type EntryEvent,
  ORIG_BYTES,
  ORIG_DST,
  ORIG_PACKETS,
  ORIG_SRC,
  REPLY_BYTES,
  REPLY_DST,
  REPLY_PACKETS,
  REPLY_SRC,
  SEEN_REPLY,
} from "../../agent/conntrack/entry.ts";
import { insideV6, type Route } from "./cluster.ts";
import type { Life } from "./lives.ts";

const [SYN_SENT, ESTABLISHED, TIME_WAIT] = [1, 3, 7];
const ESTABLISHED_S = 432_000;
const SYN_SENT_S = 120;
const UDP_S = 30;
const BYTES_A_PACKET = 600;
/** 2001:db8::/32 (RFC 3849) for what is outside. */
const outsideV6 = (address: number): number[] => [0x20010db8, 0, 0, address];

/** A flow as the model has it. Instants are epoch ms. */
export interface Flow {
  pod: Life;
  route: Route;
  peer: number;
  /** The NAT address, or 0. */
  nat: number;
  v6: boolean;
  port: number;
  id: number;
  beganAt: number;
  /** From here on a TCP flow is in TIME_WAIT. */
  closesAt: number;
  endsAt: number;
  replied: boolean;
  bytesPerSecond: number;
}

/** Puts flows into the one entry in which the agent's readers hand them over. */
export class FlowRow {
  readonly entry = new Entry();
  private readonly counted: boolean;

  constructor(counted: boolean) {
    this.counted = counted;
  }

  of(flow: Flow, event: EntryEvent, at: number): Entry {
    const { entry } = this;
    const { route } = flow;
    entry.reset();
    entry.event = event;
    entry.protocol = route.protocol;
    entry.id = flow.id;
    entry.status = flow.replied ? (route.protocol === 6 ? SEEN_REPLY | ASSURED : SEEN_REPLY) : 0;
    entry.origSport = entry.replyDport = flow.port;
    entry.origDport = route.service === 0 ? route.port : route.servicePort;
    entry.replySport = route.port;
    if (flow.v6) addressesV6(entry, flow);
    else {
      entry.addresses[ORIG_SRC] = flow.pod.address;
      entry.addresses[ORIG_DST] = route.service === 0 ? flow.peer : route.service;
      entry.addresses[REPLY_SRC] = flow.peer;
      entry.addresses[REPLY_DST] = flow.nat === 0 ? flow.pod.address : flow.nat;
    }
    this.stateOf(flow, at);
    if (this.counted) this.count(flow, at);
    return entry;
  }

  private stateOf(flow: Flow, at: number): void {
    const { entry } = this;
    const left = Math.max(0, Math.round((flow.endsAt - at) / 1_000));
    if (flow.route.protocol !== 6) {
      entry.timeout = Math.min(UDP_S, left);
      return;
    }
    entry.state = flow.replied ? (at < flow.closesAt ? ESTABLISHED : TIME_WAIT) : SYN_SENT;
    if (entry.state === TIME_WAIT) entry.timeout = Math.min(120, left);
    else if (entry.state === SYN_SENT) entry.timeout = Math.min(SYN_SENT_S, left);
    // Flows that are kept are silent for up to two hours, the brief ones never.
    else
      entry.timeout =
        ESTABLISHED_S - (flow.closesAt === Number.POSITIVE_INFINITY ? (flow.id * 97) % 7_200 : 1);
  }

  private count(flow: Flow, at: number): void {
    const { entry } = this;
    const seconds = Math.max(0, Math.min(at, flow.endsAt) - flow.beganAt) / 1_000;
    const bytes = Math.floor(seconds * flow.bytesPerSecond);
    const sent = Math.floor(bytes / 4);
    entry.counted = true;
    entry.counters[ORIG_BYTES] = sent;
    entry.counters[REPLY_BYTES] = bytes - sent;
    entry.counters[ORIG_PACKETS] = Math.floor(bytes / BYTES_A_PACKET / 2);
    entry.counters[REPLY_PACKETS] = Math.floor(bytes / BYTES_A_PACKET / 2);
  }
}

/** IPv6 counterparts of the same Pod, peer and NAT address. */
function addressesV6(entry: Entry, { pod, peer, nat }: Flow): void {
  entry.family = 6;
  entry.addresses.set(insideV6(pod.address), ORIG_SRC);
  entry.addresses.set(outsideV6(peer), ORIG_DST);
  entry.addresses.set(outsideV6(peer), REPLY_SRC);
  entry.addresses.set(insideV6(nat === 0 ? pod.address : nat), REPLY_DST);
}
