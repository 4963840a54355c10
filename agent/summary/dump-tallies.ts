import { counts, sums } from "./tally.ts";

const NO_ENTRIES = { entries: 0, snatEntries: 0, unreplied: 0, established: 0, idle: 0, closeWait: 0 };
const NOTHING_MOVED = { opened: 0, closed: 0, bytes: 0, packets: 0 };

/** What one dump counted, by source and by flow group, with totals that hold whatever was folded away. */
export class DumpTallies {
  readonly bySource = {
    entries: counts(),
    snatEntries: counts(),
    unreplied: counts(),
    peers: counts(),
    established: counts(),
    idle: counts(),
    closeWait: counts(),
  };
  readonly byGroup = { entries: counts(), unreplied: counts() };
  readonly total = { ...NO_ENTRIES };
  /** Most that a row may lack because it was folded away and came back. */
  readonly error = { sources: 0, groups: 0 };
  /** Entries that no row holds. */
  untracked = 0;

  clear(): void {
    for (const tally of [...Object.values(this.bySource), ...Object.values(this.byGroup)]) tally.clear();
    Object.assign(this.total, NO_ENTRIES);
    Object.assign(this.error, { sources: 0, groups: 0 });
    this.untracked = 0;
  }
}

/** What a window counted: flows that began and ended, and what moved. */
export class WindowTallies {
  readonly bySource = { opened: counts(), closed: counts() };
  readonly byGroup = { opened: counts(), closed: counts(), bytes: sums(), packets: sums() };
  readonly total = { ...NOTHING_MOVED };
  readonly error = { sources: 0, groups: 0 };

  clear(): void {
    for (const tally of [...Object.values(this.bySource), ...Object.values(this.byGroup)]) tally.clear();
    Object.assign(this.total, NOTHING_MOVED);
    Object.assign(this.error, { sources: 0, groups: 0 });
  }
}
