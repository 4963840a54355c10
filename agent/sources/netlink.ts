import { setImmediate } from "node:timers/promises";
import { newReception, readDatagram, type Reception } from "../conntrack/datagram.ts";
import { BLIND } from "./blind.ts";
import { EAGAIN, EINTR, EINVAL, ENOBUFS, ENOENT, EPERM, type Libc, loadLibc } from "./libc.ts";
import { netfilterRequest, NLM_F_DUMP } from "./netlink-request.ts";
import { type NetlinkSocket, openNetlinkSocket } from "./netlink-socket.ts";
import { type Dump, type Source, SourceError } from "./source.ts";

/** Requests of ctnetlink (include/uapi/linux/netfilter/nfnetlink_conntrack.h). */
const CT_GET = 0x101;
const CT_GET_STATS = 0x105;

/** The kernel fills at most 32 KiB of a dump at once (netlink_dump in net/netlink/af_netlink.c). */
const DATAGRAM_BYTES = 65_536;
/** Datagrams between two looks at the event loop: two to three milliseconds of work, most of it the kernel's. */
const DATAGRAMS_A_TURN = 8;

/**
 * The table by ctnetlink dump, the cheapest way. Throws `SourceError` where a small real request is not answered: no
 * koffi, no CAP_NET_ADMIN, or no ctnetlink in the kernel.
 */
export async function openNetlink(load: () => Promise<Libc> = () => loadLibc()): Promise<Source> {
  const libc = await load();
  probe(libc);
  let sequence = 0;
  return {
    name: "netlink",
    blind: BLIND,
    async dump(sink, signal) {
      // A socket of its own for each dump: what an aborted one left unread is gone with its socket.
      const socket = openNetlinkSocket(libc);
      try {
        sequence += 1;
        const buffer = new Uint8Array(DATAGRAM_BYTES);
        const reception = newReception(buffer, sink, { sequence, port: socket.port });
        socket.send(netfilterRequest({ type: CT_GET, flags: NLM_F_DUMP, sequence }));
        await receiveDump(socket, buffer, reception, signal);
        return asDump(reception);
      } finally {
        socket.close();
      }
    },
    close() {},
  };
}

/** Asks for the counts of the table, which needs the same capability and module as the table itself and its events. */
export function probe(libc: Libc): void {
  const socket = openNetlinkSocket(libc);
  try {
    const buffer = new Uint8Array(DATAGRAM_BYTES);
    const answer = newReception(buffer, () => {}, { sequence: 0, port: socket.port });
    socket.send(netfilterRequest({ type: CT_GET_STATS, sequence: 0 }));
    receive(socket, buffer, answer);
  } finally {
    socket.close();
  }
}

async function receiveDump(
  socket: NetlinkSocket,
  buffer: Uint8Array,
  reception: Reception,
  signal: AbortSignal,
): Promise<void> {
  while (!reception.done) {
    for (let i = 0; i < DATAGRAMS_A_TURN && !reception.done; i++) receive(socket, buffer, reception);
    await setImmediate();
    signal.throwIfAborted();
  }
}

/** Receives and reads one datagram, throwing `SourceError` for what the kernel refuses. */
function receive(socket: NetlinkSocket, buffer: Uint8Array, reception: Reception): void {
  const length = socket.receive(buffer);
  if (length < 0) {
    const errno = socket.errno();
    if (errno !== EINTR) throw refused(errno);
    return;
  }
  if (length > buffer.length)
    throw new SourceError(`the kernel sent a datagram of ${length} bytes, of which the end is lost`, AGAIN);
  readDatagram(reception, length);
  if (reception.overrun) throw refused(ENOBUFS);
  if (reception.errno) throw refused(reception.errno);
}

const AGAIN = "the next window reads the table again; if it stays, choose another source";

function refused(errno: number): SourceError {
  switch (errno) {
    case EPERM:
      return new SourceError(
        "the kernel does not let this process read connection tracking (EPERM)",
        "it needs CAP_NET_ADMIN in the host's network namespace: run it as root, or add the capability NET_ADMIN and the host's network to its container",
      );
    case EINVAL:
    case ENOENT:
      return new SourceError(
        "there is no connection tracking over netlink in this kernel (ctnetlink)",
        "load it (modprobe nf_conntrack_netlink), or build the kernel with CONFIG_NF_CT_NETLINK",
      );
    case ENOBUFS:
      return new SourceError("the kernel ran out of room for its answer and lost a part of the table", AGAIN);
    case EAGAIN:
      return new SourceError("the kernel stopped answering in the middle of the table", AGAIN);
    default:
      return new SourceError(`the kernel refused to list the table (errno ${errno})`, AGAIN);
  }
}

const asDump = ({ entries, interrupted, unreadable }: Reception): Dump => ({
  entries,
  interrupted,
  unreadable,
});
