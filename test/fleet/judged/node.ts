import type { NodeWindow, Party } from "../../../db/look.ts";
import { seedOf } from "../random.ts";
import { Activity, type ActivitySpec, PORTS } from "./activity.ts";
import { Memory } from "./memory.ts";
import { Noise } from "./noise.ts";
import { Cue, type Script } from "./script.ts";
import { Stream } from "./stream.ts";
import { CLASSES, lifeOf, SNAT_SHARE, TABLE_MAX, type Traits } from "./traits.ts";

const DAY_MINUTES = 1_440;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** 1 January 1970 was a Thursday: two days on, the first Saturday begins. */
const FIRST_SATURDAY = 2 * DAY_MS;
/** Least at four in the morning, most at four in the afternoon. */
const DAY = Float64Array.from(
  { length: DAY_MINUTES },
  (_, at) => 0.5 - 0.5 * Math.cos((2 * Math.PI * (at / 60 - 4)) / 24),
);
/** Of what is benign, none fills a table beyond this for long: a table above 80 % for five minutes is trouble, whatever fills it. */
const BENIGN_FILL = 0.78;
/** Some does for a moment. */
const BRIEF_FILL = 0.82;
const BRIEF_MS = 3 * 60_000;
/** And none stays as full as this. */
const STEADY_FILL = 0.7;
/** Classes that follow the load wholly; the rest is of connections that stay. */
const SHORT = [true, true, false, true, true, true, false] as const;
/** The kernel writes ten such lines in five seconds at most. */
const LINES_PER_S = 2;
const RETRIES = 1.5;

type Totals = Pick<
  NodeWindow,
  "entries" | "unreplied" | "synSent" | "synRecv" | "established" | "closeWait" | "timeWait" | "udp" | "snat"
> & { takenAt: number };

/** One node as a fluid: what its window would have told. */
export class SimNode {
  readonly traits: Traits;
  readonly name: string;
  readonly nodeId: number;
  readonly memory = new Memory();
  readonly streams: Stream[];
  readonly script: Script;
  active: Activity[] = [];
  entries = 0;
  /** Means of the hours of entries beside those of activities, the latest last. */
  readonly baseHours: { hour: number; mean: number; windows: number }[] = [];
  latest: NodeWindow | undefined;
  /** When each workload's Pods were replaced last, and how often. */
  readonly generations = new Map<number, { at: number; number: number }>();
  /** What was asked for before: owners by Pod and generation, medians by Pod. */
  readonly parties = new Map<number, Party>();
  readonly medians = new Map<number, { hour: number; since: number; value: number | undefined }>();
  private readonly windowS: number;
  private readonly noise: Noise;
  private readonly lifts: Cue<Script["lifts"][number]>;
  private readonly invalidCue: Cue<Script["invalid"][number]>;
  private readonly silenceCue: Cue<Script["silences"][number]>;
  private readonly blindCue: Cue<Script["blind"][number]>;
  private readonly comingUp: ActivitySpec[];
  private nextActivity = 0;
  private nextDeploy = 0;
  private nextShift = 0;
  private level = 1;
  private wave = 0;
  private rebooting = false;
  private windows = 0;
  private dump: Totals | undefined;
  private refused = { drop: 0, insertFailed: 0, earlyDrop: 0, found: 0, tableFull: 0 };
  private reopened = 0;

  constructor(seed: number, traits: Traits, script: Script, windowS: number) {
    this.traits = traits;
    this.script = script;
    this.windowS = windowS;
    this.nodeId = traits.node + 1;
    this.name = `node-${String(traits.node + 1).padStart(3, "0")}`;
    this.noise = new Noise(seedOf(seed, "node", traits.node));
    this.lifts = new Cue(script.lifts);
    this.invalidCue = new Cue(script.invalid);
    this.silenceCue = new Cue(script.silences);
    this.blindCue = new Cue(script.blind);
    this.comingUp = script.activities.toSorted((a, b) => a.from - b.from);
    script.deploys.sort((a, b) => a.at - b.at);
    script.shifts.sort((a, b) => a.at - b.at);
    this.streams = traits.classes.map(({ life }) => new Stream(life, windowS));
    this.fillUp(0.6);
  }

