import { freshDb } from "#fresh-db";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { slotOfWindows, slotsOfRows } from "../../../db/look/slots.ts";
import { windowsToJudge } from "../../../db/queries/look.ts";
import { readSlotRows, slotRows } from "../../../db/queries/look/slot-rows.ts";
import type { SlotRows } from "../../../db/queries/look/slot-rows.ts";
import { readAges, readInvalid } from "../../../db/look/details.ts";
import { Packed } from "../../../db/look/packed.ts";
import { hoursAround, HoursCache, hoursOf, MAX_CACHED_NODES } from "../../../db/queries/look/hours-cache.ts";
import { storeReports } from "../../../db/queries/reports.ts";
import { HOUR, slotOf, TEN_MINUTES } from "../../../db/tiers.ts";
import { foldSamples } from "../../support/folded-samples.ts";
import { aSlot } from "../../support/looks.ts";
import { heard } from "../../support/scanned.ts";
import { aCluster, aStoredReport, START } from "../../support/stored-report.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

test("hours are those of fourteen days before, of that time of day and around it, wherever in the hour it is", () => {
  const hour = slotOf(HOUR, START);
  const ranges = hoursAround(hour + HOUR_MS - 1);
  expect(ranges).toEqual(hoursAround(hour));
  expect(ranges).toHaveLength(14);
  expect(ranges[0]).toEqual([hour - 14 * DAY_MS - HOUR_MS, hour - 14 * DAY_MS + 2 * HOUR_MS]);
  expect(ranges.at(-1)).toEqual([hour - DAY_MS - HOUR_MS, hour - DAY_MS + 2 * HOUR_MS]);
});

test("hours are read once for the nodes and the hour that are kept, and are the same then", async () => {
  const db = await freshDb();
  const clusterId = await aCluster(db);
  const hour = slotOf(HOUR, START);
  const at = [
    -DAY_MS - 2 * HOUR_MS,
    -DAY_MS - HOUR_MS,
    -DAY_MS,
    -DAY_MS + HOUR_MS,
    -DAY_MS + 2 * HOUR_MS,
    -HOUR_MS,
  ];
  await storeReports(
    db,
    at.map((begin, sequence) =>
      aStoredReport({
        clusterId,
        sequence,
        from: hour + begin,
        to: hour + begin + 1_000,
        table: { count: sequence, max: 100 },
        flows: { opened: sequence },
      }),
    ),
  );
  await foldSamples(db);
  const said: unknown[] = [];
  const cache = new HoursCache();
  const ask = async (time: number) => {
    const hours = await hoursOf(heard(db, said as never[]), { clusterId, nodeIds: [1, 2], at: time, cache });
    return [hours(1), hours(2)];
  };
  const [first, second] = await ask(hour);
  expect(first).toEqual(
    [1, 2, 3].map((value) => ({
      start: hour + (at[value] ?? 0),
      end: hour + (at[value] ?? 0) + HOUR_MS,
      coveredMs: 1_000,
      max: 100,
      gauges: { count: { min: value, max: value, last: value, mean: value } },
      counts: { opened: value },
    })),
  );
  expect(second).toEqual([]);
  expect(said).toHaveLength(1);
  expect(await ask(hour + HOUR_MS - 1)).toEqual([first, second]);
  expect(said).toHaveLength(1);
  await ask(hour + HOUR_MS);
  expect(said).toHaveLength(2);
});

test("of no more nodes than are bounded, the last that were asked for", () => {
  const cache = new HoursCache();
  const set = (nodeId: number) => cache.set(1, nodeId, START, new Packed([]));
  for (let nodeId = 1; nodeId <= MAX_CACHED_NODES; nodeId++) set(nodeId);
  set(1);
  set(MAX_CACHED_NODES + 1);
  expect(cache.size).toBe(MAX_CACHED_NODES);
  expect(cache.get(1, 2, START)).toBeUndefined();
  expect(cache.get(1, 1, START)).toBeDefined();
  expect(cache.get(2, 3, START)).toBeUndefined();
});

test("what is made of windows is what folding makes of them, whatever they reach over", async () => {
  const db = await freshDb();
  const clusterId = await aCluster(db);
  const slot = { start: START, end: START + 600_000 };
  const window = (sequence: number, from: number, to: number, count: number | undefined) =>
    aStoredReport({
      clusterId,
      sequence,
      from: START + from,
      to: START + to,
      table: { count, max: 100 + sequence },
      flows: { opened: sequence + 1 },
    });
  await storeReports(db, [
    window(0, -90_000, -30_000, 1),
    window(1, -30_000, 30_000, 2),
    window(2, -15_000, 40_000, 3),
    window(3, 20_000, 60_000, undefined),
    window(4, 120_000, 180_000, 70),
    window(5, 150_000, 170_000, 5),
    window(6, 590_000, 620_000, undefined),
    window(7, 620_000, 650_000, 9),
  ]);
  await foldSamples(db);
  const [row] = await db.all<SlotRows>(
    slotRows(clusterId, { tier: TEN_MINUTES, nodeIds: [1], ranges: [[slot.start, slot.end]] }),
  );
  const folded = slotsOfRows(row ? readSlotRows(row) : [], 600_000);
  const windows = await windowsToJudge(db, { after: 0, until: 100, limit: 100 });
  const made = slotOfWindows(
    slot,
    windows.map((one) => one.window),
  );
  expect(made).toEqual(folded[0]);
  expect(made).toMatchObject({
    coveredMs: 20_000 + 60_000 + 30_000,
    max: 106,
    gauges: { count: { min: 2, max: 70, last: 20, mean: 20 } },
    counts: { opened: 4 + 5 + 6 + 7 },
  });
  expect(slotOfWindows({ start: slot.end + 50_000, end: slot.end + 600_000 }, [])).toBeUndefined();
});

const range = fc.record({ min: fc.nat(), max: fc.nat(), last: fc.nat(), mean: fc.nat() });
const slot = fc
  .record({
    gauges: fc.dictionary(fc.constantFrom("count", "snat", "closeWait"), range),
    counts: fc.dictionary(fc.constantFrom("opened", "clashResolve"), fc.nat()),
    max: fc.option(fc.nat(), { nil: undefined }),
  })
  .map(({ max, ...some }) => {
    const { max: _, ...made } = aSlot(START, HOUR_MS, some);
    return max === undefined ? made : { ...made, max };
  });

test("what is packed comes out as it was", () => {
  fc.assert(
    fc.property(fc.array(slot, { maxLength: 5 }), (slots) => {
      expect(new Packed(slots).slots()).toEqual(slots);
    }),
  );
});

test("idle times and reasons are read or passed over, whatever stands there", () => {
  const good = { of: "udp", timeout: 30, entries: [1] };
  expect(readAges([good, { ...good, timeout: -1 }, { ...good, entries: [0.5] }, 1, null])).toEqual([
    { of: "udp", timeoutS: 30, entries: [1] },
  ]);
  const reason = { reason: "a", lines: 1, sample: "b" };
  expect(
    readInvalid({ log: { invalid: [reason, { ...reason, lines: "1" }, { ...reason, sample: 3 }] } }),
  ).toEqual([reason, { ...reason, sample: "" }]);
  fc.assert(
    fc.property(fc.anything(), (any) => {
      readAges(any);
      readAges([any]);
      readInvalid(any);
      readInvalid({ log: { invalid: [any] } });
    }),
  );
  expect([readAges({}), readInvalid({}), readInvalid({ log: {} })]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});
