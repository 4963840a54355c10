import * as fc from "fast-check";
import { test } from "vitest";
import { exposition } from "../../api/metrics/exposition.ts";
import { aReport, aWholeReport, NOW } from "../support/a-report.ts";
import { readExposition } from "../support/exposition.ts";
import { ADMIN, openService, type Service } from "../support/service.ts";

const WINDOW_MS = 30_000;
const HOUR = 3_600_000;
const ask = (service: Service, query = "", token = ADMIN) =>
  service.ask("GET", `/metrics${query}`, { token });

/** What is said of one node, by the rest of each metric's name. */
async function gaugesOf(service: Service, node: string) {
  const { samples } = readExposition((await ask(service)).text);
  const mine = samples.filter(({ labels }) => labels["node"] === node);
  return Object.fromEntries(mine.map(({ name, value }) => [name.replace("conntrail_", ""), value]));
}

const named = (name: string, more = {}) => aReport({ node: { ...aReport().node, name }, ...more });

test("a node's latest window is exposed, counters as what there was a second", async ({ expect }) => {
  const service = await openService();
  await service.post(await service.token("ingest", "prod"), aWholeReport());
  service.clock.now = NOW + 5_000;
  const { status, headers } = await ask(service);
  expect([status, headers.get("content-type")]).toEqual([200, "text/plain; version=0.0.4; charset=utf-8"]);
  expect(await gaugesOf(service, "node-1")).toEqual({
    node_last_seen_timestamp_seconds: NOW / 1000,
    report_lag_seconds: 5,
    table_entries: 11,
    table_limit: 1000,
    table_utilisation_ratio: 0.011,
    table_unreplied_entries: 2,
    table_snat_entries: 7,
    flows_opened_per_second: 7 / 30,
    flows_closed_per_second: 5 / 30,
    dropped_per_second: 1 / 30,
    event_overruns_per_second: 0,
    table_full_lines_per_second: 2 / 30,
  });
});

test("what nobody knows has no series, and a service without nodes no text", async ({ expect }) => {
  const service = await openService();
  expect((await ask(service)).text).toBe("");
  const { dump: _, flows: __, ...bare } = aReport({ table: { count: 5 } });
  await service.post(await service.token("ingest", "prod"), bare);
  expect(Object.keys(await gaugesOf(service, "node-1"))).toEqual([
    "node_last_seen_timestamp_seconds",
    "report_lag_seconds",
    "table_entries",
  ]);
});

test("of a silent node only when it was last seen is told, and nothing after an hour or once it is retired", async ({
  expect,
}) => {
  const service = await openService();
  await service.post(await service.token("ingest", "prod"), aReport());
  const names = async () => Object.keys(await gaugesOf(service, "node-1"));
  service.clock.now = NOW + WINDOW_MS + 600_000;
  expect(await names()).toContain("table_entries");
  service.clock.now += 1;
  expect(await names()).toEqual(["node_last_seen_timestamp_seconds"]);
  service.clock.now = NOW + HOUR - 1;
  expect(await names()).toEqual(["node_last_seen_timestamp_seconds"]);
  service.clock.now = NOW + HOUR;
  expect(await names()).toEqual([]);
  service.clock.now = NOW;
  await service.ask("POST", "/v1/clusters/prod/nodes/node-1/retire", { token: ADMIN });
  expect(await names()).toEqual([]);
});

test("nodes are counted by state", async ({ expect }) => {
  const service = await openService();
  const token = await service.token("ingest", "prod");
  for (const [name, ago] of [
    ["a", 0],
    ["b", 0],
    ["c", 200_000],
    ["d", 1_000_000],
  ] as const) {
    service.clock.now = NOW - ago;
    await service.post(token, named(name, { window: { from: NOW - ago - WINDOW_MS, to: NOW - ago } }));
  }
  service.clock.now = NOW;
  const { samples } = readExposition((await ask(service)).text);
  const counts = samples.filter(({ name }) => name === "conntrail_nodes");
  expect(counts.map(({ labels, value }) => [labels["state"], value])).toEqual([
    ["live", 2],
    ["late", 1],
    ["silent", 1],
  ]);
});

test("a token of one cluster is shown that one, and an admin may ask for one", async ({ expect }) => {
  const service = await openService();
  for (const cluster of ["prod", "test"])
    await service.post(await service.token("ingest", cluster), named(`of-${cluster}`));
  const clustersIn = (text: string) => [
    ...new Set(readExposition(text).samples.map(({ labels }) => labels["cluster"])),
  ];
  expect(clustersIn((await ask(service)).text)).toEqual(["prod", "test"]);
  expect(clustersIn((await ask(service, "?cluster=prod")).text)).toEqual(["prod"]);
  const reader = await service.token("read", "test");
  expect(clustersIn((await ask(service, "", reader)).text)).toEqual(["test"]);
  expect((await ask(service, "?cluster=prod", reader)).status).toBe(404);
  expect((await ask(service, "?node=a")).status).toBe(422);
});

test("names of nodes come through whatever is in them, and end no line and no label", async ({ expect }) => {
  const service = await openService();
  const token = await service.token("ingest", "prod");
  const names = ['"', "\\", "\\n", "\n", '"} 1\nup 0', 'a,b="c"', "\r", "\u2028", "ü{}", "# HELP x y", " "];
  for (const name of names) await service.post(token, named(name));
  const { samples } = readExposition((await ask(service)).text);
  const found = samples.filter(({ name }) => name === "conntrail_table_entries");
  expect(new Set(found.map(({ labels }) => labels["node"]))).toEqual(new Set(names));
  expect(found).toHaveLength(names.length);
});

test("any text in labels and any number is read back as it was", ({ expect }) => {
  const label = fc.string({ unit: "grapheme" });
  const value = fc.double({ noNaN: true, noDefaultInfinity: true }).map((one) => one + 0);
  fc.assert(
    fc.property(fc.uniqueArray(fc.tuple(label, value), { selector: ([text]) => text }), (all) => {
      const samples = all.map(([text, value]) => ({ labels: { text }, value }));
      const text = exposition([{ name: "x", help: "a \\ b\nc", samples }]);
      const read = readExposition(text);
      expect(read.samples).toEqual(samples.map((sample) => ({ name: "x", ...sample })));
      expect([...read.helps.values()]).toEqual(samples.length > 0 ? ["a \\\\ b\\nc"] : []);
    }),
  );
});
