import { test } from "vitest";
import { MAX_ADDRESSES, MAX_GROUPS, MAX_NODE_ADDRESSES, MAX_TEXT } from "../../api/wire.ts";
import { aDumpOf, aReport, NOW, someFlows } from "../support/a-report.ts";
import { ADMIN, openService, type Service, storedWindows } from "../support/service.ts";

type Path = (string | number)[];

/** A report in which the value at `path` is another; `undefined` takes it away. */
function reportWith(path: Path, value: unknown): unknown {
  const report = structuredClone(aReport()) as unknown;
  const parent = path.slice(0, -1).reduce((at, step) => (at as Record<string, unknown>)[step], report);
  (parent as Record<string, unknown>)[path.at(-1) ?? ""] = value;
  return report;
}

async function postText(service: Service, body: string) {
  const token = await service.token("ingest", "prod");
  return service.ask("POST", "/v1/reports", { token, body, headers: { "content-type": "application/json" } });
}

const wrong: { path: Path; value: unknown; at?: Path }[] = [
  { path: ["node"], value: undefined },
  { path: ["node"], value: null },
  { path: ["node", "name"], value: "" },
  { path: ["node", "name"], value: 5 },
  { path: ["node", "name"], value: "x".repeat(MAX_TEXT + 1) },
  { path: ["node", "bootId"], value: "" },
  { path: ["node", "addresses"], value: {} },
  { path: ["node", "addresses", 0], value: "300.1.1.1" },
  { path: ["node", "addresses", 0], value: "fe80::1%eth0" },
  { path: ["node", "addresses", 0], value: "1.2.3.4; drop table nodes" },
  { path: ["node", "addresses"], value: Array(MAX_NODE_ADDRESSES + 1).fill("10.0.0.1") },
  { path: ["sequence"], value: -1 },
  { path: ["sequence"], value: 1.5 },
  { path: ["sequence"], value: "5" },
  { path: ["sequence"], value: null },
  { path: ["sequence"], value: true },
  { path: ["sequence"], value: [1] },
  { path: ["sequence"], value: 2 ** 53 },
  { path: ["window", "to"], value: NOW - 30_000 },
  { path: ["window", "to"], value: NOW - 30_001 },
  { path: ["window", "from"], value: NOW - 300_001, at: ["window", "to"] },
  { path: ["window", "from"], value: -1 },
  { path: ["window", "from"], value: 0, at: ["window", "to"] },
  { path: ["window"], value: [NOW - 30_000, NOW] },
  { path: ["completeness", "source"], value: "guess" },
  { path: ["completeness", "events"], value: undefined },
  { path: ["completeness", "blind"], value: ["x".repeat(501)], at: ["completeness", "blind", 0] },
  { path: ["table", "max"], value: -5 },
  { path: ["table", "count"], value: "NaN" },
  { path: ["dump"], value: undefined },
  { path: ["dump", "entries"], value: 11, at: ["dump", "byFamily"] },
  { path: ["dump", "byFamily", "ipv6"], value: 1, at: ["dump", "byFamily"] },
  { path: ["dump", "byProtocol", "6"], value: 7, at: ["dump", "byProtocol"] },
  { path: ["dump", "byNat", "snat"], value: 8, at: ["dump", "byNat"] },
  { path: ["flows", "talkers", "entries", 0], value: 8, at: ["flows", "talkers", "entries"] },
  { path: ["flows", "addresses", 4], value: "10.244.0.11" },
  { path: ["flows", "talkers", "snatEntries", 1], value: 4 },
  { path: ["flows", "talkers", "unreplied", 0], value: 8 },
  { path: ["flows", "groups", "unreplied", 2], value: 3 },
  { path: ["dump", "unreplied"], value: 11 },
  { path: ["dump", "assured"], value: 11 },
  { path: ["dump", "offloaded"], value: 11 },
  { path: ["flows", "talkers", "source", 1], value: 0 },
  { path: ["dump", "byProtocol"], value: { "256": 1 }, at: ["dump", "byProtocol", "256"] },
  { path: ["dump", "byProtocol"], value: { tcp: 1 }, at: ["dump", "byProtocol", "tcp"] },
  { path: ["dump", "byTcpState"], value: { OPEN: 1 }, at: ["dump", "byTcpState", "OPEN"] },
  { path: ["dump", "byNat", "snat"], value: undefined },
  { path: ["dump", "byFamily", "ipv6"], value: -1 },
  { path: ["dump", "zones"], value: [65_536], at: ["dump", "zones", 0] },
  { path: ["dump", "takenAt"], value: 253_402_300_800_000 },
  { path: ["flows", "addresses", 1], value: "nowhere" },
  { path: ["flows", "addresses"], value: Array(MAX_ADDRESSES + 1).fill("10.0.0.1") },
  { path: ["flows", "talkers", "entries"], value: [7], at: ["flows", "talkers", "entries"] },
  { path: ["flows", "talkers", "source"], value: [0, 5], at: ["flows", "talkers", "source", 1] },
  { path: ["flows", "talkers", "peers", 0], value: null },
  { path: ["flows", "talkers", "entries"], value: null },
  { path: ["flows", "groups", "source"], value: {} },
  { path: ["flows", "groups", "peer", 2], value: 5 },
  { path: ["flows", "groups", "natAddress", 0], value: 99 },
  { path: ["flows", "groups", "natAddress", 0], value: "2" },
  { path: ["flows", "groups", "nat", 1], value: "masquerade" },
  { path: ["flows", "groups", "protocol", 0], value: 256 },
  { path: ["flows", "groups", "peerPort", 0], value: 65_536 },
  { path: ["flows", "groups", "entries", 0], value: 6, at: ["flows", "groups", "entries"] },
  { path: ["flows", "groups", "entries"], value: Array(MAX_GROUPS + 1).fill(0) },
  { path: ["flows", "groups", "bytes"], value: [1], at: ["flows", "groups", "bytes"] },
  { path: ["flows", "talkerRemainder", "entries"], value: 1, at: ["flows", "talkers", "entries"] },
  { path: ["flows", "groupRemainder"], value: undefined },
];

