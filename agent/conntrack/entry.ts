/** Word offsets of the four addresses in {@link Entry.addresses}; an IPv4 address fills the first of its four words. */
export const ORIG_SRC = 0;
export const ORIG_DST = 4;
export const REPLY_SRC = 8;
export const REPLY_DST = 12;

/** Offsets in {@link Entry.counters}. */
export const ORIG_PACKETS = 0;
export const ORIG_BYTES = 1;
export const REPLY_PACKETS = 2;
export const REPLY_BYTES = 3;

/** Bits of enum ip_conntrack_status that a reader can act on (include/uapi/linux/netfilter/nf_conntrack_common.h). */
export const SEEN_REPLY = 1 << 1;
export const ASSURED = 1 << 2;
export const OFFLOAD = 1 << 14;
export const HW_OFFLOAD = 1 << 15;

/** A number the row does not carry, such as the timeout of an offloaded flow. */
export const ABSENT = -1;

export type EntryEvent = "none" | "new" | "update" | "destroy";

/**
 * One row of the kernel's table at one moment.
 *
 * A reader fills the same object for every row, so that a million rows cost no garbage: whoever is handed one copies
 * what it keeps. Addresses are words of network order held as signed 32-bit numbers, in one canonical form for all
 * sources. Ports are 0 where the protocol has none; for ICMP and ICMPv6 `sport` is the id and `dport` is
 * type << 8 | code, as in the kernel's union (include/net/netfilter/nf_conntrack_tuple.h).
 */
export class Entry {
  family: 4 | 6 = 4;
  /** IANA protocol number. */
  protocol = 0;
  readonly addresses = new Int32Array(16);
  origSport = 0;
  origDport = 0;
  replySport = 0;
  replyDport = 0;
  /** Status bits of which the text sources know only those named above. */
  status = 0;
  /** Seconds left, or ABSENT for an offloaded flow. */
  timeout = ABSENT;
  /** Kernel number of the TCP, SCTP or DCCP state, or ABSENT. */
  state = ABSENT;
  /** Zone of both directions; 0 is the default zone. */
  zone = 0;
  zoneOrig = 0;
  zoneReply = 0;
  /** Connection mark as a signed 32-bit number; 0 where none is set. */
  mark = 0;
  /** False where accounting was off when the flow began; the counters are then meaningless. */
  counted = false;
  readonly counters = new Float64Array(4);
  /**
   * The kernel's id as a signed 32-bit number, 0 where the source has none: the same in all messages of one entry, and a
   * keyed hash, so that two of a million entries may share it (nf_ct_get_id in net/netfilter/nf_conntrack_core.c).
   */
  id = 0;
  /** Epoch milliseconds at which the kernel saw the flow begin; ABSENT where nf_conntrack_timestamp was off then. */
  startedAt = ABSENT;
  event: EntryEvent = "none";

  /** Back to an empty row. Addresses and counters are left: `family` and `counted` say what of them holds. */
  reset(): void {
    this.family = 4;
    this.protocol = 0;
    this.origSport = 0;
    this.origDport = 0;
    this.replySport = 0;
    this.replyDport = 0;
    this.status = 0;
    this.timeout = ABSENT;
    this.state = ABSENT;
    this.zone = 0;
    this.zoneOrig = 0;
    this.zoneReply = 0;
    this.mark = 0;
    this.counted = false;
    this.id = 0;
    this.startedAt = ABSENT;
    this.event = "none";
  }
}

/** Takes one row; the row is only valid during the call. */
export type Sink = (entry: Entry) => void;
