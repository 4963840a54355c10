import { test } from "vitest";
import { aReport, NOW } from "../support/a-report.ts";
import { ADMIN, openService, type Service } from "../support/service.ts";

const add = (service: Service, json: unknown) => service.ask("POST", "/v1/clusters", { token: ADMIN, json });
const mint = (service: Service, json: unknown) => service.ask("POST", "/v1/tokens", { token: ADMIN, json });
const get = (service: Service, path: string, token = ADMIN) => service.ask("GET", path, { token });

test("a cluster is added, found and forgotten with all its data", async ({ expect }) => {
  const service = await openService();
  const added = await add(service, { name: "prod" });
  const described = { nodes: 0, reporting: 0, lastSeenAt: null, utilisation: null };
  const words = { name: "prod", createdAt: "2026-11-21T12:00:00.000Z" };
  expect([added.status, added.body]).toEqual([201, { ...words, ...described }]);
  expect((await get(service, "/v1/clusters/prod")).body).toEqual(added.body);
  await service.post(await service.token("ingest", "prod"), aReport());
  expect((await service.ask("DELETE", "/v1/clusters/prod", { token: ADMIN })).status).toBe(204);
  expect((await get(service, "/v1/clusters/prod")).status).toBe(404);
  await add(service, { name: "prod" });
  expect((await get(service, "/v1/clusters/prod/nodes")).body).toEqual({ nodes: [] });
});

test("a cluster says how many nodes it has, how many report, and how full the fullest is", async ({
  expect,
}) => {
  const service = await openService();
  const token = await service.token("ingest", "prod");
  await service.token("ingest", "quiet");
  const { node } = aReport();
  for (const [name, count] of [
    ["a", 100],
    ["b", 900],
  ] as const)
    await service.post(token, aReport({ node: { ...node, name }, table: { count, max: 1000 } }));
  await service.tick();
  const found = async (now: number) => {
    service.clock.now = now;
    const { body } = await get(service, "/v1/clusters/prod");
    expect((await get(service, "/v1/clusters")).body.clusters[0]).toEqual(body);
    return body;
  };
  const prod = { nodes: 2, reporting: 2, lastSeenAt: "2026-11-21T12:00:00.000Z", utilisation: 0.9 };
  expect(await found(NOW)).toMatchObject(prod);
  expect(await found(NOW - 10_000)).toMatchObject({ ...prod, lastSeenAt: "2026-11-21T11:59:50.000Z" });
  expect(await found(NOW + 240_000)).toMatchObject(prod);
  expect(await found(NOW + 240_001)).toMatchObject({ ...prod, reporting: 0, utilisation: null });
  expect((await get(service, "/v1/clusters/quiet")).body).toMatchObject({ nodes: 0, lastSeenAt: null });
  await service.ask("POST", "/v1/clusters/prod/nodes/a/retire", { token: ADMIN });
  expect(await found(NOW + 240_001)).toMatchObject({ nodes: 1 });
  await service.post(
    token,
    aReport({
      sequence: 9,
      node: { ...node, name: "a" },
      window: { from: NOW + 240_001, to: NOW + 240_500 },
    }),
  );
  expect(await found(NOW + 250_000)).toMatchObject({ nodes: 2 });
});

test("a name is taken once", async ({ expect }) => {
  const service = await openService();
  await add(service, { name: "prod" });
  const { status, body } = await add(service, { name: "prod" });
  expect([status, body.type]).toEqual([409, "urn:conntrail:problem:conflict"]);
});

test.for(["a", "0", "a-b", "x".repeat(63)])("%s is a name for a cluster", async (name, { expect }) => {
  const service = await openService();
  expect((await add(service, { name })).status).toBe(201);
  expect((await get(service, `/v1/clusters/${name}`)).status).toBe(200);
});

test.for(["", "A", "-a", "a-", "a.b", "a b", "a/b", "ä", "x".repeat(64), "a\n", null, 5])(
  "%j is no name for a cluster",
  async (name, { expect }) => {
    const service = await openService();
    const { status, body } = await add(service, { name });
    expect([status, body.errors.map(({ path }: { path: string[] }) => path)]).toEqual([422, [["name"]]]);
    expect((await get(service, `/v1/clusters/${encodeURIComponent(String(name))}/nodes`)).status).toBe(404);
  },
);

