import { endianness } from "node:os";
import koffi from "koffi";

const AF_INET = 2;
const SOCK_DGRAM = 2;
/** Datagrams of one system call. */
const BATCH = 256;
/** Where bursts go: a network for such tests (RFC 2544), that nobody answers from. */
export const BURST_HOST = "198.18.0.0";
export const BURST_PORT = 10_000;
/** Ports used of one address. */
export const PORTS = 50_000;

/** Layout of struct mmsghdr, iovec and sockaddr_in on 64-bit systems. */
const MMSGHDR = 64;
const IOVEC = 16;
const SOCKADDR = 16;
const LITTLE_ENDIAN = endianness() === "LE";

/**
 * Sends one datagram to each of `count` destinations: the ports from `port` on, of the addresses from `host` on. From
 * one socket, so that each is a flow of its own. Gives the milliseconds it took.
 */
export async function burst(host: string, port: number, count: number): Promise<number> {
  const libc = koffi.load(null);
  const sendmmsg = libc.func("int sendmmsg(int, void *, uint32_t, int)");
  const fd = libc.func("int socket(int, int, int)")(AF_INET, SOCK_DGRAM, 0) as number;
  const { headers, addresses } = messages();
  const first = host.split(".").reduce((address, byte) => address * 256 + Number(byte), 0);
  const started = performance.now();
  for (let sent = 0; sent < count;) {
    const size = Math.min(BATCH, count - sent);
    for (let i = 0; i < size; i += 1) {
      addresses.setUint16(i * SOCKADDR + 2, port + ((sent + i) % PORTS));
      addresses.setUint32(i * SOCKADDR + 4, first + Math.floor((sent + i) / PORTS));
    }
    const accepted = sendmmsg(fd, headers, size, 0) as number;
    if (accepted < 0) throw new Error(`sendmmsg: errno ${koffi.errno()}`);
    sent += accepted;
  }
  return performance.now() - started;
}

/** Headers of datagrams of one byte each, and the addresses they point to. */
function messages(): { headers: Uint8Array; addresses: DataView<ArrayBuffer> } {
  const memory = new Uint8Array(new ArrayBuffer(BATCH * (MMSGHDR + SOCKADDR) + IOVEC + 1));
  const base = koffi.address(memory);
  const view = new DataView(memory.buffer);
  const [names, vector] = [BATCH * MMSGHDR, BATCH * (MMSGHDR + SOCKADDR)];
  const pointer = (at: number, to: number) => view.setBigUint64(at, base + BigInt(to), LITTLE_ENDIAN);
  const size = (at: number, bytes: number) => view.setBigUint64(at, BigInt(bytes), LITTLE_ENDIAN);
  pointer(vector, vector + IOVEC);
  size(vector + 8, 1);
  for (let i = 0; i < BATCH; i += 1) {
    const [header, name] = [i * MMSGHDR, names + i * SOCKADDR];
    pointer(header, name);
    size(header + 8, SOCKADDR);
    pointer(header + 16, vector);
    size(header + 24, 1);
    view.setUint16(name, AF_INET, LITTLE_ENDIAN);
  }
  return { headers: memory, addresses: new DataView(memory.buffer, names, BATCH * SOCKADDR) };
}