  /** The window that begins at `from`; undefined where nothing is reported. Windows are asked for one after another. */
  step(from: number): NodeWindow | undefined {
    const to = from + this.windowS * 1_000;
    if (from < this.traits.joinsAt) return undefined;
    this.windows += 1;
    const silent = this.silenceCue.at(from, to);
    this.reboot(silent && this.silenceCue.on.some(({ reboot }) => reboot));
    if (this.rebooting) return undefined;
    this.change(to);
    this.flow(from);
    this.hold();
    this.keepHour(from);
    if (silent) return undefined;
    const window = this.report(from, to);
    this.latest = window;
    return window;
  }

  /** What it is like now, whether it is told or not. */
  get state(): { fill: number; drops: number; insertFailed: number; ports: number } {
    const { drop, insertFailed } = this.refused;
    let ports = 0;
    for (const { spec, stream } of this.active)
      if (spec.snat) ports = Math.max(ports, stream.entries / spec.peers.length / PORTS);
    return { fill: this.entries / TABLE_MAX, drops: drop, insertFailed, ports };
  }

  /** How busy it is against its busiest hour. */
  load(at: number): number {
    const { rhythm, shiftH } = this.traits;
    const local = at + shiftH * HOUR_MS;
    const day = DAY[Math.floor(local / 60_000) % DAY_MINUTES]!;
    const weekend = (local - FIRST_SATURDAY) % (7 * DAY_MS) < 2 * DAY_MS;
    const base = 1 - rhythm + rhythm * day;
    return (weekend ? base * (1 - 0.6 * rhythm) : base) * this.level;
  }

  private reboot(on: boolean): void {
    if (on === this.rebooting) return;
    this.rebooting = on;
    if (!on) return this.fillUp(0.4);
    for (const stream of this.streams) stream.clear();
    this.active = [];
  }

  private fillUp(load: number): void {
    for (const [at, { perSecond, life }] of this.traits.classes.entries())
      this.streams[at]!.settleAt(
        perSecond * (SHORT[at] ? load : 0.9) * this.windowS,
        this.windowS,
        life.meanS,
      );
  }

  /** No shift makes a node as full as trouble would. */
  private get ceiling(): number {
    return Math.min(1.4, (STEADY_FILL * TABLE_MAX) / this.traits.peak);
  }

  private change(to: number): void {
    const { deploys, shifts } = this.script;
    for (; this.nextShift < shifts.length && shifts[this.nextShift]!.at < to; this.nextShift += 1)
      this.level = Math.min(this.ceiling, Math.max(0.6, this.level * shifts[this.nextShift]!.times));
    this.reopened = 0;
    for (; this.nextDeploy < deploys.length && deploys[this.nextDeploy]!.at < to; this.nextDeploy += 1) {
      const { at, workload } = deploys[this.nextDeploy]!;
      const number = (this.generations.get(workload)?.number ?? 0) + 1;
      this.generations.set(workload, { at, number });
      const ended = this.streams[2]!.end(0.08);
      this.streams[2]!.held += ended;
      this.reopened += ended;
    }
  }