test("clusters come by name, page by page", async ({ expect }) => {
  const service = await openService();
  for (const name of ["c", "a", "e", "b", "d"]) await add(service, { name });
  const pages: string[][] = [];
  let path: string | undefined = "/v1/clusters?limit=2";
  while (path) {
    const { body } = await get(service, path);
    pages.push(body.clusters.map(({ name }: { name: string }) => name));
    path = body.next && `/v1/clusters?limit=2&cursor=${body.next}`;
  }
  expect(pages).toEqual([["a", "b"], ["c", "d"], ["e"]]);
});

test("a page that is full and the last has no next", async ({ expect }) => {
  const service = await openService();
  for (const name of ["a", "b"]) await add(service, { name });
  expect((await get(service, "/v1/clusters?limit=2")).body.next).toBe(undefined);
});

test.for(["/v1/clusters", "/v1/tokens", "/v1/clusters/prod/nodes"])(
  "%s refuses wrong pages where they are wrong",
  async (path, { expect }) => {
    const service = await openService();
    await add(service, { name: "prod" });
    for (const [parameter, value] of [
      ["limit", "0"],
      ["limit", "501"],
      ["limit", "-1"],
      ["limit", "all"],
      ["cursor", ""],
      ["cursor", "%00"],
      ["cursor", "_w=="],
    ]) {
      const { status, body } = await get(service, `${path}?${parameter}=${value}`);
      expect([parameter, value, status, body.errors?.[0].path]).toEqual([parameter, value, 422, [parameter]]);
    }
    expect((await get(service, `${path}?limit=500`)).status).toBe(200);
  },
);

test("nodes come by name, page by page, also with names beyond ASCII", async ({ expect }) => {
  const service = await openService();
  const token = await service.token("ingest", "prod");
  const { node } = aReport();
  for (const name of ["ü", "b", "a"]) await service.post(token, aReport({ node: { ...node, name } }));
  const pages: string[][] = [];
  let path: string | undefined = "/v1/clusters/prod/nodes?limit=1";
  while (path) {
    const { body } = await get(service, path);
    pages.push(body.nodes.map(({ name }: { name: string }) => name));
    path = body.next && `/v1/clusters/prod/nodes?limit=1&cursor=${body.next}`;
  }
  expect(pages).toEqual([["a"], ["b"], ["ü"]]);
});

test("a node is described by its latest window", async ({ expect }) => {
  const service = await openService();
  const token = await service.token("ingest", "prod");
  await service.post(token, aReport());
  const { body } = await get(service, "/v1/clusters/prod/nodes");
  expect(body.nodes).toEqual([
    {
      name: "node-1",
      state: "live",
      addresses: ["192.168.50.10"],
      bootId: "5f3c1d9e-0c2b-4f7e-9a59-1d2b8f6f0001",
      bootSeenAt: "2026-11-21T12:00:00.000Z",
      boots: 1,
      agent: "0.1.0",
      kernel: "6.18.0",
      kubeProxy: null,
      cores: null,
      memoryBytes: null,
      source: "netlink",
      events: "off",
      blind: [],
      interrupted: null,
      unreadableLines: null,
      overruns: null,
      opened: null,
      untracked: null,
      older: null,
      forgotten: null,
      firstSeenAt: "2026-11-21T12:00:00.000Z",
      lastSeenAt: "2026-11-21T12:00:00.000Z",
      retiredAt: null,
      lagMs: 0,
      windowFrom: "2026-11-21T11:59:30.000Z",
      windowTo: "2026-11-21T12:00:00.000Z",
      count: 11,
      max: 1000,
      buckets: 256,
      entries: 10,
      unreplied: 2,
      utilisation: 0.011,
    },
  ]);
});

test("a node is found by its name, whatever that is, with its boots", async ({ expect }) => {
  const service = await openService();
  const token = await service.token("ingest", "prod");
  const { node } = aReport();
  for (const name of ["a/b", "100%", "ü", "retire"]) {
    await service.post(token, aReport({ node: { ...node, name } }));
    const { status, body } = await get(service, `/v1/clusters/prod/nodes/${encodeURIComponent(name)}`);
    expect([status, body.name, body.bootHistory]).toEqual([
      200,
      name,
      [{ bootId: node.bootId, firstSeenAt: "2026-11-21T12:00:00.000Z" }],
    ]);
  }
  expect((await get(service, "/v1/clusters/prod/nodes/nobody")).status).toBe(404);
  expect((await get(service, `/v1/clusters/prod/nodes/${"x".repeat(254)}`)).status).toBe(404);
});

