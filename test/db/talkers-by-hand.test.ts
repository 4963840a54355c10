import { freshDb } from "#fresh-db";
import * as fc from "fast-check";
import { test } from "vitest";
import { storeReports } from "../../db/queries/reports.ts";
import { topTalkers } from "../../db/queries/talkers.ts";
import { aCluster, aReportOf, START } from "../support/stored-report.ts";

const HOUR = 3_600_000;

test("any windows of any nodes answer as adding them up by hand does", async ({ expect }) => {
  const sources = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"] as const;
  const window = fc.record({
    node: fc.constantFrom("a", "b"),
    entries: fc.tuple(fc.nat(9), fc.nat(9), fc.nat(9), fc.nat(9)),
    rest: fc.nat(5),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(window, { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 0, max: 4 }),
      async (windows, limit) => {
        const db = await freshDb();
        await aCluster(db);
        await storeReports(
          db,
          windows.map(({ node, entries, rest }, sequence) =>
            aReportOf(
              sources.map((source, i) => ({ source, entries: entries[i] ?? 0 })),
              { sequence, node: { name: node } },
              { talkerRemainder: { sources: rest, entries: rest, snatEntries: 0, unreplied: 0 } },
            ),
          ),
        );
        const most = (held: (window: (typeof windows)[number]) => number) =>
          ["a", "b"]
            .map((node) => Math.max(0, ...windows.filter((window) => window.node === node).map(held)))
            .reduce((x, y) => x + y);
        const sums = sources.map((source, i) => ({
          address: source,
          entries: most(({ entries }) => entries[i] ?? 0),
        }));
        const top = sums
          .toSorted((x, y) => y.entries - x.entries || (x.address < y.address ? -1 : 1))
          .slice(0, limit);
        const others = sources.flatMap((source, i) =>
          top.some(({ address }) => address === source) ? [] : [i],
        );
        const answer = await topTalkers(db, { clusterId: 1, from: START, to: START + HOUR, limit });
        expect(answer.talkers.map(({ address, entries }) => ({ address, entries }))).toEqual(top);
        expect(answer.remainder.entries).toBe(
          most(({ entries, rest }) => others.reduce((sum, i) => sum + (entries[i] ?? 0), rest)),
        );
        const rows = answer.talkers.reduce((sum, { entries }) => sum + entries, 0);
        expect(answer.total.entries).toBe(rows + answer.remainder.entries);
        const shares = answer.talkers.reduce((sum, { share }) => sum + share, answer.remainder.share);
        expect(shares).toBeCloseTo(
          windows.some(({ entries, rest }) => rest > 0 || entries.some(Boolean)) ? 1 : 0,
          9,
        );
      },
    ),
    { numRuns: 25 },
  );
});
