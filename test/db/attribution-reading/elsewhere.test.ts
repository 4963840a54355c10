import { freshDb } from "#fresh-db";
import { describe, expect, test } from "vitest";
import type { Question } from "../../../db/attribution/answer.ts";
import type { Db } from "../../../db/client.ts";
import { attribute, type Place } from "../../../db/queries/attribution.ts";
import { MAY_HAVE_MS } from "../../../db/queries/attribution/places.ts";
import { retireNode } from "../../../db/queries/nodes.ts";
import { storeReports, type StoredReport } from "../../../db/queries/reports.ts";
import { DEFAULT_RETENTION } from "../../../db/tiers.ts";
import { upkeepOf } from "../../support/folded.ts";
import { aLeased, NAT, PEER, second } from "../../support/leased.ts";
import { ownersOf } from "../../support/owner-words.ts";
import { aCluster, START } from "../../support/stored-report.ts";

const WEB = "10.244.0.11";
const HOUR = 3_600;
const owners = (address = WEB, rest = {}) =>
  ownersOf([{ address, name: "web-1", uid: "web-1", since: START - HOUR, until: null, ...rest }], true);
const TWO = { name: "node-2", addresses: ["192.168.0.24"], bootId: "b0071d00-0000-4000-8000-000000000002" };
const CLUSTERS = [
  { id: 1, name: "prod" },
  { id: 2, name: "two" },
];

async function aDb(...reports: StoredReport[][]): Promise<Db> {
  const db = await freshDb();
  for (const { name } of CLUSTERS) await aCluster(db, name);
  await storeReports(db, reports.flat());
  return db;
}

type Some = Parameters<typeof aLeased>[0];
/** Windows one after the other from that second on, the first with a keyframe. */
const windows = (count: number, some: Some = {}, said: Record<number, Some> = {}, from = 0): StoredReport[] =>
  Array.from({ length: count }, (_, sequence) =>
    aLeased({
      ...(sequence === 0 && { keyframe: [] }),
      ...some,
      sequence,
      from: second(from + 30 * sequence),
      to: second(from + 30 * sequence + 30),
      ...said[sequence],
    }),
  );

const asked = async (db: Db, at: number, some: Partial<Question> = {}, place: Partial<Place> = {}) => {
  const whole: Place = { clusters: CLUSTERS, now: second(at + 120), retention: DEFAULT_RETENTION, ...place };
  const { certainty, candidates, reasons } = await attribute(db, whole, {
    address: NAT,
    port: 40_000,
    protocol: 6,
    peer: PEER,
    peerPort: 5432,
    at: second(at),
    toleranceMs: 5_000,
    ...some,
  });
  return [certainty, ...candidates.map(({ via, owner }) => `${via} ${owner?.name}`), ...reasons].join(", ");
};

describe("an address that moved from one node to another", () => {
  const VIP = "192.168.0.100";
  const held = { source: WEB, natPort: 40_000, opened: 5, natAddress: VIP };
  const one = windows(
    60,
    { node: { addresses: [NAT] } },
    {
      0: { node: { addresses: [NAT, VIP] }, keyframe: [held], owners: owners() },
    },
  );
  const before = windows(1, { node: TWO, owners: owners("10.244.1.1") });
  const after = windows(60, { node: { ...TWO, addresses: ["192.168.0.24", VIP] } }).slice(1);

  test("is not certain while only the node that lost it reports, and is when both do", async () => {
    const db = await aDb(one, before);
    expect(await asked(db, 900, { address: VIP })).toBe("probable, snat web-1, elsewhere-incomplete");
    expect(await asked(db, 900, { address: VIP, port: 40_001 })).toBe("blind, elsewhere-incomplete");
    await storeReports(db, after);
    expect(await asked(db, 900, { address: VIP })).toBe("certain, snat web-1");
  });

  test("is looked for at the node that has it now, though it said so only later", async () => {
    const db = await aDb(one, windows(5, { node: { ...TWO, addresses: [VIP] } }, {}, 3 * HOUR));
    expect(await asked(db, 900, { address: VIP })).toBe("probable, snat web-1, elsewhere-incomplete");
    await storeReports(
      db,
      windows(60, { node: TWO }).map((report) => ({ ...report, sequence: report.sequence + 100 })),
    );
    expect(await asked(db, 900, { address: VIP })).toBe("certain, snat web-1");
  });
});

