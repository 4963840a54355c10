import { freshDb } from "#fresh-db";
import { expect, test } from "vitest";
import type { Db } from "../../../db/client.ts";
import { encodeDetails } from "../../../db/details.ts";
import { fullestPorts, LOOK_BACK_MS, trendsOf } from "../../../db/queries/ports.ts";
import { dumpsIn, DUMPS_BEFORE, PAGE_BYTES, PAGE_ROWS } from "../../../db/queries/ports/dumps.ts";
import { storeReports } from "../../../db/queries/reports.ts";
import { ON_WORKERS } from "../../support/on-workers.ts";
import {
  aCluster,
  aDump,
  aStoredReport,
  randomNumbers,
  START,
  WINDOW_MS,
} from "../../support/stored-report.ts";

type Row = {
  used: number;
  peer?: string;
  peerPort?: number;
  protocol?: number;
  natAddress?: string;
  source?: string;
};
type Window = {
  at: number;
  node?: string;
  rows?: readonly Row[] | undefined;
  takenAt?: number;
  interrupted?: boolean;
  snat?: number;
};

function portsOf(rows: readonly Row[]) {
  const addresses = [
    ...new Set(
      rows.flatMap(({ peer = "203.0.113.9", natAddress = "192.0.2.1", source = "10.0.0.1" }) => [
        peer,
        natAddress,
        source,
      ]),
    ),
  ];
  const at = (address: string) => addresses.indexOf(address);
  return {
    addresses,
    ports: {
      natAddress: rows.map(({ natAddress = "192.0.2.1" }) => at(natAddress)),
      peer: rows.map(({ peer = "203.0.113.9" }) => at(peer)),
      peerPort: rows.map(({ peerPort = 3306 }) => peerPort),
      protocol: rows.map(({ protocol = 6 }) => protocol),
      used: rows.map(({ used }) => used),
      sources: rows.map(() => 1),
      shares: {
        row: rows.map((_, row) => row),
        source: rows.map(({ source = "10.0.0.1" }) => at(source)),
        used: rows.map(({ used }) => used),
      },
    },
  };
}

/** `at`: number of the window since START; its dump is taken a second before its end, where none is said. */
const windowOf = ({
  at,
  node = "node-1",
  rows,
  takenAt = START + (at + 1) * WINDOW_MS - 1000,
  interrupted = false,
  snat = 0,
}: Window) =>
  aStoredReport({
    sequence: at,
    node: { name: node },
    completeness: { interrupted },
    dump: aDump({ takenAt, byNat: { none: 5, snat, dnat: 0, both: 0 } }),
    ...(rows && { details: encodeDetails(portsOf(rows)) }),
  });

async function stored(...windows: Window[]): Promise<Db> {
  const db = await freshDb();
  await aCluster(db);
  await storeReports(db, windows.map(windowOf));
  return db;
}

const END = START + 100 * WINDOW_MS;
const ask = (db: Db, more: Partial<Parameters<typeof fullestPorts>[2]> = {}) =>
  fullestPorts(db, 1, { at: END, limit: 10, ...more });

test("the last dump of each node counts, the fullest first", async () => {
  const db = await stored(
    { at: 98, rows: [{ used: 900 }] },
    { at: 99, rows: [{ used: 5, peerPort: 53, protocol: 17 }, { used: 700 }] },
    {
      at: 97,
      node: "node-2",
      rows: [{ used: 800, peer: "fd00::9", natAddress: "fd00::1", source: "fd00:1::5" }],
    },
  );
  const { rows, ...rest } = await ask(db);
  expect(rows.map(({ node, used, peer, protocol }) => [node, used, peer, protocol])).toEqual([
    ["node-2", 800, "fd00::9", 6],
    ["node-1", 700, "203.0.113.9", 6],
    ["node-1", 5, "203.0.113.9", 17],
  ]);
  expect(rest).toEqual({ matching: 3, nodes: { reporting: 2, known: 2 }, unlisted: 0 });
  expect((await ask(db, { limit: 1 })).rows.map(({ used }) => used)).toEqual([800]);
});

test("of a table that is read rarely, windows after the dump lead back to it", async () => {
  const takenAt = START + 90 * WINDOW_MS + 7;
  const later = Array.from({ length: 9 }, (_, i) => ({ at: 91 + i, takenAt }));
  const db = await stored({ at: 90, rows: [{ used: 60_000 }], takenAt, interrupted: true }, ...later);
  const { rows } = await ask(db);
  expect(rows).toMatchObject([{ used: 60_000, takenAt, interrupted: true }]);
});

test("where the report of the dump is missing, or says nothing of ports, the dump before counts", async () => {
  for (const before of [0, 1, DUMPS_BEFORE, DUMPS_BEFORE + 1]) {
    const untold = Array.from({ length: before }, (_, i) => ({ at: 99 - i }));
    const db = await stored({ at: 99 - before, rows: [{ used: 12 }] }, ...untold);
    const { rows, nodes } = await ask(db);
    const found = before <= DUMPS_BEFORE;
    expect([before, rows.length, nodes]).toEqual([
      before,
      Number(found),
      { reporting: 1, known: Number(found) },
    ]);
  }
});

