import { beforeEach, test } from "vitest";
import { GONE_AFTER_MS } from "../../db/queries/held-until.ts";
import { ownersOf } from "../../db/queries/peer-owners.ts";
import { storeReports } from "../../db/queries/reports.ts";
import { NOW } from "../support/a-report.ts";
import { applied, saying } from "../support/owner-words.ts";
import { ADMIN, openService, type Service } from "../support/service.ts";
import { aStoredReport } from "../support/stored-report.ts";

const A = "10.1.0.7";
const MINUTE = 60_000;
let service: Service;
const ask = (query: string, token = ADMIN) => service.ask("GET", `/v1/owners?${query}`, { token });
const names = async (query: string) =>
  (await ask(query)).body.owners.map(
    (row: { name: string; cluster: string }) => `${row.cluster} ${row.name}`,
  );

beforeEach(async () => {
  service = await openService();
  for (const [at, cluster] of ["prod", "test"].entries()) {
    await service.token("ingest", cluster);
    await storeReports(service.db, [aStoredReport({ clusterId: at + 1, node: { name: "node-1" } })]);
  }
  const pod = (name: string, since: number, until: number | null = null) => ({
    address: A,
    name,
    uid: `uid-${name}`,
    since,
    until,
    workloadKind: "Deployment",
    workload: "web",
  });
  await applied(service.db, [
    saying(
      NOW - 30 * MINUTE,
      [pod("web-1", NOW - 60 * MINUTE, NOW - 30 * MINUTE), pod("web-2", NOW - 30 * MINUTE)],
      { complete: true },
    ),
    saying(
      NOW - 10 * MINUTE,
      [pod("web-3", NOW - 9 * MINUTE), { address: A, kind: "host", name: "never", until: 0 }],
      { complete: true },
    ),
    saying(NOW - 10 * MINUTE, [
      { address: "10.96.0.1", kind: "service", name: "api", namespace: null as never },
    ]),
  ]);
  await applied(
    service.db,
    [
      saying(NOW - 9 * MINUTE, [{ ...pod("other", NOW - 9 * MINUTE), address: "2001:db8::1" }], {
        nodeId: 2,
      }),
    ],
    {
      clusterId: 2,
    },
  );
});

test("who held an address is told with when, where and how that is known, the latest first", async ({
  expect,
}) => {
  const { status, body } = await ask(`address=${A}&cluster=prod`);
  expect(status).toBe(200);
  const shared = {
    cluster: "prod",
    node: "node-1",
    address: A,
    kind: "pod",
    namespace: "shop",
    workloadKind: "Deployment",
    workload: "web",
    source: "kubernetes",
  };
  expect(body).toEqual({
    owners: [
      {
        ...shared,
        name: "web-3",
        uid: "uid-web-3",
        since: "2026-11-21T11:51:00.000Z",
        until: null,
        endedBy: null,
      },
      {
        ...shared,
        name: "web-2",
        uid: "uid-web-2",
        since: "2026-11-21T11:30:00.000Z",
        until: "2026-11-21T11:50:00.000Z",
        endedBy: "absence",
      },
      {
        ...shared,
        name: "web-1",
        uid: "uid-web-1",
        since: "2026-11-21T11:00:00.000Z",
        until: "2026-11-21T11:30:00.000Z",
        endedBy: "report",
      },
    ],
  });
});

test("at an instant there are those who held it then: from their start on, and before their end", async ({
  expect,
}) => {
  const at = (minutes: number) => names(`address=${A}&cluster=prod&at=${NOW - minutes * MINUTE}`);
  expect(await at(61)).toEqual([]);
  expect(await at(60)).toEqual(["prod web-1"]);
  expect(await at(30)).toEqual(["prod web-2"]);
  expect(await at(10)).toEqual([]);
  expect(await at(0)).toEqual(["prod web-3"]);
});

test("an address is asked for in any spelling, a Pod by namespace and name, all by cluster and node", async ({
  expect,
}) => {
  expect(await names("address=2001:DB8:0::1")).toEqual(["test other"]);
  expect(await names("address=::ffff:10.1.0.7")).toEqual([]);
  expect(await names("pod=web-2")).toEqual(["prod web-2"]);
  expect(await names("namespace=shop&pod=web-2&node=node-1")).toEqual(["prod web-2"]);
  expect(await names("namespace=other&pod=web-2")).toEqual([]);
  expect(await names("pod=web-2&node=node-2")).toEqual([]);
  expect(await names("pod=web-2&cluster=test")).toEqual([]);
  expect((await ask("address=10.96.0.1")).body.owners).toMatchObject([
    { node: null, kind: "service", namespace: "shop", uid: null, workload: null, since: null, until: null },
  ]);
});

