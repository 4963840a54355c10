import { freshDb } from "#fresh-db";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { encodeDetails } from "../../db/details.ts";
import { isCount } from "../../db/fold/measures.ts";
import { storeReports } from "../../db/queries/reports.ts";
import { sourcesOf } from "../../db/queries/sources.ts";
import { encodeSegment } from "../../db/segment.ts";
import type { Segment } from "../../db/segment.ts";
import { SOURCE_BYS } from "../../db/talkers/sources.ts";
import type { SourceBy } from "../../db/talkers/sources.ts";
import { DEFAULT_RETENTION } from "../../db/tiers.ts";
import { ON_WORKERS } from "../support/on-workers.ts";
import { ownersOf } from "../support/owner-words.ts";
import {
  aCluster,
  aSegment,
  aStoredReport,
  type GroupRow,
  START,
  WINDOW_MS,
} from "../support/stored-report.ts";
import { HOUR_MS } from "../support/talked.ts";
import { tick } from "../support/tick.ts";

const PEER = "203.0.113.9";
const OTHER = "203.0.113.10";
const METRICS = ["entries", "opened", "bytes"] as const;
type Metric = (typeof METRICS)[number];
type Flow = Record<Metric, number> & {
  node: number;
  pod: number;
  peer: string;
  peerPort: number;
  protocol: number;
  translated: boolean;
  listed: boolean;
};
type Window = { at: number; flows: Flow[] };

/** Pods 1 and 2 live on node 1, 3 and 4 on node 2; of 0 nobody says whose its address is. */
const WORKLOADS = ["", "web", "web", "api", ""];
const NAMESPACES = ["", "shop", "shop", "shop", "data"];
const nodeOf = (pod: number) => (pod > 2 ? 2 : 1);
const addressOf = (pod: number) => `10.0.0.${pod + 1}`;
const natOf = ({ node, translated }: Flow) => (translated ? `192.0.2.${node}` : "");

const flow: fc.Arbitrary<Flow> = fc
  .record({
    pod: fc.nat(4),
    peer: fc.constantFrom(PEER, PEER, OTHER),
    peerPort: fc.constantFrom(3306, 3306, 33060),
    protocol: fc.constantFrom(6, 6, 17),
    translated: fc.boolean(),
    listed: fc.integer({ min: 0, max: 4 }).map((draw) => draw > 0),
    entries: fc.nat(20),
    opened: fc.nat(20),
    bytes: fc.nat(900),
  })
  .map((one) => ({ ...one, node: nodeOf(one.pod) }));
const windows: fc.Arbitrary<Window[]> = fc.array(
  fc.record({
    at: fc.nat(9),
    flows: fc.uniqueArray(flow, {
      maxLength: 8,
      selector: ({ pod, peer, peerPort, protocol, translated }) =>
        [pod, peer, peerPort, protocol, translated].join(),
    }),
  }),
  { minLength: 1, maxLength: 8 },
);
const question = fc.record({
  by: fc.constantFrom(...SOURCE_BYS),
  metric: fc.constantFrom(...METRICS),
  limit: fc.constantFrom(1, 2, 50),
  port: fc.constantFrom(3306, 3306, undefined),
  namespace: fc.constantFrom(undefined, undefined, "shop"),
  node: fc.constantFrom(undefined, undefined, "node-1"),
});

function reportOf({ at, flows }: Window, sequence: number, node: number) {
  const own = flows.filter((one) => one.node === node);
  const row = (one: Flow): GroupRow => ({
    source: addressOf(one.pod),
    peer: one.peer,
    peerPort: one.peerPort,
    protocol: one.protocol,
    nat: one.translated ? "snat" : "none",
    ...(one.translated && { natAddress: natOf(one) }),
    entries: one.entries,
    opened: one.opened,
    bytes: one.bytes,
  });
  const all = aSegment(own.map(row));
  const left = own.filter(({ listed }) => !listed);
  const rest = (metric: Metric) => left.reduce((sum, one) => sum + one[metric], 0);
  const columns = Object.entries(all.groups) as [string, number[]][];
  const groups = columns.map(([name, values]) => [name, values.filter((_, at) => own[at]!.listed)]);
  return aStoredReport({
    sequence,
    from: START + at * WINDOW_MS,
    node: { name: `node-${node}` },
    segment: encodeSegment({
      ...all,
      groups: Object.fromEntries(groups) as Segment["groups"],
      groupRemainder: {
        groups: left.length,
        entries: rest("entries"),
        unreplied: 0,
        opened: rest("opened"),
        bytes: rest("bytes"),
      },
    }),
    details: encodeDetails({
      addresses: [],
      owners: ownersOf(
        [1, 2, 3, 4]
          .filter((pod) => nodeOf(pod) === node)
          .map((pod) => ({
            address: addressOf(pod),
            name: `pod-${pod}`,
            namespace: NAMESPACES[pod]!,
            workload: WORKLOADS[pod]!,
            workloadKind: WORKLOADS[pod] ? "Deployment" : "",
          })),
        true,
      ),
    }),
  });
}