test("a dump is not too old, and none of the time after", async () => {
  const takenAt = START + 99_999;
  const db = await stored({ at: 3, rows: [{ used: 12 }], takenAt });
  const used = async (at: number) => (await ask(db, { at })).rows.map((row) => row.used);
  expect(await used(takenAt - 1)).toEqual([]);
  expect(await used(takenAt)).toEqual([12]);
  expect(await used(takenAt + LOOK_BACK_MS - 1)).toEqual([12]);
  expect(await used(takenAt + LOOK_BACK_MS)).toEqual([]);
});

test("what nodes do not list has no more than the last they list, and than what is translated in all", async () => {
  const rows = [{ used: 50 }, { used: 20, peerPort: 53 }];
  for (const [snat, unlisted] of [
    [69, 0],
    [70, 0],
    [75, 5],
    [90, 20],
    [900, 20],
  ] as const) {
    const db = await stored({ at: 99, rows, snat }, { at: 99, node: "node-2", rows: [{ used: 3 }], snat: 3 });
    expect([snat, (await ask(db)).unlisted]).toEqual([snat, unlisted]);
  }
  const none = await stored({ at: 99, rows: [], snat: 6 });
  expect((await ask(none)).unlisted).toBe(6);
});

test("a node that lists nothing is known", async () => {
  const db = await stored({ at: 99, rows: [] });
  expect(await ask(db)).toEqual({ rows: [], matching: 0, nodes: { reporting: 1, known: 1 }, unlisted: 0 });
});

test("what each row is decides whether it is asked for", async () => {
  const db = await stored(
    {
      at: 99,
      rows: [
        { used: 9 },
        { used: 8, natAddress: "192.0.2.2" },
        { used: 7, peer: "fd00::9" },
        { used: 6, peerPort: 53 },
        { used: 5, protocol: 1 },
      ],
    },
    { at: 99, node: "node-2", rows: [{ used: 4 }] },
  );
  const used = async (filter: Parameters<typeof ask>[1]) =>
    (await ask(db, filter)).rows.map((row) => row.used);
  expect(await used({ natAddress: "192.0.2.2" })).toEqual([8]);
  expect(await used({ peer: "fd00::9" })).toEqual([7]);
  expect(await used({ port: 53 })).toEqual([6]);
  expect(await used({ protocol: 1 })).toEqual([5]);
  expect(await used({ node: "node-2" })).toEqual([4]);
  expect(await used({ node: "node-2", port: 53 })).toEqual([]);
  expect(await used({ pod: "web-1" })).toEqual([]);
});

test("ids of ICMP are more than ports: as many in use fill less", async () => {
  const db = await stored({ at: 99, rows: [{ used: 1000, protocol: 1 }, { used: 1000 }] });
  expect((await ask(db)).rows.map(({ protocol }) => protocol)).toEqual([6, 1]);
});

test("more nodes than a page has are all read, each once, in pages of rows and of bytes", async () => {
  const nodes = ON_WORKERS ? 2 : 8;
  const random = randomNumbers(3);
  // Hardly to be compressed: eight of them take more than a page, one less than a row may have.
  const text = Array.from({ length: 750_000 }, () =>
    String.fromCharCode(32 + Math.floor(random() * 90)),
  ).join("");
  const details = encodeDetails({ ...portsOf([{ used: 5 }]), ages: text })!;
  if (!ON_WORKERS) expect(details.length * nodes).toBeGreaterThan(PAGE_BYTES);
  const db = await freshDb();
  await aCluster(db);
  for (let node = 0; node < nodes; node++)
    await storeReports(db, [{ ...windowOf({ at: 99, node: `node-${node}` }), details }]);
  let reads = 0;
  const counting: Db = Object.create(db, {
    all: { value: (query: Parameters<Db["all"]>[0]) => (reads++, db.all(query)) },
  });
  const wanted = Array.from({ length: PAGE_ROWS + nodes }, (_, i) => ({
    nodeId: 1 + (i % nodes),
    from: i < nodes || i >= PAGE_ROWS ? 0 : END,
    to: END,
  }));
  const places: number[] = [];
  for await (const { place } of dumpsIn(counting, 1, wanted)) places.push(place);
  expect(places).toEqual(wanted.flatMap(({ from }, place) => (from === 0 ? [place] : [])));
  // Twice eight of them fill two pages and begin a third; twice two begin one of rows after the other.
  expect(reads).toBe(ON_WORKERS ? 2 : 3);
});

test("a trend has a point of each part of the time before the dump, as far as the row was listed", async () => {
  const rising = Array.from({ length: 60 }, (_, i) => ({
    at: 40 + i,
    rows: [{ used: 1000 + 10 * i }, ...(i % 2 ? [{ used: 3, peerPort: 53 }] : [])],
  }));
  const db = await stored(...rising, { at: 99, node: "node-2", rows: [{ used: 2 }] });
  const { rows } = await ask(db, { limit: 3 });
  const trends = await trendsOf(db, 1, rows, { sinceMs: 10 * 2 * WINDOW_MS, points: 10 });
  const [first, second, third] = rows.map((row) => trends.get(row)!);
  expect(first).toEqual(
    Array.from({ length: 10 }, (_, i) => {
      const window = 99 - 2 * (9 - i);
      return [START + (window + 1) * WINDOW_MS - 1000, 1000 + 10 * (window - 40)];
    }),
  );
  expect(second!.every(([, used]) => used === 3)).toBe(true);
  expect([second!.length, third]).toEqual([10, [[rows[2]!.takenAt, 2]]]);
});