  private flow(from: number): void {
    const { windowS, noise, streams } = this;
    const to = from + windowS * 1_000;
    this.wave = 0.95 * this.wave + 0.035 * noise.normal();
    const busy = Math.max(0.3, 1 + this.wave) * this.load(from);
    for (let next = this.comingUp[this.nextActivity]; next && next.from < to;) {
      this.active.push(new Activity(next, windowS));
      this.nextActivity += 1;
      next = this.comingUp[this.nextActivity];
    }
    const lifted = this.lifts.at(from, to);
    const damping = lifted || this.active.length > 0 ? this.damping(from, busy) : 1;
    const lift = lifted ? 1 + (this.lifted - 1) * damping : 1;
    const steady = 0.6 + 0.4 * busy;
    const { classes } = this.traits;
    for (let at = 0; at < streams.length; at += 1) {
      const rate = classes[at]!.perSecond * windowS;
      streams[at]!.step(rate * (SHORT[at] ? busy * lift : steady), noise);
    }
    streams[2]!.opened += this.reopened;
    for (const key of ["drop", "insertFailed", "earlyDrop", "found", "tableFull"] as const)
      this.refused[key] = 0;
    if (this.active.length > 0) this.act(from, busy, damping);
  }

  private act(from: number, busy: number, damping: number): void {
    const usual = this.usual * busy * damping;
    for (const activity of this.active) {
      const { insertFailed, found } = activity.step(from, usual, this.noise);
      this.refused.insertFailed += insertFailed;
      this.refused.drop += insertFailed;
      this.refused.found += found;
    }
    if (this.active.some((activity) => activity.isOver(from)))
      this.active = this.active.filter((activity) => !activity.isOver(from));
  }

  /** Flows a second of its short TCP connections at a load of 1. */
  private get usual(): number {
    return this.traits.classes[0]!.perSecond + this.traits.classes[1]!.perSecond;
  }

  private get lifted(): number {
    return this.lifts.on.reduce((times, lift) => times * lift.times, 1);
  }

  /** The part of what is benign beside the usual that the table has room for. */
  private damping(from: number, busy: number): number {
    const benign = this.active.filter(({ spec }) => spec.times !== undefined && from < spec.to);
    let base = 0;
    let short = 0;
    for (const [at, { perSecond, life }] of this.traits.classes.entries())
      if (SHORT[at]) short += perSecond * busy * lifeOf(life);
      else base += this.streams[at]!.entries;
    for (const { spec, stream } of this.active) if (spec.times === undefined) base += stream.entries;
    let wanted = short * (this.lifted - 1);
    for (const activity of benign) wanted += activity.wants(from, this.usual * busy);
    const since = Math.min(
      from,
      ...benign.map(({ spec }) => spec.from),
      ...this.lifts.on.map((of) => of.from),
    );
    const fill = from - since < BRIEF_MS ? BRIEF_FILL : BENIGN_FILL;
    const room = Math.max(0, fill * TABLE_MAX - base - short);
    return wanted > room ? room / wanted : 1;
  }

  /** What the table has no room for is refused, after what never got an answer was dropped early. */
  private hold(): void {
    let [entries, opened] = [0, 0];
    const all = [...this.streams, ...this.active.map(({ stream }) => stream)];
    for (const stream of all) {
      entries += stream.entries;
      opened += stream.opened;
    }
    this.entries = entries;
    if (entries <= TABLE_MAX) return;
    const refuse = Math.min(1, (entries - TABLE_MAX + 50) / Math.max(1, opened));
    let dropped = 0;
    for (const stream of all) dropped += stream.refuse(refuse);
    // A few that had no answer give way before packets are lost.
    const early = Math.round(dropped * 0.02);
    this.refused.earlyDrop = early;
    this.refused.drop += Math.round((dropped - early) * RETRIES);
    this.refused.tableFull = Math.min(dropped, Math.round(LINES_PER_S * this.windowS));
    this.entries = Math.min(
      TABLE_MAX,
      all.reduce((sum, stream) => sum + stream.entries, 0),
    );
  }

  private keepHour(from: number): void {
    const hour = Math.floor(from / HOUR_MS);
    let own = 0;
    for (const activity of this.active) {
      own += activity.stream.entries;
      const index = hour - Math.floor(activity.spec.from / HOUR_MS);
      // Close to its mean, and cheap: what it was at the end of each hour.
      if (index >= 0) activity.hours[index] = activity.stream.entries;
    }
    let last = this.baseHours.at(-1);
    if (last?.hour !== hour) {
      last = { hour, mean: 0, windows: 0 };
      this.baseHours.push(last);
      if (this.baseHours.length > 25) this.baseHours.shift();
    }
    last.windows += 1;
    last.mean += (this.entries - own - last.mean) / last.windows;
  }

