import { test } from "vitest";
import openapi from "../../api/openapi.json" with { type: "json" };
import { aReport, NOW } from "../support/a-report.ts";
import { ADMIN, openService, type Service, storedWindows } from "../support/service.ts";

const HOUR = 3_600_000;

interface Operation {
  security?: unknown;
  parameters?: { name: string; in: string; required?: boolean }[];
}

/** What a question cannot be asked without. */
const NEEDS = new Map([
  ["/v1/series", "?metric=entries"],
  ["/v1/owners", "?address=10.244.0.11"],
  ["/v1/attribution", "?address=192.168.50.10:39510"],
  ["/v1/attribution/leases", "?pod=web-1"],
]);

/** Every operation of the contract, its path filled in for cluster `prod`. */
const operations = Object.entries(openapi.paths).flatMap(([path, methods]) =>
  Object.entries(methods as Record<string, Operation>).map(([method, operation]) => ({
    name: `${method.toUpperCase()} ${path}`,
    method: method.toUpperCase(),
    path:
      path
        .replace("{cluster}", "prod")
        .replace("{node}", "node-1")
        .replace("{id}", "0123456789abcdef")
        .replace("{peer}", "10.0.0.9:3306") + ((method === "get" && NEEDS.get(path)) || ""),
    operation,
  })),
);
const guarded = operations.filter(({ operation }) => operation.security);
const open = operations.filter(({ operation }) => !operation.security);

const admins = new Set([
  "POST /v1/clusters",
  "DELETE /v1/clusters/{cluster}",
  "POST /v1/clusters/{cluster}/nodes/{node}/retire",
  "POST /v1/tokens",
  "GET /v1/tokens",
  "DELETE /v1/tokens/{id}",
  "POST /v1/silences",
  "DELETE /v1/silences/{id}",
  "PUT /v1/clusters/{cluster}/rules",
  "POST /v1/channels",
  "GET /v1/channels",
  "GET /v1/channels/{id}",
  "PATCH /v1/channels/{id}",
  "DELETE /v1/channels/{id}",
  "POST /v1/channels/{id}/test",
  "GET /v1/deliveries",
  "GET /v1/deliveries/{id}",
  "POST /v1/deliveries/{id}/replay",
]);
const ingests = new Set(["POST /v1/reports"]);

const BATCH = [{ address: "192.168.50.10", port: 39510 }];

/** A body every route with a body would take, were the token right. */
const takes = (service: Service, { method, path }: { method: string; path: string }, token?: string) =>
  service.ask(method, path, {
    token,
    ...(method === "POST" && { json: path.startsWith("/v1/attribution") ? BATCH : aReport() }),
  });

test("the contract names which operations need a token", ({ expect }) => {
  expect(open.map(({ name }) => name)).toEqual(["GET /healthz", "GET /readyz"]);
  expect(guarded).toHaveLength(39);
});

for (const operation of guarded) {
  test(`${operation.name} without a token that holds is 401, in the same words whatever is wrong`, async ({
    expect,
  }) => {
    const service = await openService();
    const revoked = await service.token("admin");
    await service.ask("DELETE", `/v1/tokens/${revoked.split("_")[2]}`, { token: ADMIN });
    const expiring = await service.token("admin", undefined, {
      expiresAt: new Date(NOW + HOUR).toISOString(),
    });
    const valid = await service.token("admin");
    service.clock.now = NOW + HOUR;
    const wrong = [
      undefined,
      "",
      "nonsense",
      "canary-admin-token-of-more-than-32-characterz",
      `ctk_admin_0123456789abcdef_${"A".repeat(43)}`,
      valid.replace(/.$/, (last) => (last === "A" ? "B" : "A")),
      valid.replace("_admin_", "_ingest_"),
      revoked,
      expiring,
    ];
    const answers = [];
    for (const token of wrong) answers.push(await takes(service, operation, token));
    expect(answers.map(({ status }) => status)).toEqual(wrong.map(() => 401));
    expect(new Set(answers.map(({ body }) => JSON.stringify({ ...body, instance: "" }))).size).toBe(1);
    expect(
      answers.every(({ headers }) => headers.get("www-authenticate") === 'Bearer realm="conntrail"'),
    ).toBe(true);
  });

  test(`${operation.name} with a token of another scope is 403`, async ({ expect }) => {
    const service = await openService();
    const tokens = {
      ingest: await service.token("ingest", "prod"),
      read: await service.token("read", "prod"),
      admin: ADMIN,
    };
    const allowed = admins.has(operation.name)
      ? ["admin"]
      : ingests.has(operation.name)
        ? ["ingest"]
        : ["read", "admin"];
    for (const [scope, token] of Object.entries(tokens)) {
      if (allowed.includes(scope)) continue;
      const { status, body } = await takes(service, operation, token);
      expect([scope, status, body.type]).toEqual([scope, 403, "urn:conntrail:problem:forbidden"]);
    }
  });
}

