import { freshDb } from "#fresh-db";
import { describe, test } from "vitest";
import { storeReports } from "../../db/queries/reports.ts";
import { NAT_CLASSES } from "../../db/segment.ts";
import { aCluster, aReportOf } from "../support/stored-report.ts";
import { talked } from "../support/talked.ts";

const ask = async (...[db, query]: Parameters<typeof talked>) => {
  const { talkers, ...answer } = await talked(db, { by: "flow", ...query });
  return { flows: talkers as ((typeof talkers)[number] & { zone: number; node: string })[], ...answer };
};

const dns = { source: "10.0.0.1", peer: "10.0.9.9", peerPort: 53, protocol: 17, nat: "dnat" } as const;
const web = { source: "10.0.0.1", peer: "1.1.1.1", nat: "snat", natAddress: "192.168.0.23" } as const;
const ping = { source: "2001:db8::1", peer: "2001:db8::2", peerPort: 0, protocol: 58 } as const;
/** As a key says it, where nobody knows who holds the source. */
const named = ({
  source,
  peer,
  nat,
  natAddress = "",
}: typeof web | (typeof dns & { natAddress?: string })) => ({
  source,
  peer,
  nat: NAT_CLASSES.indexOf(nat),
  natAddress,
  zone: 0,
  kind: "",
  namespace: "",
  name: "",
  workloadKind: "",
  workload: "",
  node: "node-1",
});
const rows = [
  { ...dns, entries: 50, unreplied: 1 },
  { ...web, entries: 30, unreplied: 20 },
  { ...ping, entries: 10 },
];
const remainders = { groupRemainder: { groups: 4, entries: 10, unreplied: 2 } };

describe("the flow groups of one window", () => {
  test("come largest first, and with the remainder add up to all there is", async ({ expect }) => {
    const db = await freshDb();
    await aCluster(db);
    await storeReports(db, [aReportOf(rows, {}, remainders)]);
    const { flows, ...answer } = await ask(db, { limit: 2 });
    expect(flows).toEqual([
      { ...named(dns), port: 53, protocol: 17, snatEntries: 0, entries: 50, unreplied: 1, share: 0.5 },
      { ...named(web), port: 443, protocol: 6, snatEntries: 30, entries: 30, unreplied: 20, share: 0.3 },
    ]);
    expect(answer).toMatchObject({
      rankedBy: "entries",
      remainder: { rows: 5, entries: 20, unreplied: 2, share: 0.2 },
      total: { rows: 7, entries: 100, unreplied: 23 },
      exact: true,
    });
  });

  test.for([
    [{ source: "10.0.0.1" }, [50, 30]],
    [{ source: "2001:db8::1" }, [10]],
    [{ peer: "1.1.1.1" }, [30]],
    [{ port: 0 }, [10]],
    [{ protocol: 17 }, [50]],
    [{ nat: "snat" }, [30]],
    [{ source: "10.0.0.1", port: 443 }, [30]],
    [{ source: "10.0.0.1", protocol: 58 }, []],
  ] as const)("that match %j", async ([filter, entries], { expect }) => {
    const db = await freshDb();
    await aCluster(db);
    await storeReports(db, [aReportOf(rows)]);
    expect((await ask(db, filter)).flows.map((flow) => flow.entries)).toEqual(entries);
  });

  test("that match are not exact where others were folded away", async ({ expect }) => {
    const db = await freshDb();
    await aCluster(db);
    await storeReports(db, [aReportOf(rows, {}, remainders)]);
    const answer = await ask(db, { peer: "1.1.1.1" });
    // What is listed is whole; it is others that may match, but none as large.
    expect([answer.lack.entries, answer.missing.entries]).toEqual([undefined, 10]);
    expect([answer.total.entries, answer.total.unreplied, answer.remainder.entries]).toEqual([30, 20, 0]);
  });

  test("differ when any of their seven parts does", async ({ expect }) => {
    const db = await freshDb();
    await aCluster(db);
    const others = [
      { ...web, source: "10.0.0.2" },
      { ...web, peer: "1.1.1.2" },
      { ...web, peerPort: 444 },
      { ...web, protocol: 17 },
      { ...web, nat: "both" as const },
      { ...web, natAddress: "192.168.0.24" },
      { ...web, zone: 7 },
    ];
    await storeReports(db, [aReportOf([web, ...others].map((group) => ({ ...group, entries: 1 })))]);
    const { flows } = await ask(db);
    expect([flows.length, flows.filter(({ zone }) => zone === 7).length]).toEqual([8, 1]);
  });
});

test("over windows a flow group has the most of any, of each node apart", async ({ expect }) => {
  const db = await freshDb();
  await aCluster(db);
  const held = (name: string, sequence: number, entries: number) =>
    aReportOf([{ ...web, entries }], { sequence, node: { name } });
  await storeReports(db, [held("a", 0, 5), held("a", 1, 9), held("b", 0, 3)]);
  const { flows } = await ask(db);
  expect(flows.map(({ node, entries }) => [node, entries])).toEqual([
    ["a", 9],
    ["b", 3],
  ]);
  expect((await ask(db, { node: "a" })).flows[0]?.entries).toBe(9);
});

test("over windows and nodes the counts of a flow group add up, and with the remainder to the total", async ({
  expect,
}) => {
  const db = await freshDb();
  await aCluster(db);
  const moved = (name: string, sequence: number, counts: number[], rest = 0) => {
    const [opened = 0, closed = 0, bytes = 0, packets = 0] = counts;
    return aReportOf(
      [
        { ...web, entries: 1, opened, closed, bytes, packets },
        { ...dns, entries: 1, opened: 1, closed: 1, bytes: 1, packets: 1 },
      ],
      { sequence, node: { name } },
      {
        groupRemainder: {
          groups: rest,
          entries: rest,
          unreplied: 0,
          opened: rest,
          closed: rest,
          bytes: rest,
          packets: rest,
        },
      },
    );
  };
  await storeReports(db, [
    moved("a", 0, [5, 1, 900, 8]),
    moved("a", 1, [3, 2, 100, 4], 10),
    moved("a", 2, [2, 9, 7, 6]),
  ]);
  const { flows, remainder, total, exact } = await ask(db, { metric: "opened", limit: 1 });
  const counts = { opened: 10, closed: 12, bytes: 1007, packets: 18, share: 10 / 23, perSecond: 10 / 90 };
  expect(flows).toMatchObject([{ peer: web.peer, ...counts }]);
  expect(remainder).toMatchObject({ opened: 13, closed: 13, bytes: 13, packets: 13 });
  expect(total).toMatchObject({ opened: 23, closed: 25, bytes: 1020, packets: 31 });
  // What was folded away in one window may be ten more of another flow, which is no more than this has.
  expect(exact).toBe(true);
});

test("bytes and packets rank flow groups where accounting is on, and are absent where it is off", async ({
  expect,
}) => {
  const db = await freshDb();
  await aCluster(db);
  await storeReports(db, [
    aReportOf([
      { ...web, entries: 1, bytes: 9000, packets: 9 },
      { ...dns, entries: 5, bytes: 10, packets: 50 },
    ]),
    aReportOf([{ ...ping, entries: 2 }], { sequence: 1 }),
  ]);
  expect((await ask(db, { metric: "bytes" })).flows.map(({ bytes }) => bytes)).toEqual([9000, 10, 0]);
  expect((await ask(db, { metric: "packets", limit: 1 })).flows[0]).toMatchObject({
    source: dns.source,
    packets: 50,
  });
});
