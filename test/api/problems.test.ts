import { DrizzleQueryError } from "drizzle-orm";
import { test } from "vitest";
import type { Db } from "../../db/client.ts";
import { aReport } from "../support/a-report.ts";
import { MAX_COMPLAINT_LENGTH } from "../../api/problem.ts";
import { SERIES_METRICS } from "../../db/queries/series/metrics.ts";
import { ADMIN, openService } from "../support/service.ts";

const noPath = {
  type: "urn:conntrail:problem:not-found",
  title: "Not found",
  status: 404,
  detail: "There is no such path.",
};

test.for([
  { method: "GET", path: "/v1/nothing" },
  { method: "POST", path: "/v1/talkers" },
  { method: "PUT", path: "/v1/clusters" },
  { method: "GET", path: "/v1/reports" },
  { method: "GET", path: "/v1/clusters/" },
  { method: "GET", path: "/.env" },
])("$method $path is a problem, not found", async ({ method, path }, { expect }) => {
  const service = await openService();
  const { status, headers, body } = await service.ask(method, path, { token: ADMIN });
  expect(status).toBe(404);
  expect(headers.get("content-type")).toBe("application/problem+json");
  expect(body).toEqual({ ...noPath, instance: headers.get("x-request-id") });
});

test("every answer forbids to be kept, framed, run or guessed at", async ({ expect }) => {
  const service = await openService();
  for (const path of ["/", "/healthz", "/openapi.json", "/v1/clusters", "/nothing"]) {
    const { headers } = await service.ask("GET", path);
    expect(Object.fromEntries(headers)).toMatchObject({
      "cache-control": "no-store",
      "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
      "x-request-id": expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
  }
});

test("a request is one line of the log, by its route and not by its path", async ({ expect }) => {
  const service = await openService();
  const { headers } = await service.ask("GET", "/v1/clusters/prod/nodes?cursor=c2VjcmV0", { token: ADMIN });
  expect(service.log).toEqual([
    {
      level: "info",
      event: "request",
      method: "GET",
      route: "/v1/clusters/:cluster/nodes",
      status: 404,
      ms: 0,
      requestId: headers.get("x-request-id"),
    },
  ]);
});

/** A database of which nothing can be had but this error. */
const brokenDb = (error: Error): Db =>
  new Proxy({} as Db, {
    get: () => () => {
      throw error;
    },
  });

test.for([
  { name: "LibsqlError", message: "SQLITE_BUSY: database is locked" },
  { name: "Error", message: "D1_ERROR: Network connection lost" },
])(
  "a database that fails with $message is 503 with a time to come back",
  async ({ name, message }, { expect }) => {
    const db = brokenDb(Object.assign(new Error(message), { name }));
    const service = await openService({ db });
    for (const path of ["/readyz", "/v1/clusters", "/v1/talkers"]) {
      const { status, headers, text } = await service.ask("GET", path, { token: ADMIN });
      expect([status, headers.get("retry-after")]).toEqual([503, "5"]);
      expect(text).not.toContain(message);
    }
    expect(service.log.at(-1)).toMatchObject({ level: "error", status: 503, error: `${name}: ${message}` });
    expect((await service.ask("GET", "/healthz")).status).toBe(200);
  },
);

test.for([
  { name: "LibsqlError", code: "SQLITE_FULL", message: "database or disk is full" },
  { name: "Error", code: undefined, message: "D1_ERROR: Exceeded maximum DB size." },
  { name: "Error", code: undefined, message: "D1_ERROR: exceeded D1's maximum account storage limit" },
])("a database that says $message is 507, and says what to do", async (failure, { expect }) => {
  const cause = Object.assign(new Error(failure.message), failure);
  for (const error of [cause, new DrizzleQueryError("insert into nodes", [], cause)]) {
    const service = await openService({ db: brokenDb(error) });
    const { headers, body } = await service.ask("GET", "/v1/clusters", { token: ADMIN });
    expect(body).toMatchObject({
      type: "urn:conntrail:problem:insufficient-storage",
      status: 507,
      detail: expect.stringMatching(/make room/),
    });
    expect(headers.get("retry-after")).toBe("60");
  }
});

test("words of a report that a failed statement repeats are not taken for those of the database", async ({
  expect,
}) => {
  const cause = Object.assign(new Error("SQLITE_BUSY"), { name: "LibsqlError", code: "SQLITE_BUSY" });
  const error = new DrizzleQueryError("insert into nodes", ["SQLITE_FULL: database or disk is full"], cause);
  const service = await openService({ db: brokenDb(error) });
  expect((await service.ask("GET", "/v1/clusters", { token: ADMIN })).status).toBe(503);
});

test("a fault of ours is 500, its message in the log and nowhere else", async ({ expect }) => {
  const service = await openService({ db: brokenDb(new TypeError("canary of a fault")) });
  const { status, text } = await service.ask("GET", "/v1/clusters", { token: ADMIN });
  expect(status).toBe(500);
  expect(text).not.toContain("canary");
  expect(service.log.at(-1)).toMatchObject({
    level: "error",
    status: 500,
    error: "TypeError: canary of a fault",
  });
});

test("the service is ready when its database answers", async ({ expect }) => {
  const service = await openService();
  expect((await service.ask("GET", "/readyz")).body).toEqual({ status: "ok" });
});

test("no secret and nothing of a report is ever logged, and no secret said twice", async ({ expect }) => {
  const service = await openService();
  const ingest = await service.token("ingest", "prod");
  const read = await service.token("read", "prod");
  const made = service.said.filter((text) => text.includes(ingest) || text.includes(read));
  const canary = aReport();
  canary.node.kernel = "canary-kernel";
  await service.post(ingest, canary);
  await service.post(read, canary);
  await service.post(`${ingest}x`, canary);
  for (const token of [ingest, read, ADMIN, `${ADMIN}x`])
    for (const path of [
      "/v1/tokens",
      "/v1/clusters",
      "/v1/talkers?limit=x",
      `/v1/clusters/${token}`,
      `/${token}`,
    ])
      for (const method of ["GET", "DELETE"]) await service.ask(method, path, { token });
  await service.ask("POST", "/v1/tokens", { token: ADMIN, json: { scope: ingest, cluster: read, label: 5 } });
  await service.ask("POST", "/v1/clusters", {
    token: ADMIN,
    body: ingest,
    headers: { "content-type": "application/json" },
  });
  const logged = JSON.stringify(service.log);
  const said = service.said.filter((text) => !made.includes(text)).join("\n");
  for (const secret of [ADMIN, ingest.slice(-43), read.slice(-43)]) {
    expect(logged).not.toContain(secret);
    expect(said).not.toContain(secret);
  }
  expect(logged).not.toContain("canary-kernel");
});

test("every word to choose from is named", async ({ expect }) => {
  const service = await openService();
  const { body } = await service.ask("GET", "/v1/series?metric=speed", { token: ADMIN });
  const [{ message }] = body.errors;
  expect(SERIES_METRICS.filter((metric) => !message.includes(`"${metric}"`))).toEqual([]);
});

test.for([
  [MAX_COMPLAINT_LENGTH, ""],
  [MAX_COMPLAINT_LENGTH + 1, "…"],
] as const)(
  "a name of %i characters that is not known is shown, and that it was cut: %s",
  async ([length, end], { expect }) => {
    const service = await openService();
    const { body } = await service.ask("GET", `/v1/series?metric=count&${"x".repeat(length)}=1`, {
      token: ADMIN,
    });
    const shown = "x".repeat(MAX_COMPLAINT_LENGTH - end.length) + end;
    expect(body.errors).toEqual([{ path: [shown], message: "is not known here" }]);
  },
);