/** As the key of an answer's row says it, in part. */
const ROW: Record<SourceBy, (one: Flow) => string> = {
  pod: ({ pod }) => (pod === 0 ? "" : `pod-${pod}`),
  workload: ({ pod }) => (pod === 0 ? "" : WORKLOADS[pod] || `pod-${pod}`),
  namespace: ({ pod }) => NAMESPACES[pod]!,
  address: ({ pod }) => addressOf(pod),
  cluster: () => "all",
  "nat-address": natOf,
};
const FIELD: Record<SourceBy, number> = {
  pod: 2,
  workload: 2,
  namespace: 0,
  address: 0,
  cluster: 0,
  "nat-address": 0,
};
const nameOf = (by: SourceBy, key: string) => (by === "cluster" ? "all" : key.split("\0")[FIELD[by]]!);

type Question = typeof question extends fc.Arbitrary<infer Q> ? Q : never;

/** What each row truly has: of gauges the most in any minute, its nodes added up, of each the most of its windows in it. */
function truth(all: readonly Window[], { by, metric, port, namespace, node }: Question) {
  const matches = (one: Flow) =>
    one.peer === PEER &&
    one.protocol === 6 &&
    (port === undefined || one.peerPort === port) &&
    (namespace === undefined || NAMESPACES[one.pod] === namespace) &&
    (node === undefined || one.node === 1);
  const rowsOf = (name: (one: Flow) => string) => {
    const found = new Map<string, Map<string, number>>();
    for (const { at, flows } of all) {
      const held = new Map<string, number>();
      for (const one of flows.filter(matches)) {
        const key = JSON.stringify([name(one), Math.floor((START + at * WINDOW_MS) / 60_000), one.node]);
        held.set(key, (held.get(key) ?? 0) + one[metric]);
      }
      for (const [key, value] of held) {
        const [row, minute, of] = JSON.parse(key) as [string, number, number];
        const place = `${minute} ${of}`;
        const places = found.get(row) ?? new Map<string, number>();
        found.set(row, places);
        const before = places.get(place) ?? 0;
        places.set(place, isCount(metric) ? before + value : Math.max(before, value));
      }
    }
    return new Map([...found].map(([row, places]) => [row, summed(places)]));
  };
  const summed = (places: Map<string, number>) => {
    const minutes = new Map<string, number>();
    for (const [place, value] of places) {
      const minute = isCount(metric) ? "all" : place.split(" ")[0]!;
      minutes.set(minute, (minutes.get(minute) ?? 0) + value);
    }
    return Math.max(0, ...minutes.values());
  };
  return { rows: rowsOf(ROW[by]), whole: rowsOf(() => "all").get("all") ?? 0 };
}

async function isRight(all: Window[], questions: Question[]) {
  const db = await freshDb();
  await aCluster(db);
  await storeReports(
    db,
    all.flatMap((window, i) => [1, 2].map((node) => reportOf(window, i, node))),
  );
  const now = START + 2 * HOUR_MS;
  await tick(db, now);
  const range = { from: START, to: START + HOUR_MS, retention: DEFAULT_RETENTION, now };
  for (const asked of questions) {
    const answer = await sourcesOf(db, { clusterId: 1, peer: PEER, protocol: 6, ...asked, ...range });
    if (answer.rankedBy !== asked.metric) continue;
    check(answer, asked, truth(all, asked));
  }
}

type Answer = Awaited<ReturnType<typeof sourcesOf>>;

function check(answer: Answer, { by, metric }: Question, right: ReturnType<typeof truth>) {
  const { rows } = answer;
  const mayBeMore = answer.peaksAdded && !isCount(metric);
  const of = ({ amounts }: Answer["rows"][number]) => amounts[metric] ?? 0;
  for (const row of rows) {
    const truly = right.rows.get(nameOf(by, row.key)) ?? 0;
    if (!mayBeMore) expect(of(row)).toBeLessThanOrEqual(truly);
    expect(of(row) + (answer.lack[metric] ?? 0)).toBeGreaterThanOrEqual(truly);
    if (answer.exact) expect(of(row)).toBe(truly);
  }
  const listed = new Set(rows.map(({ key }) => nameOf(by, key)));
  for (const [name, value] of right.rows)
    if (!listed.has(name) && name !== "") expect(value).toBeLessThanOrEqual(answer.missing[metric] ?? 0);
  if (isCount(metric)) checkSum(answer, metric, right.whole);
}