const written = (value: unknown) => (JSON.stringify(value) ?? "absent").slice(0, 40);

for (const { path, value, at = path } of wrong)
  test(`a report whose ${path.join(".")} is ${written(value)} is refused there`, async ({ expect }) => {
    const service = await openService();
    const answer = await service.post(await service.token("ingest", "prod"), reportWith(path, value));
    expect([answer.status, answer.body.type]).toEqual([422, "urn:conntrail:problem:invalid"]);
    expect(answer.body.errors.map(({ path }: { path: Path }) => path)).toContainEqual(at);
    expect(await storedWindows(service, "prod")).toBe(0);
  });

test.for([
  { name: "a number too large for a double", text: '"sequence":1e309', status: 422 },
  { name: "a number too large to be exact", text: '"sequence":9007199254740993', status: 422 },
  { name: "the largest exact number", text: '"sequence":9007199254740991', status: 202 },
  { name: "minus nothing", text: '"sequence":-0', status: 202 },
  { name: "a whole number in exponents", text: '"sequence":1e2', status: 202 },
  { name: "the same key twice, the last of them right", text: '"sequence":"x","sequence":4', status: 202 },
  { name: "the same key twice, the last of them wrong", text: '"sequence":4,"sequence":"x"', status: 422 },
  { name: "a prototype", text: '"sequence":4,"__proto__":{"sequence":9}', status: 202 },
  { name: "a constructor", text: '"sequence":4,"constructor":{"prototype":{"admin":true}}', status: 202 },
])("a body with $name is answered $status", async ({ text, status }, { expect }) => {
  const service = await openService();
  const answer = await postText(service, JSON.stringify(aReport()).replace('"sequence":1', text));
  expect(answer.status).toBe(status);
  expect(await storedWindows(service, "prod")).toBe(status === 202 ? 1 : 0);
  expect(({} as { admin?: unknown }).admin).toBe(undefined);
});

