/**
 * Traffic for kernel tests, run by Node inside a namespace. It says `ready` once its sockets are as asked, and holds them
 * until it is killed or its stdin closes.
 *
 *   traffic.ts serve PORT                     TCP and UDP echo, IPv4 and IPv6
 *   traffic.ts swallow PORT                   UDP that never answers, IPv4 and IPv6
 *   traffic.ts tcp HOST PORT COUNT            COUNT connections, each echoed one byte, then held
 *   traffic.ts syn HOST PORT COUNT            COUNT connections tried, not waiting for answers
 *   traffic.ts close HOST PORT COUNT          COUNT connections, each echoed one byte, then closed on both sides
 *   traffic.ts half-close HOST PORT COUNT     COUNT connections that are closed on the far side only (serve `hangup`)
 *   traffic.ts hangup PORT                    TCP that closes its side of what it accepts, IPv4 and IPv6
 *   traffic.ts udp HOST PORT COUNT            COUNT datagrams from distinct ports, each answered
 *   traffic.ts udp-silent HOST PORT COUNT     the same, not waiting for answers
 *   traffic.ts ping HOST 0 COUNT              COUNT echo requests with distinct ids, each answered
 *   traffic.ts raw HOST PROTOCOL COUNT        COUNT packets of that IP protocol, not waiting for answers
 *   traffic.ts burst HOST PORT COUNT          COUNT datagrams to as many destinations from HOST:PORT on, as fast as one
 *                                             core can; says after `ready burst` how many milliseconds that took
 *
 * tcp, udp, udp-silent and ping take one more argument: the first of COUNT source ports (ids of ping) in a row, which the
 * kernel chooses otherwise.
 */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect, createServer, isIPv6, type Socket } from "node:net";
import { endianness } from "node:os";
import { burst } from "./burst.ts";

type Act = (host: string, port: number, count: number, first?: number) => Promise<unknown>;
/** Where traffic goes, and from which port; the kernel chooses one where none is given. */
type Route = [host: string, port: number, from?: number | undefined];

/** @param make told the source port, of those from `first` on */
const times = <T>(count: number, make: (from?: number) => T, first?: number): T[] =>
  Array.from({ length: count }, (_, i) => make(first === undefined ? undefined : first + i));

/** One after the other: a hundred at once are more than the buffer of the far side takes. */
async function inTurn(
  count: number,
  make: (from?: number) => Promise<unknown>,
  first?: number,
): Promise<void> {
  for (let i = 0; i < count; i += 1) await make(first === undefined ? undefined : first + i);
}

async function listenUdp(port: number, answer: boolean): Promise<void> {
  const socket = createSocket("udp6");
  if (answer) socket.on("message", (message, from) => socket.send(message, from.port, from.address));
  await new Promise<void>((bound) => socket.bind(port, "::", bound));
}

async function serve(port: number): Promise<void> {
  const server = createServer((socket) => socket.on("error", () => {}).pipe(socket));
  await Promise.all([
    once(server.listen({ port, host: "::", backlog: 4096 }), "listening"),
    listenUdp(port, true),
  ]);
}

/** Accepts connections, ends its own side of each, and never the other's. */
async function hangUp(port: number): Promise<void> {
  const server = createServer({ allowHalfOpen: true }, (socket) => socket.on("error", () => {}).end());
  await once(server.listen({ port, host: "::" }), "listening");
}

async function holdConnection(host: string, port: number, from?: number): Promise<Socket> {
  const socket = connect({ host, port, ...(from !== undefined && { localPort: from }) });
  socket.write("x");
  await once(socket, "data");
  return socket;
}

async function closeConnection(host: string, port: number): Promise<void> {
  const socket = await holdConnection(host, port);
  await once(socket.end(), "close");
}

/** The far side has ended; ours stays open. */
async function halfClosedConnection(host: string, port: number): Promise<void> {
  await once(connect({ host, port, allowHalfOpen: true }).resume(), "end");
}

/** The kernel has sent its SYN when `connect` returns; the answer may never come. */
async function tryConnection(host: string, port: number): Promise<void> {
  await once(
    connect({ host, port }).on("error", () => {}),
    "connectionAttempt",
  );
}

/** A machine under load loses packets between namespaces: what is not answered by then is sent again, as TCP would. */
const RESEND_MS = 250;

async function sendDatagram([host, port, from]: Route, answered: boolean): Promise<void> {
  const socket = createSocket({ type: isIPv6(host) ? "udp6" : "udp4", ipv6Only: isIPv6(host) });
  if (from !== undefined) await new Promise<void>((bound) => socket.bind(from, bound));
  const send = () =>
    new Promise<void>((sent, failed) =>
      socket.send("x", port, host, (error) => (error ? failed(error) : sent())),
    );
  const answer = answered && once(socket, "message");
  await send();
  if (!answer) return;
  const again = setInterval(() => void send(), RESEND_MS);
  await answer;
  clearInterval(again);
}