test("a retired node is out of the list until it reports again", async ({ expect }) => {
  const service = await openService();
  const token = await service.token("ingest", "prod");
  await service.post(token, aReport());
  const path = "/v1/clusters/prod/nodes";
  const retire = (node: string) => service.ask("POST", `${path}/${node}/retire`, { token: ADMIN });
  expect((await retire("node-1")).status).toBe(204);
  expect((await retire("nobody")).status).toBe(404);
  expect((await get(service, path)).body.nodes).toEqual([]);
  expect((await get(service, `${path}?retired=false`)).body.nodes).toEqual([]);
  const { body } = await get(service, `${path}?retired=true`);
  expect(body.nodes).toMatchObject([{ state: "retired", retiredAt: "2026-11-21T12:00:00.000Z" }]);
  service.clock.now = NOW + 30_000;
  await service.post(token, aReport({ sequence: 2, window: { from: NOW, to: NOW + 30_000 } }));
  expect((await get(service, path)).body.nodes).toMatchObject([{ name: "node-1", state: "live" }]);
});

test.for(["", "1", "TRUE", "constructor"])("retired=%s is refused", async (value, { expect }) => {
  const service = await openService();
  await add(service, { name: "prod" });
  expect((await get(service, `/v1/clusters/prod/nodes?retired=${value}`)).status).toBe(422);
});

test("a token is shown once, and named in the list", async ({ expect }) => {
  const service = await openService();
  await add(service, { name: "prod" });
  const made = await mint(service, {
    scope: "ingest",
    cluster: "prod",
    label: "agents",
    expiresAt: "2027-01-01T00:00:00+01:00",
  });
  const { token, ...described } = made.body;
  expect(made.status).toBe(201);
  expect(token).toMatch(/^ctk_ingest_[0-9a-f]{16}_[\w-]{43}$/);
  expect(described).toEqual({
    id: token.split("_")[2],
    scope: "ingest",
    cluster: "prod",
    label: "agents",
    createdAt: "2026-11-21T12:00:00.000Z",
    expiresAt: "2026-12-31T23:00:00.000Z",
    lastUsedAt: null,
  });
  const list = await get(service, "/v1/tokens");
  expect(list.body).toEqual({ tokens: [described] });
  expect(list.text).not.toContain(token.slice(-43));
});

test.for([
  { json: {}, at: "scope" },
  { json: { scope: "root" }, at: "scope" },
  { json: { scope: "ingest" }, at: "cluster" },
  { json: { scope: "admin", cluster: "prod" }, at: "cluster" },
  { json: { scope: "read", cluster: "nowhere" }, at: "cluster" },
  { json: { scope: "read", cluster: "No Name" }, at: "cluster" },
  { json: { scope: "read", label: "x".repeat(101) }, at: "label" },
  { json: { scope: "read", expiresAt: "2026-11-21T12:00:00Z" }, at: "expiresAt" },
  { json: { scope: "read", expiresAt: "tomorrow" }, at: "expiresAt" },
  { json: { scope: "read", expiresAt: NOW }, at: "expiresAt" },
])("a token like $json is refused at $at", async ({ json, at }, { expect }) => {
  const service = await openService();
  await add(service, { name: "prod" });
  const { status, body } = await mint(service, json);
  expect(status).toBe(422);
  expect(body.errors.map(({ path }: { path: string[] }) => path)).toContainEqual([at]);
  expect((await get(service, "/v1/tokens")).body.tokens).toEqual([]);
});

test.for(["0123456789abcdef", "x", "%27%20or%201=1", "x".repeat(100)])(
  "there is no token %s to revoke",
  async (id, { expect }) => {
    const service = await openService();
    expect((await service.ask("DELETE", `/v1/tokens/${id}`, { token: ADMIN })).status).toBe(404);
  },
);

test("an admin token that is stored does what the configured one does", async ({ expect }) => {
  const service = await openService();
  const token = await service.token("admin");
  expect((await service.ask("POST", "/v1/clusters", { token, json: { name: "prod" } })).status).toBe(201);
  expect((await get(service, "/v1/tokens", token)).status).toBe(200);
});
