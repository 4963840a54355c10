import { TIME_WAIT_S, type Form, Stream } from "./stream.ts";
import type { Noise } from "./noise.ts";

/** Traffic beside the usual, benign or not, of some Pods in [from, to); what it left lives on as its form says. */
export type ActivitySpec = {
  from: number;
  to: number;
  form: Form;
  /** Mean time a connection is open, in seconds; it ends with `to` at the latest where `ends`. */
  meanS: number;
  lingerS?: number;
  ends?: boolean;
  /** Flows a second, or times the usual rate of the node. */
  perSecond?: number;
  times?: number;
  /** Grows from nothing to that within this time, in ms. */
  rampMs?: number;
  /** Indexes of Pods; all parts alike. */
  pods: readonly number[];
  snat: boolean;
  /** Last bytes of peers outside, and their port. */
  peers: readonly number[];
  port: number;
  /** Idle from when it opened. */
  idle?: boolean;
};

/** Ports of one NAT address towards one peer, by nf_nat_core.c. */
export const PORTS = 64_512;
/** Of how much is in use, the part of new flows that finds no port in the kernel's 248 tries. */
const LOSS: readonly (readonly [number, number])[] = [
  [0.95, 3e-6],
  [0.97, 5e-4],
  [0.98, 0.007],
  [0.99, 0.08],
  [0.995, 0.3],
  [1, 1],
];
/** Tuples met that are taken, of a flow that finds none. */
const FOUND_OF_REFUSED = 85;
/** A refused client sends its SYN again. */
const RETRIES = 2;

export type Refusal = { insertFailed: number; found: number };

/** An activity under way on its node. */
export class Activity {
  readonly spec: ActivitySpec;
  readonly stream: Stream;
  /** Mean of its entries by hour, of the hours since it began. */
  readonly hours: number[] = [];
  private readonly windowS: number;
  private readonly refusal: Refusal = { insertFailed: 0, found: 0 };

  constructor(spec: ActivitySpec, windowS: number) {
    this.spec = spec;
    this.windowS = windowS;
    this.stream = new Stream(
      { form: spec.form, meanS: spec.meanS, lingerS: spec.lingerS ?? TIME_WAIT_S },
      windowS,
    );
  }

  isOver(at: number): boolean {
    return at >= this.spec.to && this.stream.entries === 0;
  }

  /** `usual`: flows a second of the node's short connections. */
  step(from: number, usual: number, noise: Noise): Refusal {
    const { spec, stream, windowS } = this;
    const to = from + windowS * 1_000;
    const span = Math.min(to, spec.to) - Math.max(from, spec.from);
    const perSecond = (spec.perSecond ?? (spec.times ?? 0) * usual) * this.level(from);
    stream.step(span > 0 ? (perSecond * span) / 1_000 : 0, noise);
    if (spec.ends && to >= spec.to) stream.end(1);
    else if (to >= spec.to && stream.held < 8) stream.end(1);
    this.refusal.insertFailed = 0;
    this.refusal.found = 0;
    if (spec.snat) this.pickPorts();
    return this.refusal;
  }

  /** Entries that it comes to while it goes on like this, as times of the usual rate. */
  wants(at: number, usual: number): number {
    const { times = 0, meanS, lingerS = TIME_WAIT_S } = this.spec;
    return times * usual * this.level(at) * (meanS + lingerS);
  }

  private level(at: number): number {
    const { from, rampMs } = this.spec;
    return rampMs === undefined ? 1 : Math.min(1, (at - from) / rampMs + 0.05);
  }

  /** New flows to a peer whose ports are all but used up are refused. */
  private pickPorts(): void {
    const { stream, spec, refusal } = this;
    const used = stream.entries / spec.peers.length / PORTS;
    if (used < 0.5 || stream.opened === 0) return;
    const before = Math.max(0, used - stream.opened / spec.peers.length / PORTS);
    refusal.found = Math.round(stream.opened * Math.min(30, used / Math.max(0.03, 1 - Math.min(used, 1))));
    const over = used > 1 ? (used - 1) / Math.max(1e-9, used - before) : 0;
    const refused = stream.refuse(Math.min(1, Math.max(over, lossAt(Math.min(0.999, used)))));
    refusal.insertFailed = refused * RETRIES;
    refusal.found += refused * RETRIES * FOUND_OF_REFUSED;
  }
}

function lossAt(used: number): number {
  let [at, loss] = [0, 0];
  for (const [next, lost] of LOSS) {
    if (used < next) return loss + ((lost - loss) * (used - at)) / (next - at);
    [at, loss] = [next, lost];
  }
  return 1;
}
