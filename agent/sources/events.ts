import { newReception, readDatagram, type Reception } from "../conntrack/datagram.ts";
import type { Sink } from "../conntrack/entry.ts";
import { addUnreadable, messageText, noneUnreadable, type Unreadable } from "../conntrack/unreadable.ts";
import { type Batch, DATAGRAM_BYTES, DATAGRAMS, newBatch } from "./batch.ts";
import { type EventSocket, GROUP_DESTROY, GROUP_NEW, GROUP_UPDATE, openEventSocket } from "./event-socket.ts";
import { type BatchLibc, EAGAIN, EINTR, ENOBUFS, loadLibc } from "./libc.ts";
import { probe } from "./netlink.ts";
import { SourceError } from "./source.ts";

/** The kernel doubles it and charges some 1,280 bytes an event: 52,000 events, a fifth of a second of the worst burst. */
const RECEIVE_BYTES = 32 << 20;
/** A smaller batch shows that events come slowly: it pays to let some gather. */
const BUSY_DATAGRAMS = 64;
/**
 * Twenty wake-ups a second instead of one an event: at 1,000 events a second 40 % less CPU than with pauses of 20 ms. At
 * 250,000 a second, the most a kernel was seen to send, 12,500 of the 52,000 events gather meanwhile.
 */
const PAUSE_MS = 50;
/** Emptying the largest queue takes a quarter of a second. */
const DRAIN_LIMIT_MS = 2_000;

/** The kernel's own account of flows that begin and end. */
export interface Events {
  /**
   * Hands every event to the sink, calling `onLoss` each time the kernel says that it had no room for some (ENOBUFS).
   * Resolves once `signal` is aborted and what had been received by then has gone to the sink. Throws `SourceError` when
   * the kernel ends the stream, and what the sink or `onLoss` threw: what had been received and not handed over is lost then. One at a time.
   */
  run(sink: Sink, onLoss: () => void, signal: AbortSignal): Promise<void>;
  /** How often the kernel ran out of room, in all. */
  readonly overruns: number;
  /** How many events the kernel had no room for, in all; modulo 2^32. */
  readonly lost: number;
  readonly unreadable: Unreadable;
  /**
   * Resolves to true when all that the kernel had queued at the time of the call has gone to the sink, and to false when
   * that took longer than two seconds or nobody runs the stream.
   */
  drained(): Promise<boolean>;
  /** Ends `run` too. */
  close(): void;
}

export interface EventsOptions {
  /** Changes of state too, ten times as many events; NEW and DESTROY are always sent. */
  updates?: boolean;
  /** Size asked for the socket's receive buffer. */
  receiveBytes?: number;
  load?: () => Promise<BatchLibc>;
}

/**
 * Joins the multicast groups of connection tracking: from now on the kernel queues events. Throws `SourceError` where it
 * does not: no koffi, no CAP_NET_ADMIN, or no ctnetlink in the kernel.
 *
 * Without NETLINK_BROADCAST_ERROR: it would make the kernel keep ended flows in the table until they are delivered, so
 * that an agent that hangs fills it.
 */
export async function openEvents({
  updates = false,
  receiveBytes = RECEIVE_BYTES,
  load = () => loadLibc(),
}: EventsOptions = {}): Promise<Events> {
  const libc = await load();
  probe(libc);
  const groups = [GROUP_NEW, GROUP_DESTROY, ...(updates ? [GROUP_UPDATE] : [])];
  const address = (bytes: Uint8Array) => libc.address(bytes);
  const batches = [newBatch(address), newBatch(address)] as const;
  return new EventStream(openEventSocket(libc, groups, receiveBytes), batches);
}

/** A batch and what reads it. */
interface Half {
  readonly batch: Batch;
  readonly reception: Reception;
}

/** Two batches: while one is read here, the next is received on another thread. */
class EventStream implements Events {
  overruns = 0;
  readonly unreadable = noneUnreadable();
  readonly #socket: EventSocket;
  readonly #batches: readonly [Batch, Batch];
  /** Callers of `drained`, by the request whose acknowledgement each waits for. */
  readonly #waiting = new Map<number, (drained: boolean) => void>();
  #sequence = 0;
  #lost = 0;
  /** The kernel drops whatever it would queue, from an overrun until the queue is empty. */
  #congested = false;
  #running = false;
  #stopping = false;
  #closed = false;
  #endPause = () => {};

