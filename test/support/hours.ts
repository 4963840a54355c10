import type { Slot } from "../../db/look.ts";
import { aSlot, AT } from "./looks.ts";

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

type SomeSlot = NonNullable<Parameters<typeof aSlot>[2]>;

/** Hours that were over at `at`, those within an hour and a half of its time of day, of today and so many days before, oldest first. */
export function hoursAround(at: number, days: number, of: (age: number, start: number) => SomeSlot): Slot[] {
  return Array.from({ length: days + 1 }, (_, i) => days - i).flatMap((age) => {
    const first = Math.floor((at - age * DAY_MS - 1.5 * HOUR_MS) / HOUR_MS) * HOUR_MS;
    return [0, 1, 2, 3]
      .map((hour) => first + hour * HOUR_MS)
      .filter((start) => start + HOUR_MS <= at)
      .map((start) => aSlot(start, HOUR_MS, of(age, start)));
  });
}

/** Of a node that was always at rest as that of aWindow is. */
export const REST: SomeSlot = {
  gauges: {
    count: { min: 19_000, mean: 20_000, max: 21_000, last: 20_000 },
    entries: { min: 19_000, mean: 20_000, max: 21_000, last: 20_000 },
    unreplied: { min: 150, mean: 200, max: 250, last: 200 },
    synRecv: 5,
    closeWait: { min: 10, mean: 20, max: 30, last: 20 },
  },
  counts: { opened: 360_000, closed: 360_000, invalid: 0, insertFailed: 0 },
};

/** Two weeks at rest. */
export const atRest = (at = AT): Slot[] => hoursAround(at, 14, () => REST);
