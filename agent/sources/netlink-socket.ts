import { LITTLE_ENDIAN } from "../conntrack/netlink-attribute.ts";
import { EACCES, EAFNOSUPPORT, EINTR, EPERM, EPROTONOSUPPORT, type Libc, nativeWords } from "./libc.ts";
import { SourceError } from "./source.ts";

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const NETLINK_NETFILTER = 12;
/** Size of struct sockaddr_nl, and the place of its port. */
const SOCKADDR_NL = 12;
const NL_PID = 4;
export const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_RCVTIMEO = 20;
const SO_RCVBUFFORCE = 33;
const MSG_TRUNC = 0x20;

/** The kernel fills a dump's answer while it is read: one that stays away this long is not coming. */
const RECEIVE_TIMEOUT_MS = 5_000;
/** Room for the answers the kernel prepares ahead; it charges more for a message than its size. */
const RECEIVE_BUFFER_BYTES = 1 << 20;

export interface NetlinkSocketOptions {
  /** How long `receive` waits for a datagram before it gives EAGAIN. */
  timeoutMs?: number;
  /** Room for what the kernel has ready; it doubles the number, for what it needs itself. */
  receiveBytes?: number;
}

/** A socket of NETLINK_NETFILTER that never waits for ever. */
export interface NetlinkSocket {
  readonly fd: number;
  /** Ours among the sockets of the namespace; answers carry it. */
  readonly port: number;
  /** Sends one request; throws `SourceError`. */
  send(request: Uint8Array): void;
  /** Fills the buffer with one datagram and gives its whole length, even where the buffer was too small; -1 for an error. */
  receive(buffer: Uint8Array): number;
  /** Error number of the last `receive` that gave -1. */
  errno(): number;
  close(): void;
}

/** Throws `SourceError` where this kernel, or whoever confines this process, has no such sockets for it. */
export function openNetlinkSocket(
  libc: Libc,
  { timeoutMs = RECEIVE_TIMEOUT_MS, receiveBytes = RECEIVE_BUFFER_BYTES }: NetlinkSocketOptions = {},
): NetlinkSocket {
  const fd = libc.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
  if (fd < 0) throw noSocket(libc.errno());
  let open = true;
  const close = () => {
    if (open) libc.close(fd);
    open = false;
  };
  const fail = (what: string): never => {
    const errno = libc.errno();
    close();
    throw new SourceError(`cannot ${what} a netlink socket (errno ${errno})`, "let the agent read procfs");
  };

  const address = new Uint8Array(SOCKADDR_NL);
  const view = new DataView(address.buffer);
  view.setUint16(0, AF_NETLINK, LITTLE_ENDIAN);
  if (libc.bind(fd, address, SOCKADDR_NL) < 0) fail("bind");
  if (libc.getsockname(fd, address, Int32Array.of(SOCKADDR_NL)) < 0) fail("name");
  const option = (name: number, value: Uint8Array) =>
    libc.setsockopt({ fd, level: SOL_SOCKET, name, value }) >= 0;
  if (!option(SO_RCVTIMEO, timeout(timeoutMs))) fail("limit the waiting of");
  const size = nativeWords(receiveBytes);
  // Without CAP_NET_ADMIN only the smaller, bounded by net.core.rmem_max, is allowed; either way the dump waits for us.
  if (!option(SO_RCVBUFFORCE, size)) option(SO_RCVBUF, size);

  return {
    fd,
    port: view.getUint32(NL_PID, LITTLE_ENDIAN),
    send(request) {
      let sent: number;
      do sent = libc.send(fd, request, request.length, 0);
      while (sent < 0 && libc.errno() === EINTR);
      if (sent !== request.length) fail("send on");
    },
    receive: (buffer) => libc.recv(fd, buffer, buffer.length, MSG_TRUNC),
    errno: () => libc.errno(),
    close,
  };
}

/** struct timeval of 64-bit systems: seconds and microseconds, eight bytes each. */
const timeout = (ms: number): Uint8Array =>
  new Uint8Array(BigInt64Array.of(BigInt(Math.floor(ms / 1_000)), BigInt((ms % 1_000) * 1_000)).buffer);

function noSocket(errno: number): SourceError {
  if (errno === EPROTONOSUPPORT)
    return new SourceError(
      "this kernel has no netlink for netfilter (nfnetlink)",
      "load it (modprobe nf_conntrack_netlink), or build the kernel with CONFIG_NF_CT_NETLINK",
    );
  if (errno === EPERM || errno === EACCES || errno === EAFNOSUPPORT)
    return new SourceError(
      "this process may not open netlink sockets",
      "allow AF_NETLINK sockets in its seccomp or security profile (systemd: RestrictAddressFamilies)",
    );
  return new SourceError(`cannot open a netlink socket (errno ${errno})`, "let the agent read procfs");
}
