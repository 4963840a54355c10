import { freshDb } from "#fresh-db";
import { describe, test } from "vitest";
import { COUNTS } from "../../db/fold/measures.ts";
import { storeReports } from "../../db/queries/reports.ts";
import { aCluster, aReportOf } from "../support/stored-report.ts";
import { talked as ask } from "../support/talked.ts";

describe("flows that began and ended", () => {
  const some = (name: string, sequence: number, opened: number, rest = 0) =>
    aReportOf(
      [
        { source: "10.0.0.1", entries: 9, opened, closed: 1 },
        { source: "10.0.0.2", peerPort: 53, entries: 1, opened: 4, closed: 2 },
      ],
      { sequence, node: { name } },
      {
        talkerRemainder: {
          sources: rest,
          entries: rest,
          snatEntries: 0,
          unreplied: 0,
          opened: rest,
          closed: rest,
        },
      },
    );

  test("add up over windows and nodes, rows and remainder to the total", async ({ expect }) => {
    const db = await freshDb();
    await aCluster(db);
    await storeReports(db, [some("a", 0, 1), some("a", 1, 2, 7), some("b", 0, 3)]);
    const { talkers, remainder, total, ...answer } = await ask(db, { metric: "opened", limit: 1 });
    // In one and the same minute on either node, and 30 s on are covered of it.
    expect(talkers).toMatchObject([
      { address: "10.0.0.2", entries: 2, opened: 12, closed: 6, share: 12 / 25, perSecond: 12 / 60 },
    ]);
    expect(remainder).toMatchObject({ opened: 13, closed: 10, share: 13 / 25 });
    expect(total).toMatchObject({ opened: 25, closed: 16 });
    expect([answer.exact, answer.missing.opened, answer.coveredMs]).toEqual([true, 7, 60_000]);
  });

  test("are those of the groups where they are filtered", async ({ expect }) => {
    const db = await freshDb();
    await aCluster(db);
    await storeReports(db, [some("a", 0, 1), some("a", 1, 2)]);
    const { talkers, total } = await ask(db, { metric: "closed", port: 53 });
    expect(talkers).toMatchObject([{ address: "10.0.0.2", opened: 8, closed: 4 }]);
    expect(total).toMatchObject({ opened: 8, closed: 4 });
  });

  test("are absent, not 0, where nobody counts them", async ({ expect }) => {
    const db = await freshDb();
    await aCluster(db);
    await storeReports(db, [aReportOf([{ source: "10.0.0.1", entries: 9 }])]);
    const { talkers, total } = await ask(db, { metric: "opened" });
    expect([talkers[0]?.opened, talkers[0]?.share, total.opened]).toEqual([undefined, 1, undefined]);
    expect(talkers[0]).not.toHaveProperty("perSecond");
  });
});

describe("entries that the agent could not tell apart", () => {
  const rows = [{ source: "10.0.0.1", entries: 90 }];
  const talkerRemainder = { sources: 0, entries: 10, snatEntries: 0, unreplied: 0 };

  test.for([
    ["their bound", { error: { sources: 3, groups: 4 } }, {}, 3],
    ["all of them without a bound", {}, {}, 10],
    [
      "the bound of groups where flows are filtered out",
      { error: { sources: 3, groups: 4 } },
      { port: 443 },
      10,
    ],
  ] as const)("make the answer say that a row may lack %s", async ([, bound, filter, lack], { expect }) => {
    const db = await freshDb();
    await aCluster(db);
    const groupRemainder = { groups: 0, entries: 10, unreplied: 0 };
    await storeReports(db, [
      aReportOf(rows, {}, { talkerRemainder, groupRemainder, untracked: 10, ...bound }),
    ]);
    const answer = await ask(db, filter);
    expect([answer.exact, answer.lack.entries]).toEqual([false, lack]);
  });

  test("that are none leave it exact", async ({ expect }) => {
    const db = await freshDb();
    await aCluster(db);
    await storeReports(db, [aReportOf(rows, {}, { untracked: 0, error: { sources: 0, groups: 0 } })]);
    expect((await ask(db)).exact).toBe(true);
  });
});

