import { type NodeWindow, type Slot, SLOT_COUNTS, SLOT_GAUGES, type SlotGauge } from "../../../db/look.ts";
import { SETTLE_MS } from "../../../db/tiers.ts";

const TEN_MS = 600_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const RECENT_MS = TEN_MS;
const TREND_SLOTS = 36;
const HISTORY_MS = 14 * DAY_MS;
/** Hours whose middle is at most so far from the time of day that is asked for. */
const AROUND_MS = 2 * HOUR_MS;

/** What the store would have of one node: windows of ten minutes, ten minutes of six hours, hours of 14 days. */
export class Memory {
  /** Oldest first. */
  readonly recent: NodeWindow[] = [];
  private tens: Slot[] = [];
  private readonly hourSlots: Slot[] = [];
  private pending: NodeWindow[] = [];
  private start = 0;
  private around: { hour: number; slots: Slot[] } | undefined;

  /** Takes a window in, once it was judged. */
  add(window: NodeWindow): void {
    const start = window.from - (window.from % TEN_MS);
    if (this.pending.length > 0 && start !== this.start) this.fold();
    this.start = start;
    this.pending.push(window);
    this.recent.push(window);
    while (this.recent[0]!.from < window.to - RECENT_MS) this.recent.shift();
  }

  /** Windows in the ten minutes before this one. */
  recentBefore(window: NodeWindow): NodeWindow[] {
    return this.recent.filter(({ from, to }) => from >= window.from - RECENT_MS && to <= window.from);
  }

  /** Slots of ten minutes of the last six hours, as far as they are folded. */
  trend(at: number): Slot[] {
    this.foldUntil(at);
    return this.tens.filter(({ start, end }) => end + SETTLE_MS <= at && start >= at - TREND_SLOTS * TEN_MS);
  }

  /** Hours of the last 14 days around this time of day; the same list as long as the hour is the same. */
  hours(at: number): Slot[] {
    this.foldUntil(at);
    const hour = Math.floor((at - SETTLE_MS) / HOUR_MS);
    if (this.around?.hour !== hour) {
      const begin = hour * HOUR_MS;
      const slots = this.hourSlots.filter(({ start, end }) => {
        const apart = Math.abs(start - begin) % DAY_MS;
        return end <= begin && start >= at - HISTORY_MS && Math.min(apart, DAY_MS - apart) <= AROUND_MS;
      });
      this.around = { hour, slots };
    }
    return this.around.slots;
  }

  /** Of a node that fell silent, the slot it left is folded too. */
  private foldUntil(at: number): void {
    if (this.pending.length > 0 && this.start + TEN_MS + SETTLE_MS <= at) this.fold();
  }

  private fold(): void {
    const slot = slotOf(this.start, TEN_MS, this.pending);
    this.pending = [];
    this.tens.push(slot);
    if (this.tens.length > 2 * TREND_SLOTS) this.tens = this.tens.slice(-TREND_SLOTS);
    this.intoHour(slot);
  }

  private intoHour(slot: Slot): void {
    const start = slot.start - (slot.start % HOUR_MS);
    const last = this.hourSlots.at(-1);
    const whole = last?.start === start ? joined(last, slot) : { ...slot, start, end: start + HOUR_MS };
    if (last?.start === start) this.hourSlots.pop();
    else if (last && this.hourSlots[0]!.start < start - HISTORY_MS - HOUR_MS) this.hourSlots.shift();
    this.hourSlots.push(whole);
  }
}

function slotOf(start: number, length: number, windows: readonly NodeWindow[]): Slot {
  const slot: Slot = {
    start,
    end: start + length,
    coveredMs: 0,
    gauges: {},
    counts: {},
    max: windows[0]?.max,
  };
  for (const { from, to } of windows) slot.coveredMs += to - from;
  for (const name of SLOT_GAUGES) {
    const gauge = gaugeOf(name, windows);
    if (gauge) slot.gauges[name] = gauge;
  }
  for (const name of SLOT_COUNTS) {
    let sum: number | undefined;
    for (const window of windows) if (window[name] !== undefined) sum = (sum ?? 0) + window[name];
    if (sum !== undefined) slot.counts[name] = sum;
  }
  return slot;
}

function gaugeOf(name: SlotGauge, windows: readonly NodeWindow[]): Slot["gauges"][SlotGauge] {
  let [min, max, last, sum, known] = [Number.POSITIVE_INFINITY, 0, 0, 0, 0];
  for (const window of windows) {
    const value = window[name];
    if (value === undefined) continue;
    min = Math.min(min, value);
    max = Math.max(max, value);
    last = value;
    sum += value;
    known += 1;
  }
  return known > 0 ? { min, max, last, mean: sum / known } : undefined;
}

/** An hour and its next ten minutes. */
function joined(hour: Slot, next: Slot): Slot {
  const coveredMs = hour.coveredMs + next.coveredMs;
  const whole: Slot = { ...hour, coveredMs, gauges: { ...hour.gauges }, counts: { ...hour.counts } };
  for (const name of SLOT_GAUGES) {
    const [a, b] = [hour.gauges[name], next.gauges[name]];
    if (!b) continue;
    whole.gauges[name] = a
      ? {
          min: Math.min(a.min, b.min),
          max: Math.max(a.max, b.max),
          last: b.last,
          mean: (a.mean * hour.coveredMs + b.mean * next.coveredMs) / coveredMs,
        }
      : b;
  }
  for (const name of SLOT_COUNTS)
    if (next.counts[name] !== undefined) whole.counts[name] = (hour.counts[name] ?? 0) + next.counts[name];
  return whole;
}
