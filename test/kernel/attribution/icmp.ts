/** Echo requests with ids of our choice, and what arrives of them: Node has no sockets for that. */
import { writeFileSync } from "node:fs";
import { isIPv6 } from "node:net";
import { endianness } from "node:os";

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_DGRAM = 2;
const SOCK_RAW = 3;
const ICMP = 1;
const ICMPV6 = 58;
const [ECHO, ECHO_V6] = [8, 128];
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
/** A struct timeval of 64-bit systems. */
const RESEND_TIME = new Uint8Array(BigInt64Array.of(0n, 250_000n).buffer);
const HEADER_BYTES = 8;
const MAX_PACKET = 2_048;

/** An echo request as it came. */
export interface Echo {
  protocol: number;
  address: string;
  id: number;
  payload: string;
}

async function libc() {
  const { default: koffi } = await import("koffi");
  const library = koffi.load(null);
  const check = (result: number, what: string) => {
    if (result < 0) throw new Error(`${what}: errno ${koffi.errno()}`);
    return result;
  };
  const socket = library.func("int socket(int, int, int)");
  return {
    open: (type: number, v6: boolean) =>
      check(socket(v6 ? AF_INET6 : AF_INET, type, v6 ? ICMPV6 : ICMP) as number, "socket"),
    bind: library.func("int bind(int, const uint8_t *, uint)"),
    connect: library.func("int connect(int, const uint8_t *, uint)"),
    setsockopt: library.func("int setsockopt(int, int, int, const uint8_t *, uint)"),
    send: library.func("long send(int, const uint8_t *, size_t, int)"),
    recv: library.func("long recv(int, uint8_t *, size_t, int)"),
    recvfrom: library.func("long recvfrom(int, uint8_t *, size_t, int, uint8_t *, uint32_t *)"),
    close: library.func("int close(int)"),
    check,
  };
}

/**
 * Sends one echo request for each id, with a payload, and waits until each is answered; through the kernel's ping sockets, whose
 * port is the id (ICMP(7)).
 */
export async function ping(host: string, ids: readonly number[], payload: string): Promise<void> {
  const { open, bind, connect, setsockopt, send, recv, close, check } = await libc();
  writeFileSync("/proc/sys/net/ipv4/ping_group_range", "0 0");
  const v6 = isIPv6(host);
  const to = socketAddress(host);
  const request = Buffer.concat([
    Buffer.from([v6 ? ECHO_V6 : ECHO, 0, 0, 0, 0, 0, 0, 1]),
    Buffer.from(payload),
  ]);
  for (const id of ids) {
    const fd = open(SOCK_DGRAM, v6);
    check(bind(fd, socketAddress(v6 ? "::" : "0.0.0.0", id), to.length) as number, "bind");
    check(connect(fd, to, to.length) as number, "connect");
    check(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, RESEND_TIME, RESEND_TIME.length) as number, "setsockopt");
    do check(send(fd, request, request.length, 0) as number, "send");
    while ((recv(fd, Buffer.alloc(MAX_PACKET), MAX_PACKET, 0) as number) < 0);
    close(fd);
  }
}

/** Tells of every echo request that arrives in this namespace, for as long as the process runs. The kernel answers them. */
export async function hearEchoes(heard: (echo: Echo) => void): Promise<void> {
  const { open, recvfrom } = await libc();
  for (const v6 of [false, true]) {
    const fd = open(SOCK_RAW, v6);
    const next = () => {
      const packet = Buffer.alloc(MAX_PACKET);
      const from = Buffer.alloc(28);
      recvfrom.async(fd, packet, MAX_PACKET, 0, from, [from.length], (error: unknown, length: number) => {
        if (error) throw error as Error;
        const echo = echoOf(packet.subarray(0, length), from, v6);
        if (echo) heard(echo);
        next();
      });
    };
    next();
  }
}

/** Undefined where it is something else. */
function echoOf(packet: Buffer, from: Buffer, v6: boolean): Echo | undefined {
  // Of IPv4 a raw socket gives the header too.
  const message = v6 ? packet : packet.subarray(4 * (packet.readUInt8(0) & 15));
  if (message.readUInt8(0) !== (v6 ? ECHO_V6 : ECHO)) return undefined;
  return {
    protocol: v6 ? ICMPV6 : ICMP,
    address: v6 ? longV6(from.subarray(8, 24)) : [...packet.subarray(12, 16)].join("."),
    id: message.readUInt16BE(4),
    payload: message.subarray(HEADER_BYTES).toString(),
  };
}

const longV6 = (bytes: Buffer): string => bytes.toString("hex").match(/..../g)!.join(":");

function socketAddress(host: string, port = 0): Buffer {
  const v6 = isIPv6(host);
  const address = Buffer.alloc(v6 ? 28 : 16);
  const family = v6 ? AF_INET6 : AF_INET;
  if (endianness() === "LE") address.writeUInt16LE(family);
  else address.writeUInt16BE(family);
  address.writeUInt16BE(port, 2);
  if (v6) address.write(bytesOfV6(host), 8, "hex");
  else address.set(host.split(".").map(Number), 4);
  return address;
}

function bytesOfV6(host: string): string {
  const [head = "", tail = ""] = host.split("::").map((part) =>
    part
      .split(":")
      .filter(Boolean)
      .map((group) => group.padStart(4, "0"))
      .join(""),
  );
  return head.padEnd(32 - tail.length, "0") + tail;
}
