import type { ActivitySpec } from "./activity.ts";

/** How an agent is blind: it reads nothing, its numbers stand still, or it sees an empty table. */
export type Blindness = "no-source" | "frozen" | "empty";

/** All that happens on one node; each list in order of time. */
export type Script = {
  activities: ActivitySpec[];
  /** The node's short connections are so many times as usual. */
  lifts: { from: number; to: number; times: number }[];
  /** Invalid packets a second beside the usual. */
  invalid: { from: number; to: number; perSecond: number }[];
  /** No report of [from, to); after a reboot the table is empty. */
  silences: { from: number; to: number; reboot: boolean }[];
  blind: { from: number; to: number; how: Blindness }[];
  /** A workload's Pods are replaced and their connections opened anew. */
  deploys: { at: number; workload: number }[];
  /** From then on all its traffic is so many times what it was. */
  shifts: { at: number; times: number }[];
  /** Sysctls are other than before. */
  settings: { at: number; set: Record<string, string> }[];
};

export const emptyScript = (): Script => ({
  activities: [],
  lifts: [],
  invalid: [],
  silences: [],
  blind: [],
  deploys: [],
  shifts: [],
  settings: [],
});

/** What is under way at a time, of lists in order of time that is asked in order of time. */
export class Cue<Of extends { from: number; to: number }> {
  private next = 0;
  private readonly all: readonly Of[];
  /** What has begun and not ended. */
  on: Of[] = [];

  constructor(all: readonly Of[]) {
    this.all = all.toSorted((a, b) => a.from - b.from);
  }

  /** Whether anything is under way in [from, to). */
  at(from: number, to: number): boolean {
    while (this.next < this.all.length && this.all[this.next]!.from < to) {
      this.on.push(this.all[this.next]!);
      this.next += 1;
    }
    if (this.on.length > 0 && this.on.some((of) => of.to <= from))
      this.on = this.on.filter((of) => of.to > from);
    return this.on.length > 0;
  }
}