describe("another node with the address that is silent since", () => {
  const at = (MAY_HAVE_MS / 1000) * 2;
  const here = windows(60, {}, { 1: { leases: [{ source: WEB, natPort: 40_000, opened: at + 35 }] } }, at);
  const said = windows(60, {}, { 0: { keyframe: [], owners: owners() } }, at).slice(0, 1);
  /** Its last window ends so many seconds before, at the end of an hour. */
  const other = (ago: number, some: Some = {}) => windows(3, { clusterId: 2, ...some }, {}, at - ago - 90);
  const since = (Math.ceil((START + at * 1000) / 3_600_000) * 3_600_000 - START) / 1000 - HOUR;

  test.for([
    [600, "probable, snat web-1, elsewhere-incomplete"],
    [3 * HOUR, "probable, snat web-1, elsewhere-incomplete"],
    [20 * HOUR, "probable, snat web-1, elsewhere-incomplete"],
    [27 * HOUR, "certain, snat web-1"],
  ] as const)("for %i s may have it yet, and so it is %s", async ([ago, expected]) => {
    const db = await aDb(other(ago), said, here.slice(1));
    expect(await asked(db, at + 900)).toBe(expected);
  });

  test("may put an address in others' place that it does not list", async () => {
    const db = await aDb(
      other(3 * HOUR, { node: TWO, keyframe: [{ source: WEB, natPort: 1 }] }),
      said,
      here.slice(1),
    );
    expect(await asked(db, at + 900)).toBe("probable, snat web-1, elsewhere-incomplete");
  });

  test("has it no more where it retired", async () => {
    const db = await aDb(other(3 * HOUR), said, here.slice(1));
    await retireNode(db, 2, "node-1", START + (at - 3 * HOUR + 1) * 1000);
    expect(await asked(db, at + 900)).toBe("certain, snat web-1");
  });

  test("has it no more where another of its cluster took it over", async () => {
    const gone = windows(3, { node: { ...TWO, addresses: [NAT] } }, {}, since - 3 * HOUR);
    const db = await aDb(gone, said, here.slice(1));
    expect(await asked(db, at + 900)).toBe("certain, snat web-1");
  });
});

describe("an address of a Pod", () => {
  const own = (db: Db, place: Partial<Place> = {}) => asked(db, 60, { address: WEB, port: 8080 }, place);
  const prod = windows(10, {}, { 0: { owners: owners() } });

  test("is not certain where another cluster does not say who holds its addresses", async () => {
    const db = await aDb(prod, windows(10, { clusterId: 2, node: { addresses: ["192.168.7.7"] } }));
    await upkeepOf(db).tick(second(300));
    const now = second(300);
    expect(await own(db, { now })).toBe("probable, own web-1, several-clusters");
    expect(await own(db, { now, clusters: CLUSTERS.slice(0, 1) })).toBe("certain, own web-1");
  });

  test("is certain where it says so, and that was another", async () => {
    const elsewhere = owners("10.244.9.9", { since: START - HOUR * 1000 });
    const db = await aDb(prod, windows(10, { clusterId: 2 }, { 0: { owners: elsewhere } }));
    await upkeepOf(db).tick(second(300));
    expect(await own(db, { now: second(300) })).toBe("certain, own web-1");
  });
});

test("a node's address at which a Service is reached is not the Service, whoever is away", async () => {
  const service = owners(NAT, { kind: "service", name: "traefik" });
  const db = await aDb(windows(3, { node: TWO }, { 0: { keyframe: [], owners: service } }), windows(3));
  await upkeepOf(db).tick(second(300));
  expect(await asked(db, 60, { port: 443 })).toBe("probable, host node-1, no-lease");
  expect(await asked(db, 5 * HOUR, { port: 443 })).toMatch(/^blind, /);
});