function checkSum({ rows, unattributed, remainder, total }: Answer, metric: Metric, whole: number) {
  const parts = [...rows, remainder, ...(unattributed ? [unattributed] : [])];
  const sum = parts.reduce((all, { amounts }) => all + (amounts[metric] ?? 0), 0);
  expect(sum).toBe(total[metric] ?? 0);
  expect(sum).toBeLessThanOrEqual(whole);
}

test("whatever reaches a peer is told within the bounds, and counts add up to a total that is not too large", async () => {
  await fc.assert(fc.asyncProperty(windows, fc.array(question, { minLength: 10, maxLength: 10 }), isRight), {
    numRuns: ON_WORKERS ? 2 : 12,
  });
});

test("where more Pods reach a peer than a table lists, the total and the remainder are exact all the same", async () => {
  const pods = 700;
  const addressOf = (pod: number) => `10.${1 + Math.floor(pod / 200)}.0.${pod % 200}`;
  const rows = Array.from({ length: pods }, (_, pod): GroupRow[] => {
    const some = { source: addressOf(pod), nat: "snat", natAddress: "192.0.2.1" } as const;
    return [
      { ...some, peer: PEER, peerPort: 3306, entries: 1 + pod, opened: 10 + pod },
      { ...some, peer: OTHER, peerPort: 443, entries: 5000, opened: 9000 },
    ];
  }).flat();
  const owners = ownersOf(
    Array.from({ length: pods }, (_, pod) => ({ address: addressOf(pod), name: `pod-${pod}` })),
    true,
  );
  const db = await freshDb();
  await aCluster(db);
  await storeReports(db, [
    aStoredReport({
      segment: encodeSegment(aSegment(rows)),
      details: encodeDetails({ addresses: [], owners }),
    }),
  ]);
  const now = START + 2 * HOUR_MS;
  await tick(db, now);
  const range = { from: START, to: START + HOUR_MS, retention: DEFAULT_RETENTION, now };
  const ask = (metric: "opened" | "entries") =>
    sourcesOf(db, {
      clusterId: 1,
      by: "pod",
      peer: PEER,
      port: 3306,
      protocol: 6,
      metric,
      limit: 20,
      ...range,
    });
  const opened = (pods * (pods - 1)) / 2 + 10 * pods;
  const answer = await ask("opened");
  const listed = answer.rows.reduce((sum, { amounts }) => sum + amounts.opened!, 0);
  expect(answer.total.opened).toBe(opened);
  expect(answer.remainder.amounts.opened).toBe(opened - listed);
  expect(answer.missing.opened).toBeLessThanOrEqual(opened - listed);
  expect((await ask("entries")).total.entries).toBe((pods * (pods + 1)) / 2);
});

test("of all ports of an address, of which a table does not list all, nothing is said to be whole that is not", async () => {
  const ports = 700;
  const rows = Array.from({ length: ports }, (_, port): GroupRow => ({
    source: "10.0.0.1",
    peer: PEER,
    peerPort: 1 + port,
    entries: 1,
    opened: 10 + port,
  }));
  const db = await freshDb();
  await aCluster(db);
  await storeReports(db, [aStoredReport({ segment: encodeSegment(aSegment(rows)) })]);
  const now = START + 2 * HOUR_MS;
  await tick(db, now);
  const range = { from: START, to: START + HOUR_MS, retention: DEFAULT_RETENTION, now };
  const {
    rows: found,
    lack,
    exact,
  } = await sourcesOf(db, {
    clusterId: 1,
    by: "cluster",
    peer: PEER,
    protocol: 6,
    metric: "opened",
    limit: 20,
    ...range,
  });
  const truly = (ports * (ports - 1)) / 2 + 10 * ports;
  expect(found[0]!.amounts.opened).toBeLessThan(truly);
  expect(found[0]!.amounts.opened! + lack.opened!).toBeGreaterThanOrEqual(truly);
  expect(exact).toBe(false);
});

test("what is listed nowhere is not taken for flows to the peer, where all that are listed go there", async () => {
  const flows: GroupRow[] = [{ source: "10.0.0.1", peer: PEER, peerPort: 3306, entries: 4, opened: 3 }];
  const rest = { groups: 1, entries: 90, unreplied: 0, opened: 50 };
  const db = await freshDb();
  await aCluster(db);
  await storeReports(db, [
    aStoredReport({ segment: encodeSegment(aSegment(flows, { groupRemainder: rest })) }),
  ]);
  const now = START + 2 * HOUR_MS;
  await tick(db, now);
  const range = { from: START, to: START + HOUR_MS, retention: DEFAULT_RETENTION, now };
  const asked = { clusterId: 1, by: "nat-address", peer: PEER, port: 3306, protocol: 6, limit: 20 } as const;
  const { total, remainder, lack } = await sourcesOf(db, { ...asked, ...range });
  expect([total.opened, total.entries, remainder.amounts.opened]).toEqual([3, 4, 0]);
  expect(lack.opened).toBe(50);
});