  private totals(takenAt: number): Totals {
    let [established, timeWait, closeWait, synSent, udp, unreplied, snat] = [0, 0, 0, 0, 0, 0, 0];
    const add = (stream: Stream, snatShare: number) => {
      snat += stream.entries * snatShare;
      if (stream.form === "tcp")
        [established, timeWait] = [established + stream.held, timeWait + stream.lingering];
      else if (stream.form === "close-wait") closeWait += stream.entries;
      else if (stream.form === "syn") synSent += stream.lingering;
      else udp += stream.lingering;
      if (stream.form === "syn" || stream.form === "udp-unreplied") unreplied += stream.lingering;
    };
    for (let at = 0; at < CLASSES.length; at += 1) add(this.streams[at]!, SNAT_SHARE[at]!);
    for (const { stream, spec } of this.active) add(stream, spec.snat ? 1 : 0);
    const synRecv = Math.min(established, Math.round((this.streams[0]!.opened / this.windowS) * 0.05));
    established -= synRecv;
    const entries = established + synRecv + timeWait + closeWait + synSent + udp;
    return {
      takenAt,
      entries,
      established,
      synRecv,
      timeWait,
      closeWait,
      synSent,
      udp,
      unreplied,
      snat: Math.round(snat),
    };
  }

  private report(from: number, to: number): NodeWindow {
    const { traits, noise, refused } = this;
    const seconds = this.windowS;
    if (this.dump === undefined || this.windows % traits.dumpEvery === 0) this.dump = this.totals(to - 1_500);
    let [opened, closed] = [0, 0];
    for (const stream of this.streams) [opened, closed] = [opened + stream.opened, closed + stream.closed];
    for (const { stream } of this.active) [opened, closed] = [opened + stream.opened, closed + stream.closed];
    let invalid = traits.invalid * seconds * this.load(from);
    if (this.invalidCue.at(from, to))
      for (const { perSecond } of this.invalidCue.on) invalid += perSecond * seconds;
    const window: NodeWindow = {
      nodeId: this.nodeId,
      node: this.name,
      from,
      to,
      receivedAt: to + 1_000 + (this.nodeId % 7) * 300,
      source: "netlink",
      events: "complete",
      count: this.entries,
      max: TABLE_MAX,
      buckets: TABLE_MAX,
      ...this.dump,
      opened,
      closed,
      found: refused.found + noise.count(0.02 * opened),
      invalid: noise.count(invalid, 2),
      insertFailed: refused.insertFailed + noise.count(traits.lost * seconds * this.load(from) * 0.5),
      drop: refused.drop + (noise.uniform() < 0.002 ? noise.whole(1, 5) : 0),
      earlyDrop: refused.earlyDrop,
      clashResolve: noise.count(traits.races * seconds),
      chainTooLong: 0,
      tableFull: refused.tableFull,
      overruns: 0,
    };
    return this.blindCue.at(from, to) ? this.blinded(window) : window;
  }

  private blinded(window: NodeWindow): NodeWindow {
    const { nodeId, node, from, to, receivedAt, max, buckets } = window;
    const known = { nodeId, node, from, to, receivedAt, max, buckets };
    const how = this.blindCue.on[0]!.how;
    if (how === "no-source") return { ...known, source: "none", events: "off", count: window.count };
    if (how === "frozen") return { ...(this.latest ?? window), from, to, receivedAt };
    return {
      ...window,
      count: 0,
      entries: 0,
      unreplied: 0,
      synSent: 0,
      synRecv: 0,
      established: 0,
      closeWait: 0,
      timeWait: 0,
      udp: 0,
      snat: 0,
      opened: 0,
      closed: 0,
    };
  }
}