const ofOneCluster = guarded.filter(
  ({ name, operation }) => !admins.has(name) && operation.parameters?.some(({ name }) => name === "cluster"),
);

test("every question that names a cluster is in the matrix", ({ expect }) => {
  expect(ofOneCluster.map(({ name }) => name)).toEqual([
    "GET /v1/attribution",
    "POST /v1/attribution",
    "GET /v1/attribution/leases",
    "GET /v1/talkers",
    "GET /v1/series",
    "GET /metrics",
    "GET /v1/clusters/{cluster}/nodes",
    "GET /v1/clusters/{cluster}/nodes/{node}",
    "GET /v1/owners",
    "GET /v1/sysctls",
    "GET /v1/clusters/{cluster}",
    "GET /v1/peers/{peer}/sources",
    "GET /v1/ports",
    "GET /v1/anomalies",
    "GET /v1/silences",
    "GET /v1/clusters/{cluster}/rules",
  ]);
});

for (const { name, method, path } of ofOneCluster)
  test(`${name} with a token of another cluster is what it is for a cluster that is not there`, async ({
    expect,
  }) => {
    const service = await openService();
    await service.post(await service.token("ingest", "prod"), aReport());
    const foreign = await service.token("read", "other");
    const question = path.includes("prod") ? path : `${path}${path.includes("?") ? "&" : "?"}cluster=prod`;
    const elsewhere = question.replace("prod", "nowhere");
    const theirs = await takes(service, { method, path: question }, foreign);
    const nowhere = await takes(service, { method, path: elsewhere }, foreign);
    const nowhereForAdmin = await takes(service, { method, path: elsewhere }, ADMIN);
    expect(theirs.status).toBe(404);
    const words = [theirs, nowhere, nowhereForAdmin].map(({ body }) => ({ ...body, instance: "" }));
    expect(words).toEqual([words[0], words[0], words[0]]);
    expect((await takes(service, { method, path: question }, ADMIN)).status).toBe(200);
  });

test("without a cluster, a token of one cluster is answered for that one alone", async ({ expect }) => {
  const service = await openService();
  await service.post(await service.token("ingest", "prod"), aReport());
  await service.post(await service.token("ingest", "other"), aReport());
  await service.tick();
  const token = await service.token("read", "other");
  const talkers = await service.ask("GET", "/v1/talkers", { token });
  const series = await service.ask("GET", "/v1/series?metric=count", { token });
  const clusters = await service.ask("GET", "/v1/clusters", { token });
  expect(new Set(talkers.body.talkers.map(({ cluster }: { cluster: string }) => cluster))).toEqual(
    new Set(["other"]),
  );
  expect(series.body.series.map(({ labels }: { labels: object }) => labels)).toEqual([{ cluster: "other" }]);
  expect(clusters.body.clusters.map(({ name }: { name: string }) => name)).toEqual(["other"]);
});

test("a token revoked between two reports stores only the first", async ({ expect }) => {
  const service = await openService();
  const token = await service.token("ingest", "prod");
  expect((await service.post(token, aReport({ sequence: 1 }))).status).toBe(202);
  await service.ask("DELETE", `/v1/tokens/${token.split("_")[2]}`, { token: ADMIN });
  expect((await service.post(token, aReport({ sequence: 2 }))).status).toBe(401);
  expect(await storedWindows(service, "prod")).toBe(1);
});

test("a token ends with its cluster", async ({ expect }) => {
  const service = await openService();
  const token = await service.token("ingest", "prod");
  await service.ask("DELETE", "/v1/clusters/prod", { token: ADMIN });
  expect((await service.post(token, aReport())).status).toBe(401);
});

test("a token holds until the millisecond it expires", async ({ expect }) => {
  const service = await openService();
  const token = await service.token("read", undefined, { expiresAt: new Date(NOW + HOUR).toISOString() });
  service.clock.now = NOW + HOUR - 1;
  expect((await service.ask("GET", "/v1/clusters", { token })).status).toBe(200);
  service.clock.now = NOW + HOUR;
  expect((await service.ask("GET", "/v1/clusters", { token })).status).toBe(401);
});

test("the last use of a token is noted once an hour", async ({ expect }) => {
  const service = await openService();
  const token = await service.token("read");
  const lastUse = async () => {
    const { body } = await service.ask("GET", "/v1/tokens", { token: ADMIN });
    return body.tokens[0].lastUsedAt;
  };
  expect(await lastUse()).toBe(null);
  await service.ask("GET", "/v1/clusters", { token });
  service.clock.now = NOW + HOUR - 1;
  await service.ask("GET", "/v1/clusters", { token });
  expect(await lastUse()).toBe("2026-11-21T12:00:00.000Z");
  service.clock.now = NOW + HOUR;
  await service.ask("GET", "/v1/clusters", { token });
  expect(await lastUse()).toBe("2026-11-21T13:00:00.000Z");
});
