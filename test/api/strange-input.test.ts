import * as fc from "fast-check";
import { test } from "vitest";
import { aReport } from "../support/a-report.ts";
import { ADMIN, openService, storedWindows } from "../support/service.ts";

/** Every path to a value within a report. */
function pathsOf(value: unknown, path: (string | number)[] = []): (string | number)[][] {
  if (typeof value !== "object" || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, inner]) => pathsOf(inner, [...path, key]))];
}

const paths = pathsOf(aReport()).filter((path) => path.length > 0);
const strange = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom(
    null,
    -1,
    0,
    Infinity,
    2 ** 53,
    1e21,
    "",
    "5",
    "NaN",
    [],
    {},
    [null],
    "\u0000",
    "::1",
    "\ud800",
  ),
  fc.integer(),
  fc.double(),
);

test("whatever a body holds, it is refused or stored, and never a fault of ours", async ({ expect }) => {
  const service = await openService();
  const token = await service.token("ingest", "prod");
  const json = fc.oneof(
    fc.json(),
    fc.string(),
    fc.jsonValue().map((value) => JSON.stringify(value)),
  );
  await fc.assert(
    fc.asyncProperty(json, async (body) => {
      const headers = { "content-type": "application/json" };
      const { status } = await service.ask("POST", "/v1/reports", { token, body, headers });
      expect([400, 413, 422]).toContain(status);
    }),
    { numRuns: 200 },
  );
  expect(await storedWindows(service, "prod")).toBe(0);
});

test("whatever is changed in a good report, it is refused or stored, and never a fault of ours", async ({
  expect,
}) => {
  const service = await openService();
  const token = await service.token("ingest", "prod");
  const change = fc.record({ path: fc.constantFrom(...paths), value: strange });
  await fc.assert(
    fc.asyncProperty(
      fc.array(change, { minLength: 1, maxLength: 3 }),
      fc.nat(),
      async (changes, sequence) => {
        const report: unknown = aReport({ sequence });
        for (const { path, value } of changes) {
          const parent = path
            .slice(0, -1)
            .reduce((at: unknown, step) => (at as Record<string, unknown> | null)?.[step], report);
          if (typeof parent === "object" && parent)
            // A copy: put into itself, a value would have no end.
            (parent as Record<string, unknown>)[path.at(-1) ?? ""] = structuredClone(value);
        }
        expect([200, 202, 422]).toContain((await service.post(token, report)).status);
      },
    ),
    { numRuns: 300 },
  );
  await service.tick();
  for (const path of [
    "/v1/talkers",
    "/v1/talkers?by=flow",
    "/v1/talkers?by=pod&node=node-1",
    "/v1/series?metric=entries",
    "/v1/clusters/prod/nodes",
  ])
    expect((await service.ask("GET", path, { token: ADMIN })).status).toBe(200);
});

test("whatever a query says, it is answered or refused, and never a fault of ours", async ({ expect }) => {
  const service = await openService();
  await service.post(await service.token("ingest", "prod"), aReport());
  const names = [
    "by",
    "metric",
    "cluster",
    "node",
    "source",
    "peer",
    "port",
    "protocol",
    "nat",
    "namespace",
    "workload",
    "pod",
    "format",
    "since",
    "from",
    "to",
  ];
  const more = ["step", "limit", "cursor", "aggregate", "rate", "retired", "pod", "workload", "namespace"];
  const attribution = ["address", "peerPort", "at", "tolerance"];
  const parameter = fc.constantFrom(...names, ...more, ...attribution);
  const value = fc.oneof(
    fc.string(),
    fc.constantFrom(
      "flow",
      "pod",
      "csv",
      "entries",
      "prod",
      "1h",
      "::1",
      "10.0.0.1",
      "192.168.50.10:1024",
      "6",
      "0",
      "500",
      "-1",
      "%",
      "'",
      "\u0000",
    ),
    fc.integer().map(String),
  );
  const path = fc.constantFrom(
    "/v1/talkers",
    "/v1/series",
    "/v1/attribution",
    "/v1/attribution/leases",
    "/v1/ports",
    "/v1/peers/10.0.0.9:3306/sources",
    "/v1/peers/%5Bfd00::9%5D/sources",
    "/v1/peers/%00/sources",
    "/metrics",
    "/v1/clusters",
    "/v1/clusters/prod/nodes",
    "/v1/tokens",
  );
  await fc.assert(
    fc.asyncProperty(path, fc.array(fc.tuple(parameter, value), { maxLength: 4 }), async (path, query) => {
      const { status } = await service.ask("GET", `${path}?${new URLSearchParams(query).toString()}`, {
        token: ADMIN,
      });
      expect([200, 404, 422]).toContain(status);
    }),
    { numRuns: 300 },
  );
});
