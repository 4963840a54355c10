import type { Noise } from "./noise.ts";

/** What becomes of a flow. close-wait: its own side never closes it, so the kernel's timeout does. */
export type Form = "tcp" | "udp" | "udp-unreplied" | "syn" | "close-wait";

export type Life = {
  form: Form;
  /** Mean time it is open, of tcp and close-wait, in seconds. */
  meanS: number;
  /** How long the entry stays after its last packet: TIME_WAIT 120, CLOSE after a reset 10, UDP 30, SYN_SENT 120. */
  lingerS: number;
};

/** As nf_conntrack and kube-proxy have them. */
export const TIME_WAIT_S = 120;
export const CLOSE_S = 10;
export const SYN_SENT_S = 120;
export const UDP_S = 30;
export const CLOSE_WAIT_S = 3_600;

const RING = 8;

/** Flows of one kind as a fluid: so many a second open, live and linger. Entries are held + lingering. */
export class Stream {
  readonly form: Form;
  /** ESTABLISHED, or CLOSE_WAIT. */
  held = 0;
  /** TIME_WAIT and CLOSE, SYN_SENT, or UDP. */
  lingering = 0;
  /** In the window that was stepped last. */
  opened = 0;
  closed = 0;
  private readonly keep: number;
  private readonly survive: number;
  private readonly weights: Float64Array;
  /** What began to linger, the latest window first. */
  private readonly ring = new Float64Array(RING);
  private readonly holds: boolean;

  constructor({ form, meanS, lingerS }: Life, windowS: number) {
    this.form = form;
    this.holds = form === "tcp" || form === "close-wait";
    this.keep = Math.exp(-windowS / meanS);
    this.survive = this.holds ? (meanS / windowS) * (1 - this.keep) : 0;
    const windows = Math.ceil(lingerS / windowS);
    if (windows > RING - 1) throw new RangeError(`windows of ${windowS} s are too short`);
    this.weights = Float64Array.from({ length: windows }, (_, at) => Math.min(1, lingerS / windowS - at));
  }

  get entries(): number {
    return this.held + this.lingering;
  }

  /** One window in which `mean` flows are expected to open. */
  step(mean: number, noise: Noise): void {
    const opened = noise.count(mean);
    const { ring, weights } = this;
    const fellOut = ring[weights.length - 1]!;
    for (let at = weights.length; at > 0; at -= 1) ring[at] = ring[at - 1]!;
    let ended = opened;
    if (this.holds) {
      const held = Math.round(this.held * this.keep + opened * this.survive);
      ended = this.held + opened - held;
      this.held = held;
    }
    ring[0] = ended;
    this.opened = opened;
    // An entry is destroyed when it stops to linger, and only that does conntrack report.
    this.closed = weights.length === 0 ? ended : fellOut;
    this.settle();
  }

  /** The table had no room for this share of what opened; says how many that were. */
  refuse(share: number): number {
    const refused = Math.round(this.opened * share);
    const ofHeld = Math.min(this.held, Math.round(refused * this.survive));
    this.held -= ofHeld;
    this.ring[0] = Math.max(0, this.ring[0]! - (refused - ofHeld));
    this.opened -= refused;
    this.settle();
    return refused;
  }

  /** Ends this share of all that is held at once, as when clients go away. */
  end(share: number): number {
    const ended = Math.round(this.held * share);
    this.held -= ended;
    this.ring[0]! += ended;
    this.settle();
    return ended;
  }

  /** As if it had gone on like this for long. */
  settleAt(perWindow: number, windowS: number, meanS: number): void {
    if (this.holds) this.held = Math.round((perWindow * meanS) / windowS);
    this.ring.fill(Math.round(perWindow));
    this.settle();
  }

  clear(): void {
    this.held = 0;
    this.ring.fill(0);
    this.settle();
  }

  private settle(): void {
    let sum = 0;
    for (let at = 0; at < this.weights.length; at += 1) sum += this.ring[at]! * this.weights[at]!;
    this.lingering = Math.round(sum);
  }
}