/** Echo requests through the kernel's ping sockets, whose port is the id and which answer for the checksum (ICMP(7)). */
async function ping(host: string, count: number, first?: number): Promise<void> {
  const ICMP = 1;
  const ICMPV6 = 58;
  writeFileSync("/proc/sys/net/ipv4/ping_group_range", "0 0");
  const request = Buffer.from([isIPv6(host) ? 128 : 8, 0, 0, 0, 0, 0, 0, 1]);
  const protocol = isIPv6(host) ? ICMPV6 : ICMP;
  await packets(host, { type: SOCK_DGRAM, protocol, payload: request, count, answered: true, first });
}

const raw = (host: string, protocol: number, count: number): Promise<void> =>
  packets(host, { type: SOCK_RAW, protocol, payload: Buffer.alloc(16), count, answered: false });

const SOCK_DGRAM = 2;
const SOCK_RAW = 3;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
/** A struct timeval of 64-bit systems. */
const RESEND_TIME = new Uint8Array(BigInt64Array.of(0n, BigInt(RESEND_MS * 1000)).buffer);
const AF_INET = 2;
const AF_INET6 = 10;

interface Packets {
  type: number;
  protocol: number;
  payload: Buffer;
  count: number;
  answered: boolean;
  first?: number | undefined;
}

/** Node has neither ping nor raw sockets of its own. */
async function packets(
  host: string,
  { type, protocol, payload, count, answered, first }: Packets,
): Promise<void> {
  const { default: koffi } = await import("koffi");
  const libc = koffi.load(null);
  const socket = libc.func("int socket(int, int, int)");
  const bind = libc.func("int bind(int, const uint8_t *, uint)");
  const connect = libc.func("int connect(int, const uint8_t *, uint)");
  const send = libc.func("long send(int, const uint8_t *, size_t, int)");
  const setsockopt = libc.func("int setsockopt(int, int, int, const uint8_t *, uint)");
  const recv = libc.func("long recv(int, uint8_t *, size_t, int)");
  const check = (result: number, what: string) => {
    if (result < 0) throw new Error(`${what}: errno ${koffi.errno()}`);
    return result;
  };
  const address = socketAddress(host);
  const any = isIPv6(host) ? "::" : "0.0.0.0";
  for (let i = 0; i < count; i++) {
    const fd = check(socket(isIPv6(host) ? AF_INET6 : AF_INET, type, protocol), "socket");
    if (first !== undefined) check(bind(fd, socketAddress(any, first + i), address.length), "bind");
    check(connect(fd, address, address.length), "connect");
    check(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, RESEND_TIME, RESEND_TIME.length), "setsockopt");
    const done = () => !answered || recv(fd, Buffer.alloc(2048), 2048, 0) >= 0;
    do check(send(fd, payload, payload.length, 0), "send");
    while (!done());
  }
}

function socketAddress(host: string, port = 0): Buffer {
  const address = Buffer.alloc(isIPv6(host) ? 28 : 16);
  const family = isIPv6(host) ? AF_INET6 : AF_INET;
  if (endianness() === "LE") address.writeUInt16LE(family);
  else address.writeUInt16BE(family);
  address.writeUInt16BE(port, 2);
  if (isIPv6(host)) address.write(hexOf(host), 8, "hex");
  else address.set(host.split(".").map(Number), 4);
  return address;
}

function hexOf(ipv6: string): string {
  const [head = "", tail = ""] = ipv6.split("::");
  const groups = (text: string) =>
    text
      .split(":")
      .filter(Boolean)
      .map((group) => group.padStart(4, "0"))
      .join("");
  return groups(head).padEnd(32 - groups(tail).length, "0") + groups(tail);
}

const acts: Record<string, Act> = {
  serve: (port) => serve(Number(port)),
  swallow: (port) => listenUdp(Number(port), false),
  tcp: (host, port, count, first) =>
    Promise.all(times(count, (from) => holdConnection(host, port, from), first)),
  syn: (host, port, count) => Promise.all(times(count, () => tryConnection(host, port))),
  close: (host, port, count) => Promise.all(times(count, () => closeConnection(host, port))),
  "half-close": (host, port, count) => Promise.all(times(count, () => halfClosedConnection(host, port))),
  hangup: (port) => hangUp(Number(port)),
  udp: (host, port, count, first) => inTurn(count, (from) => sendDatagram([host, port, from], true), first),
  "udp-silent": (host, port, count, first) =>
    inTurn(count, (from) => sendDatagram([host, port, from], false), first),
  ping: (host, _, count, first) => ping(host, count, first),
  raw,
  burst,
};

const [act = "", host = "", port, count = "1", first] = process.argv.slice(2);
const perform = acts[act];
if (!perform) throw new Error(`no such traffic: ${act}`);
process.stdin.resume().once("close", () => process.exit());
const result = await perform(
  host,
  Number(port),
  Number(count),
  first === undefined ? undefined : Number(first),
);
console.log(`ready ${act} ${typeof result === "number" ? result : ""}`.trimEnd());
