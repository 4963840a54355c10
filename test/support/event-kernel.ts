import type { BatchLibc } from "../../agent/sources/libc.ts";
import { control } from "./ctnetlink-messages.ts";

/** Layout of struct mmsghdr and struct iovec on 64-bit systems. */
const MMSGHDR = 64;
const EAGAIN = 11;
const CT_GET_STATS = 0x105;
/** Distance of the addresses that stand for memory handed to it. */
const SEGMENT = 2 ** 32;

/** What the kernel has for the socket: a datagram, or an error number. */
export type Queued = number[] | number;

/** A C library whose kernel multicasts what is queued here; `errors` fails calls by name. */
export class EventKernel implements BatchLibc {
  readonly errors: Record<string, number> = {};
  readonly groups: number[] = [];
  /** Datagrams each receive gave, or its error number, negative. */
  readonly received: number[] = [];
  opened = 0;
  /** False while the kernel drops the acknowledgements asked for, as it does when the queue was full. */
  acknowledging = true;
  drops = 0;
  private readonly queue: Queued[] = [];
  private readonly memory: Uint8Array[] = [];
  private waiting: (() => void) | undefined;
  private probed = false;
  private failed = 0;

  push(...queued: Queued[]): void {
    this.queue.push(...queued);
    this.waiting?.();
    this.waiting = undefined;
  }

  /** Whether a receive waits for something to come. */
  get idle(): boolean {
    return this.waiting !== undefined;
  }

  private call(name: string, result = 0): number {
    this.failed = this.errors[name] ?? 0;
    return this.failed ? -1 : result;
  }

  socket(): number {
    if (this.call("socket") < 0) return -1;
    this.opened += 1;
    return this.opened;
  }
  bind = () => this.call("bind");
  getsockname = () => this.call("getsockname");
  errno = () => this.failed;
  close(): number {
    this.opened -= 1;
    return 0;
  }

  setsockopt({ level, value }: { level: number; value: Uint8Array }): number {
    const SOL_NETLINK = 270;
    if (level !== SOL_NETLINK) return this.call("setsockopt");
    this.groups.push(new DataView(value.buffer).getInt32(0, true));
    return this.call("membership");
  }

  getsockopt({ value }: { value: Uint8Array }): number {
    new Uint32Array(value.buffer)[8] = this.drops;
    return 0;
  }

  send(_fd: number, bytes: Uint8Array): number {
    const type = new Uint16Array(bytes.buffer)[2];
    const sequence = new Uint32Array(bytes.buffer)[2];
    if (type === CT_GET_STATS) this.probed = true;
    else if (this.acknowledging) this.push(control(2, 0, sequence === undefined ? {} : { sequence }));
    return bytes.length;
  }

  recv(_fd: number, buffer: Uint8Array): number {
    if (!this.probed) return this.call("recv", -1);
    const answer = control(2, -(this.errors["probe"] ?? 0), { sequence: 0, port: 0 });
    buffer.set(answer);
    return answer.length;
  }

  address(bytes: Uint8Array): bigint {
    return BigInt(this.memory.push(bytes) * SEGMENT);
  }

  async recvmmsg(_fd: number, headers: Uint8Array, count: number): Promise<number> {
    if (this.queue.length === 0) await new Promise<void>((come) => (this.waiting = come));
    const result =
      typeof this.queue[0] === "number" ? -Number(this.queue.shift()) : this.fill(headers, count);
    this.received.push(result);
    return result;
  }

  private fill(headers: Uint8Array, count: number): number {
    let filled = 0;
    for (; filled < count && typeof this.queue[0] === "object"; filled += 1)
      this.deliver(
        headers.subarray(filled * MMSGHDR, (filled + 1) * MMSGHDR),
        this.queue.shift() as number[],
      );
    return filled || -EAGAIN;
  }

  /** As recvmsg does: what does not fit is cut off, and said in the flags. */
  private deliver(header: Uint8Array, datagram: number[]): void {
    const view = new DataView(header.buffer, header.byteOffset, header.length);
    const vector = this.at(view.getBigUint64(16, true));
    const [base, size] = [vector.getBigUint64(0, true), Number(vector.getBigUint64(8, true))];
    const place = this.at(base);
    new Uint8Array(place.buffer, place.byteOffset).set(datagram.slice(0, size));
    view.setUint32(48, datagram.length > size ? 0x20 : 0, true);
    view.setUint32(56, Math.min(datagram.length, size), true);
  }

  private at(address: bigint): DataView {
    const bytes = this.memory[Math.floor(Number(address) / SEGMENT) - 1]!;
    return new DataView(bytes.buffer, bytes.byteOffset + (Number(address) % SEGMENT));
  }
}