describe("bytes and packets", () => {
  test("rank talkers where accounting is on", async ({ expect }) => {
    const db = await freshDb();
    await aCluster(db);
    await storeReports(db, [
      aReportOf([
        { source: "10.0.0.1", entries: 9, bytes: 100, packets: 4 },
        { source: "10.0.0.2", peer: "9.9.9.9", entries: 1, bytes: 5000, packets: 2 },
        { source: "10.0.0.2", entries: 1, bytes: 50, packets: 1 },
      ]),
    ]);
    const { talkers, remainder } = await ask(db, { metric: "bytes", limit: 1 });
    expect(talkers).toEqual([
      {
        address: "10.0.0.2",
        entries: 2,
        snatEntries: 0,
        unreplied: 0,
        peers: 2,
        bytes: 5050,
        packets: 3,
        share: 5050 / 5150,
        perSecond: 5050 / 30,
      },
    ]);
    expect(remainder).toMatchObject({ bytes: 100, packets: 4 });
  });

  test("are absent, not 0, where it is off", async ({ expect }) => {
    const db = await freshDb();
    await aCluster(db);
    await storeReports(db, [aReportOf([{ source: "10.0.0.1", entries: 9 }])]);
    const { talkers, remainder } = await ask(db, { metric: "bytes" });
    expect(talkers).toEqual([
      { address: "10.0.0.1", entries: 9, snatEntries: 0, unreplied: 0, peers: 1, share: 1 },
    ]);
    expect(remainder).not.toHaveProperty("bytes");
  });
});

describe("a metric that nobody counts", () => {
  const held = (sources: number[], sequence: number, counts: { bytes?: number } = {}, rest = 0) =>
    aReportOf(
      sources.map((entries, i) => ({ source: `10.0.0.${i + 1}`, entries, ...counts })),
      { sequence, node: { name: `node-${sequence}` } },
      {
        talkerRemainder: { sources: rest, entries: rest, snatEntries: 0, unreplied: 0 },
        groupRemainder: { groups: rest, entries: rest, unreplied: 0 },
      },
    );

  test.for(COUNTS)(
    "as %s leaves the ranking and what it is exact by to entries",
    async (metric, { expect }) => {
      const db = await freshDb();
      await aCluster(db);
      await storeReports(db, [held([1, 5, 3], 0, {}, 1), held([1, 5, 3], 1)]);
      for (const limit of [0, 1, 2, 3]) {
        const { rankedBy: _, ...byEntries } = await ask(db, { limit });
        const { rankedBy, ...answer } = await ask(db, { metric, limit });
        expect([limit, rankedBy, answer]).toEqual([limit, "entries", byEntries]);
      }
      const filtered = await ask(db, { metric, port: 443 });
      expect([filtered.rankedBy, filtered.talkers.map(({ entries }) => entries)]).toEqual([
        "entries",
        [10, 6, 2],
      ]);
      const flows = await ask(db, { by: "flow", limit: 2, metric });
      expect([flows.rankedBy, flows.talkers.map(({ entries }) => entries)]).toEqual(["entries", [5, 5]]);
    },
  );

  test.for(["first", "last"])(
    "in some windows ranks by those in which somebody does, those of the %s node",
    async (counting, { expect }) => {
      const db = await freshDb();
      await aCluster(db);
      const reports = [held([1, 1], 0, { bytes: 7 }), held([9, 5, 80], 1)];
      await storeReports(db, counting === "first" ? reports : reports.toReversed());
      const { rankedBy, talkers, exact } = await ask(db, { metric: "bytes", limit: 2 });
      expect([rankedBy, exact]).toEqual(["bytes", true]);
      expect(talkers).toMatchObject([
        { address: "10.0.0.1", bytes: 7, share: 0.5 },
        { address: "10.0.0.2", bytes: 7, share: 0.5 },
      ]);
      const all = await ask(db, { metric: "bytes" });
      expect(all.talkers[2]).toMatchObject({ address: "10.0.0.3", entries: 80, share: 0 });
    },
  );

  test("where no row is listed is not known of what was folded away alone", async ({ expect }) => {
    const db = await freshDb();
    await aCluster(db);
    const rest = { sources: 3, entries: 4, snatEntries: 0, unreplied: 0, opened: 9 };
    await storeReports(db, [held([2, 6], 0), aReportOf([], { sequence: 1 }, { talkerRemainder: rest })]);
    const { rankedBy, talkers } = await ask(db, { metric: "opened" });
    expect([rankedBy, talkers.map(({ share }) => share)]).toEqual(["entries", [6 / 12, 2 / 12]]);
  });
});
