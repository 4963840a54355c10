import { type Batch, DATAGRAMS } from "./batch.ts";
import { type BatchLibc, EPERM, nativeWords } from "./libc.ts";
import { netlinkRequest, NLM_F_ACK } from "./netlink-request.ts";
import { openNetlinkSocket, SOL_SOCKET } from "./netlink-socket.ts";
import { SourceError } from "./source.ts";

const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
/** enum nfnetlink_groups (include/uapi/linux/netfilter/nfnetlink_compat.h). */
export const GROUP_NEW = 1;
export const GROUP_UPDATE = 2;
export const GROUP_DESTROY = 3;

/** Wait for the first datagram only, then take what is there (recvmmsg(2)). */
const MSG_WAITFORONE = 0x10000;
/** SO_MEMINFO gives SK_MEMINFO_VARS words, of which this is the count of lost messages (include/uapi/linux/sock_diag.h). */
const SO_MEMINFO = 55;
const SK_MEMINFO_VARS = 9;
const SK_MEMINFO_DROPS = 8;

const NLMSG_NOOP = 1;

/** How long a receive waits while nothing happens; an abort does not wait for it. */
const TIMEOUT_MS = 500;

/** A netlink socket that the kernel sends the events of connection tracking to. */
export interface EventSocket {
  /** Fills a batch and gives the number of its datagrams, or an error number, negative. One at a time. */
  receive(batch: Batch): Promise<number>;
  /**
   * Asks for an acknowledgement, which the kernel queues behind all that waits here now, and which wakes a receive that
   * waits. Without effect where the kernel has no memory for it or the queue is full.
   */
  ask(sequence: number): void;
  /** Messages the kernel could not queue here since the socket was opened. */
  lost(): number;
  close(): void;
}

/** Throws `SourceError` where the kernel does not let this process join one of the groups. */
export function openEventSocket(
  libc: BatchLibc,
  groups: readonly number[],
  receiveBytes: number,
): EventSocket {
  const socket = openNetlinkSocket(libc, { receiveBytes, timeoutMs: TIMEOUT_MS });
  const { fd } = socket;
  for (const group of groups) {
    const value = nativeWords(group);
    if (libc.setsockopt({ fd, level: SOL_NETLINK, name: NETLINK_ADD_MEMBERSHIP, value }) >= 0) continue;
    const errno = libc.errno();
    socket.close();
    throw notAllowed(errno);
  }
  return {
    receive: (batch) => libc.recvmmsg(fd, batch.headers, DATAGRAMS, MSG_WAITFORONE),
    ask(sequence) {
      // The kernel acknowledges what it need not understand (netlink_rcv_skb in net/netlink/af_netlink.c).
      const request = netlinkRequest({ type: NLMSG_NOOP, flags: NLM_F_ACK, sequence });
      libc.send(fd, request, request.length, 0);
    },
    lost() {
      const words = new Uint32Array(SK_MEMINFO_VARS);
      const value = new Uint8Array(words.buffer);
      libc.getsockopt({ fd, level: SOL_SOCKET, name: SO_MEMINFO, value });
      return words[SK_MEMINFO_DROPS] ?? 0;
    },
    close: () => socket.close(),
  };
}

const notAllowed = (errno: number): SourceError =>
  errno === EPERM
    ? new SourceError(
        "the kernel does not let this process listen to the events of connection tracking (EPERM)",
        "it needs CAP_NET_ADMIN in the host's network namespace: run it as root, or add the capability NET_ADMIN and the host's network to its container",
      )
    : new SourceError(
        `the kernel refused to send the events of connection tracking (errno ${errno})`,
        "load their module (modprobe nf_conntrack_netlink), or turn events off in the agent",
      );