test("pages go through all clusters, each row once, in one order", async ({ expect }) => {
  const all = await names("namespace=shop");
  expect(all).toEqual(["prod web-3", "test other", "prod web-2", "prod web-1", "prod api"]);
  for (const limit of [1, 2, 3, 4]) {
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const { body } = await ask(`namespace=shop&limit=${limit}${cursor ? `&cursor=${cursor}` : ""}`);
      expect(body.owners.length).toBeLessThanOrEqual(limit);
      seen.push(...body.owners.map((row: { name: string; cluster: string }) => `${row.cluster} ${row.name}`));
      cursor = body.next;
    } while (cursor && seen.length < 10);
    expect(seen).toEqual(all);
  }
});

test.for([
  ["", "address"],
  [`at=${NOW}`, "address"],
  ["address=10.1.0.300", "address"],
  [`address=${A}&at=yesterday`, "at"],
  [`address=${A}&limit=501`, "limit"],
  [`address=${A}&cursor=${btoa("node-1")}`, "cursor"],
  [`address=${A}&pid=1`, ""],
  ["pod=", "pod"],
  [`pod=${"x".repeat(254)}`, "pod"],
] as const)("%s is refused", async ([query, parameter], { expect }) => {
  const { status, body } = await ask(query);
  expect(status).toBe(422);
  expect(JSON.stringify(body.errors)).toContain(parameter);
});

test("a token of one cluster learns nothing of another; one that posts learns nothing", async ({
  expect,
}) => {
  const reader = await service.token("read", "test");
  expect((await ask("namespace=shop", reader)).body.owners).toMatchObject([{ cluster: "test" }]);
  expect((await ask(`address=${A}&cluster=prod`, reader)).status).toBe(404);
  expect((await ask(`address=${A}`, await service.token("ingest", "prod"))).status).toBe(403);
  expect((await service.ask("GET", `/v1/owners?address=${A}`)).status).toBe(401);
});

test("what a node that is gone held ended with its last window", async ({ expect }) => {
  const silent = NOW - 10 * MINUTE + GONE_AFTER_MS;
  const held = async (at: number) => {
    service.clock.now = at;
    const { body } = await ask(`address=${A}&cluster=prod&at=${at}`);
    const listed = (await ask(`address=${A}&cluster=prod`)).body.owners[0];
    return [body.owners.map((row: { name: string }) => row.name), listed.until, listed.endedBy];
  };
  await storeReports(service.db, [
    aStoredReport({
      sequence: 1,
      node: { name: "node-1" },
      from: NOW - 11 * MINUTE,
      to: NOW - 10 * MINUTE + 1,
    }),
  ]);
  expect(await held(silent + 1)).toEqual([["web-3"], null, null]);
  const last = new Date(NOW - 9 * MINUTE + 1).toISOString();
  expect(await held(silent + MINUTE + 2)).toEqual([[], last, "absence"]);
});

test("what a node that was retired held ended with its last window, and it holds it when it is back", async ({
  expect,
}) => {
  const window = (sequence: number, from: number) =>
    storeReports(service.db, [
      aStoredReport({
        sequence,
        node: { name: "node-1" },
        from,
        to: from + MINUTE,
        receivedAt: from + MINUTE,
      }),
    ]);
  const ofPeer = async (at: number) => (await ownersOf(service.db, 1, [A], at)).get(A)?.name;
  await window(1, NOW - 5 * MINUTE);
  await service.ask("POST", "/v1/clusters/prod/nodes/node-1/retire", { token: ADMIN });
  expect((await ask(`address=${A}&cluster=prod`)).body.owners[0]).toMatchObject({
    name: "web-3",
    until: new Date(NOW - 4 * MINUTE).toISOString(),
    endedBy: "absence",
  });
  expect(await ofPeer(NOW - 4 * MINUTE - 1)).toBe("web-3");
  expect(await ofPeer(NOW - 4 * MINUTE)).toBeUndefined();
  await window(2, NOW + MINUTE);
  expect(await ofPeer(NOW + MINUTE)).toBe("web-3");
  expect((await ask(`address=${A}&cluster=prod`)).body.owners[0]).toMatchObject({ until: null });
});
