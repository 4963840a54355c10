import { readEntry } from "./ctnetlink.ts";
import { LITTLE_ENDIAN, type Message } from "./netlink-attribute.ts";
import { Entry, type Sink } from "./entry.ts";
import { addUnreadable, messageText, noneUnreadable, type Unreadable } from "./unreadable.ts";

/** Size of struct nlmsghdr and values of it (include/uapi/linux/netlink.h). */
const NLMSGHDR = 16;
const NLMSG_NOOP = 1;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLMSG_OVERRUN = 4;
const NLM_F_MULTI = 0x2;
const NLM_F_DUMP_INTR = 0x10;
const NLM_F_CREATE = 0x400;

/** Subsystem 1 of nfnetlink in the upper byte (nfnetlink.h, nfnetlink_conntrack.h). */
const CT_NEW = 0x100;
const CT_DELETE = 0x102;

/** What has been received so far, added to by every datagram. */
export interface Reception extends Message {
  readonly sink: Sink;
  /** Messages with another sequence number or port are not answers to us; undefined takes all, as for events. */
  readonly sequence: number | undefined;
  readonly port: number | undefined;
  entries: number;
  unreadable: Unreadable;
  /** The dump has ended. */
  done: boolean;
  /** The table changed its size during the dump (NLM_F_DUMP_INTR). */
  interrupted: boolean;
  /** The kernel says that it lost messages (NLMSG_OVERRUN). */
  overrun: boolean;
  /** Error number of an NLMSG_ERROR or of the end of a dump, positive; 0 while there is none. */
  errno: number;
  /** Sequence number of the last request the kernel answered with an NLMSG_ERROR, be it a 0; -1 while there is none. */
  acknowledged: number;
}

/** A reception that takes answers to one request, or, without `answersTo`, everything. */
export function newReception(
  buffer: Uint8Array,
  sink: Sink,
  answersTo?: { sequence: number; port: number },
): Reception {
  return {
    view: new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength),
    entry: new Entry(),
    sink,
    sequence: answersTo?.sequence,
    port: answersTo?.port,
    entries: 0,
    unreadable: noneUnreadable(),
    done: false,
    interrupted: false,
    overrun: false,
    errno: 0,
    acknowledged: -1,
  };
}

/**
 * Reads the datagram that fills `length` bytes of the reception's buffer from `start` on, handing every row to the sink.
 * Never throws by itself nor reads outside, whatever the bytes are; what does not fit is counted as unreadable.
 */
export function readDatagram(reception: Reception, length: number, start = 0): void {
  const { view } = reception;
  const end = Math.min(start + length, view.byteLength);
  let at = start;
  while (at + NLMSGHDR <= end) {
    const size = view.getUint32(at, LITTLE_ENDIAN);
    const stop = at + size;
    if (size < NLMSGHDR || stop > end) break;
    if (isOurs(reception, at)) readMessage(reception, at, stop);
    at += (size + 3) & ~3;
  }
  if (at < end) refuse(reception, at, end);
}

function isOurs({ view, sequence, port }: Reception, at: number): boolean {
  if (sequence !== undefined && view.getUint32(at + 8, LITTLE_ENDIAN) !== sequence) return false;
  return port === undefined || view.getUint32(at + 12, LITTLE_ENDIAN) === port;
}

function readMessage(reception: Reception, at: number, end: number): void {
  const type = reception.view.getUint16(at + 4, LITTLE_ENDIAN);
  const flags = reception.view.getUint16(at + 6, LITTLE_ENDIAN);
  if (flags & NLM_F_DUMP_INTR) reception.interrupted = true;
  if (type === CT_NEW || type === CT_DELETE) {
    if (!readEntry(reception, at + NLMSGHDR, end)) return refuse(reception, at, end);
    reception.entry.event = eventOf(type, flags);
    reception.entries += 1;
    reception.sink(reception.entry);
  } else readControl(reception, type, at, end);
}

/** Rows of a dump are MULTI; an event of a new flow has CREATE, of a changed one not. */
function eventOf(type: number, flags: number): Entry["event"] {
  if (type === CT_DELETE) return "destroy";
  if (flags & NLM_F_MULTI) return "none";
  return flags & NLM_F_CREATE ? "new" : "update";
}

function readControl(reception: Reception, type: number, at: number, end: number): void {
  switch (type) {
    case NLMSG_NOOP:
      return;
    case NLMSG_DONE:
      reception.done = true;
      reception.errno = errorNumber(reception.view, at + NLMSGHDR, end);
      return;
    case NLMSG_ERROR:
      reception.errno = errorNumber(reception.view, at + NLMSGHDR, end);
      reception.acknowledged = reception.view.getUint32(at + 8, LITTLE_ENDIAN);
      return;
    case NLMSG_OVERRUN:
      reception.overrun = true;
      return;
    default:
      refuse(reception, at, end);
  }
}

/** Errors are negative in netlink; 0 acknowledges. */
const errorNumber = (view: DataView, at: number, end: number): number =>
  at + 4 <= end ? Math.abs(view.getInt32(at, LITTLE_ENDIAN)) : 0;

function refuse({ view, unreadable }: Reception, at: number, end: number): void {
  addUnreadable(unreadable, () => messageText(view, at, end));
}