  constructor(socket: EventSocket, batches: readonly [Batch, Batch]) {
    this.#socket = socket;
    this.#batches = batches;
  }

  get lost(): number {
    if (!this.#closed) this.#lost = this.#socket.lost();
    return this.#lost;
  }

  async run(sink: Sink, onLoss: () => void, signal: AbortSignal): Promise<void> {
    if (this.#running || this.#closed) throw new Error("events run once at a time, and not after their end");
    const stop = () => this.#stop();
    signal.addEventListener("abort", stop);
    this.#running = true;
    this.#stopping = signal.aborted;
    try {
      await this.#receiveAll(sink, onLoss);
    } finally {
      signal.removeEventListener("abort", stop);
      this.#running = false;
      for (const settle of this.#waiting.values()) settle(false);
      if (this.#closed) this.#socket.close();
    }
  }

  async #receiveAll(sink: Sink, onLoss: () => void): Promise<void> {
    const { unreadable } = this;
    const half = (batch: Batch): Half => ({
      batch,
      reception: Object.assign(newReception(batch.bytes, sink), { unreadable }),
    });
    let [arriving, idle] = [half(this.#batches[0]), half(this.#batches[1])];
    let receiving = this.#receive(arriving);
    try {
      while (receiving) {
        const count = await receiving;
        [arriving, idle] = [idle, arriving];
        receiving = count >= BUSY_DATAGRAMS ? this.#receive(arriving) : undefined;
        if (this.#take(count, idle)) onLoss();
        if (receiving) continue;
        if (count > 0) await this.#pause();
        receiving = this.#receive(arriving);
      }
    } finally {
      // Its memory is the kernel's until it ends.
      await Promise.allSettled([receiving]);
    }
  }

  #receive({ batch }: Half): Promise<number> | undefined {
    return this.#stopping ? undefined : this.#socket.receive(batch);
  }

  /** Reads what a receive gave; true where the kernel says that events are missing. */
  #take(count: number, half: Half): boolean {
    if (count < 0 && ![-EINTR, -EAGAIN, -ENOBUFS].includes(count)) throw ended(-count);
    for (let i = 0; i < count; i += 1) this.#readEvent(half, i);
    const { reception } = half;
    const overrun = count === -ENOBUFS || reception.overrun;
    if (overrun) {
      this.overruns += 1;
      this.#congested = true;
      reception.overrun = false;
    } else if (count < DATAGRAMS && count !== -EINTR) this.#emptied();
    for (const [sequence, settle] of this.#waiting) if (sequence <= reception.acknowledged) settle(true);
    return overrun;
  }

  #readEvent({ batch, reception }: Half, i: number): void {
    const start = i * DATAGRAM_BYTES;
    const length = batch.length(i);
    if (length >= 0) readDatagram(reception, length, start);
    else addUnreadable(this.unreadable, () => messageText(reception.view, start, start + DATAGRAM_BYTES));
  }

  /** What was asked while the kernel dropped everything has to be asked again. */
  #emptied(): void {
    if (this.#congested && this.#waiting.size > 0) this.#socket.ask(this.#sequence);
    this.#congested = false;
  }

  #pause(): Promise<void> | undefined {
    if (this.#stopping || this.#waiting.size > 0) return undefined;
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, PAUSE_MS);
      this.#endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  drained(): Promise<boolean> {
    if (!this.#running) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.#sequence += 1;
      const sequence = this.#sequence;
      const settle = (drained: boolean) => {
        clearTimeout(timer);
        this.#waiting.delete(sequence);
        resolve(drained);
      };
      const timer = setTimeout(settle, DRAIN_LIMIT_MS, false);
      this.#waiting.set(sequence, settle);
      this.#socket.ask(sequence);
      this.#endPause();
    });
  }

  #stop(): void {
    this.#stopping = true;
    this.#sequence += 1;
    this.#socket.ask(this.#sequence);
    this.#endPause();
  }

  close(): void {
    if (this.#closed) return;
    this.#lost = this.lost;
    this.#closed = true;
    if (this.#running) this.#stop();
    else this.#socket.close();
  }
}

const ended = (errno: number): SourceError =>
  new SourceError(
    `the kernel ended the stream of events (errno ${errno})`,
    "open it again; if it stays, turn events off in the agent",
  );