test("of thousands of names that are no protocols one is complained of", async ({ expect }) => {
  const service = await openService();
  const report = aReport();
  report.dump!.byProtocol = Object.fromEntries(Array.from({ length: 15_000 }, (_, n) => [`x${n}`, 1]));
  const { status, body, text } = await postText(service, JSON.stringify(report));
  expect([status, body.errors.length, text.length < 1_000]).toEqual([422, 1, true]);
});

test.for(["::10.1.2.9", "::ffff:10.1.2.9", "64:ff9b::192.0.2.33"])(
  "%s is an address as the system writes it",
  async (address, { expect }) => {
    const service = await openService();
    const report = aReport();
    report.node.addresses.push(address);
    expect((await postText(service, JSON.stringify(report))).status).toBe(202);
  },
);

test.for(["::10.1.2", "::10.1.2.300", "1::2::10.1.2.9", "10.1.2.9:10.1.2.9", ":10.1.2.9"])(
  "%s is no address",
  async (address, { expect }) => {
    const service = await openService();
    const report = aReport();
    report.node.addresses.push(address);
    expect((await postText(service, JSON.stringify(report))).status).toBe(422);
  },
);

test("a prototype among the protocols changes no prototype", async ({ expect }) => {
  const service = await openService();
  const text = JSON.stringify(aReport()).replace('"byProtocol":{', '"byProtocol":{"__proto__":1,');
  expect((await postText(service, text)).status).toBe(422);
  expect(Object.keys(Object.prototype)).toEqual([]);
});

test.for([
  "null",
  "5",
  '"report"',
  "[]",
  "{}",
  "true",
  "[".repeat(100_000) + "]".repeat(100_000),
  `{"flows":${'{"flows":'.repeat(10_000)}1${"}".repeat(10_001)}`,
])("a body that is %.20s is no report", async (text, { expect }) => {
  const service = await openService();
  expect((await postText(service, text)).status).toBe(422);
});

test("only the first twenty of many errors are listed", async ({ expect }) => {
  const service = await openService();
  const token = await service.token("ingest", "prod");
  const samples = Array.from({ length: 5 }, () => 1);
  const report = aReport({
    completeness: { blind: Array(16).fill(1), unreadable: { lines: -1, samples } },
  } as never);
  const { status, body } = await service.post(token, {
    ...report,
    table: { count: -1, max: -1, buckets: -1 },
  });
  expect([status, body.errors.length]).toEqual([422, 20]);
});

test("a report as full as may be is stored and answered", async ({ expect }) => {
  const service = await openService();
  const token = await service.token("ingest", "prod");
  const rows = Array.from({ length: MAX_GROUPS }, (_, row) => row);
  const ones = rows.map(() => 1);
  const groups = { source: rows, peer: ones, peerPort: ones, protocol: ones, entries: ones, unreplied: ones };
  const flows = someFlows({
    addresses: rows.map((row) => `10.${row >> 8}.${row & 255}.1`),
    talkers: { source: rows, entries: ones, snatEntries: ones, unreplied: ones, peers: ones },
    groups: { ...groups, nat: rows.map(() => "none" as const), natAddress: rows.map(() => null) },
  });
  const { status } = await service.post(token, aReport({ flows, dump: aDumpOf(MAX_GROUPS) }));
  expect(status).toBe(202);
  const talkers = await service.ask("GET", "/v1/talkers?limit=500&node=node-1", { token: ADMIN });
  expect(talkers.body.remainder).toMatchObject({ entries: MAX_GROUPS - 500 });
});

test("names that look like SQL are kept as they are, but for what no text column holds", async ({
  expect,
}) => {
  const service = await openService();
  const name = `x'); drop table nodes; -- "%_\\ \u0000 é\u202e`;
  const report = aReport();
  const token = await service.token("ingest", "prod");
  expect((await service.post(token, { ...report, node: { ...report.node, name } })).status).toBe(202);
  const { body } = await service.ask("GET", "/v1/clusters/prod/nodes", { token: ADMIN });
  expect(body.nodes[0].name).toBe(name.replace("\u0000", "\ufffd"));
});
