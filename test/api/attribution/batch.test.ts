import { gzipSync } from "node:zlib";
import * as fc from "fast-check";
import { test } from "vitest";
import { MAX_BATCH_BYTES, MAX_LINES } from "../../../api/attribution/batch.ts";
import { attributedService, DATABASE, NODE_ADDRESS } from "../../support/attributed.ts";
import { ANY_CHARACTER, ON_WORKERS } from "../../support/on-workers.ts";
import { ADMIN, openService, type Service } from "../../support/service.ts";

const AT = "2026-11-21T11:59:30Z";
const WEB_1 = `${NODE_ADDRESS}:39510`;
const WEB_2 = `${NODE_ADDRESS}:39511`;

type Sent = [type: string, body: BodyInit, query?: string, headers?: Record<string, string>];
const send = (service: Service, ...[type, body, query = "", headers = {}]: Sent) =>
  service.ask("POST", `/v1/attribution?${query}`, {
    token: ADMIN,
    body,
    headers: { "content-type": type, ...headers },
  });
const sendJson = (service: Service, json: unknown, query = "") =>
  send(service, "application/json", JSON.stringify(json), query);

type Line = {
  line: number;
  certainty?: string;
  candidates?: { owner: { name: string } | null }[];
  error?: { code: string; text: string };
};
/** Each line as `3 certain web-1` or `3 no-port`. */
const briefly = ({ lines }: { lines: Line[] }) =>
  lines.map(({ line, certainty, candidates, error }) =>
    error
      ? `${line} ${error.code}`
      : [line, certainty, ...(candidates ?? []).map(({ owner }) => owner?.name ?? "?").toSorted()].join(" "),
  );

test("questions of JSON are answered in order, a wrong one with what is wrong, and all are counted", async ({
  expect,
}) => {
  const service = await attributedService();
  const questions = [
    { address: WEB_2, peer: DATABASE, peerPort: 3306, at: AT },
    WEB_1,
    { address: NODE_ADDRESS, port: 39_510, peer: `${DATABASE}:3306`, at: Date.parse(AT), node: null },
    { address: WEB_1, peer: "10.0.0.8", peerPort: "5432", at: AT, cluster: "prod", node: "node-1" },
    { address: "nowhere" },
    { address: WEB_1, port: 1 },
    { address: WEB_1, at: "yesterday" },
    { address: WEB_1, ports: 1 },
    { address: WEB_1, cluster: "none" },
    { address: WEB_1, cluster: "empty" },
    { address: "10.9.9.9:1", at: AT },
    { port: 1 },
    7,
    null,
    [],
  ];
  const { status, headers, body } = await sendJson(service, questions, `peer=${DATABASE}:3306&at=${AT}`);
  expect([status, headers.get("content-type")]).toEqual([200, "application/json"]);
  expect(briefly(body)).toEqual([
    "1 certain web-2",
    "2 certain web-1",
    "3 certain web-1",
    "4 certain web-2",
    "5 invalid",
    "6 invalid",
    "7 invalid",
    "8 invalid",
    "9 no-such-cluster",
    "10 blind",
    "11 blind",
    "12 invalid",
    "13 invalid",
    "14 invalid",
    "15 invalid",
  ]);
  expect(body.counts).toEqual({
    lines: 15,
    certain: 4,
    probable: 0,
    ambiguous: 0,
    none: 0,
    blind: 2,
    errors: 9,
  });
  expect(body.lines[5].error.text).toBe("port: is 1, and address says 39510");
  expect(body.lines[7].error.text).toBe("ports: is not known here");
  const { asked, more, reasons, evidence } = body.lines[1];
  expect({ asked, more, reasons, evidence }).toEqual({
    asked: {
      address: NODE_ADDRESS,
      port: 39_510,
      protocol: "tcp",
      peer: DATABASE,
      peerPort: 3306,
      at: "2026-11-21T11:59:30.000Z",
      toleranceSeconds: 5,
    },
    more: 0,
    reasons: [],
    evidence: undefined,
  });
});

test("a line says more than the defaults of its body, and these more than the query; the port of one peer is no other's", async ({
  expect,
}) => {
  const service = await attributedService();
  const defaults = { peer: `${DATABASE}:3306`, tolerance: "1s", at: AT };
  const questions = [
    WEB_1,
    { address: WEB_1, peer: "10.0.0.8" },
    { address: WEB_1, peerPort: 5432, tolerance: "2s" },
  ];
  const { body } = await sendJson(
    service,
    { questions, defaults },
    `peer=10.0.0.8:5432&protocol=tcp&evidence=true`,
  );
  type Asked = { asked: { peer: string; peerPort: number | null; toleranceSeconds: number } };
  expect(body.lines.map(({ asked }: Asked) => [asked.peer, asked.peerPort, asked.toleranceSeconds])).toEqual([
    [DATABASE, 3306, 1],
    ["10.0.0.8", null, 1],
    [DATABASE, 5432, 2],
  ]);
  expect(body.lines[0].evidence).toMatchObject([{ cluster: "prod", node: "node-1", windows: 4 }]);
});

test("CSV names its columns in the first line, in any order; empty cells say nothing, unknown columns neither", async ({
  expect,
}) => {
  const service = await attributedService();
  const csv = [
    "\uFEFFUser,Peer Port,address,AT,peer",
    `"a,b",,"${WEB_1}",,`,
    "",
    `x,5432,${WEB_1},${AT},10.0.0.8`,
    "y,x,10.0.0.1,,",
    "short",
  ].join("\r\n");
  const { body } = await send(service, "text/csv; charset=utf-8", csv, `peer=${DATABASE}:3306&at=${AT}`);
  expect(briefly(body)).toEqual(["2 certain web-1", "4 certain web-2", "5 invalid", "6 invalid"]);
  const nameless = await send(service, "text/csv", `${WEB_1}\n`);
  expect([nameless.status, nameless.body.errors[0].message]).toEqual([
    422,
    "the first line must name the columns: address, port, protocol, peer, peerPort, at, tolerance, cluster, node, of which only address must be there",
  ]);
});

test("of text each line is asked at its own time and from its own peer, unless the query names one", async ({
  expect,
}) => {
  const service = await attributedService();
  const text = [
    `${WEB_1} - - [21/Nov/2026:12:59:30 +0100] "GET / HTTP/1.1" 200 1`,
    "",
    "nothing here",
    `ESTAB 0 0 10.0.0.8:5432 ${WEB_1}`,
    `2026-11-21 12:59:30 CET ${WEB_1}`,
    `2026-11-21 12:59:30 ${WEB_1}`,
    `bytes that are no UTF-8: \u00ff ${WEB_1}`,
  ].join("\n");
  const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
  const own = await send(service, "text/plain", bytes, "at=2026-11-21T11:59:00Z");
  expect(briefly(own.body)).toEqual([
    "1 ambiguous web-1 web-2",
    "3 nothing-found",
    "4 certain web-2",
    "5 time-zone-unknown",
    "6 blind",
    "7 ambiguous web-1 web-2",
  ]);
  const named = await send(service, "text/plain", bytes, `at=${AT}&peer=${DATABASE}:3306&zone=%2B01:00`);
  expect(briefly(named.body)).toEqual([
    "1 certain web-1",
    "3 nothing-found",
    "4 certain web-1",
    "5 certain web-1",
    "6 certain web-1",
    "7 certain web-1",
  ]);
  const times = named.body.lines.flatMap(({ asked }: { asked?: { at: string } }) => asked?.at ?? []);
  expect(new Set(times)).toEqual(new Set(["2026-11-21T11:59:30.000Z"]));
  const near = `ESTAB 0 0 ${WEB_1} ${DATABASE}:3306`;
  expect(briefly((await send(service, "text/plain", near, `side=local&at=${AT}`)).body)).toEqual([
    "1 certain web-1",
  ]);
});

test("as CSV there is a row a candidate, and one for a line without", async ({ expect }) => {
  const service = await attributedService();
  const text = `${WEB_1}\nnothing\n10.9.9.9:1`;
  const asked = await send(service, "text/plain", text, `at=${AT}&format=csv`);
  expect(asked.headers.get("content-type")).toBe("text/csv; charset=utf-8; header=present");
  expect(asked.headers.get("content-disposition")).toBe('attachment; filename="attribution.csv"');
  const [heading = "", ...rows] = asked.text.trimEnd().split("\r\n");
  const names = heading.split(",");
  const cells = (row: string) => Object.fromEntries(row.split(",").map((cell, at) => [names[at], cell]));
  expect(rows.map(cells)).toMatchObject([
    {
      line: "1",
      certainty: "ambiguous",
      candidates: "2",
      candidate: "1",
      reasons: "several-sources no-peer",
    },
    { line: "1", certainty: "ambiguous", candidates: "2", candidate: "2", "owner.namespace": "shop" },
    { line: "2", certainty: "", error: "nothing-found", errorText: "No address and port is found in it." },
    { line: "3", certainty: "blind", candidates: "0", candidate: "", reasons: "address-unknown" },
  ]);
  const accept = async (accept: string) =>
    (await send(service, "text/plain", text, `at=${AT}`, { accept })).headers.get("content-type");
  expect(await accept("text/csv")).toContain("text/csv");
  expect(await accept("application/json, text/csv;q=0.5")).toBe("application/json");
  expect(await accept("*/*")).toBe("application/json");
  const json = await send(service, "text/plain", text, `at=${AT}&format=json`, { accept: "text/csv" });
  expect(json.body.lines).toHaveLength(3);
});

test("a body is of a type that is known, may be compressed, and an empty one has no lines", async ({
  expect,
}) => {
  const service = await openService();
  for (const type of ["application/x-www-form-urlencoded", "text/html", ""]) {
    const { status, body } = await send(service, type, "x");
    expect([status, body.detail]).toEqual([
      415,
      "Content-Type must be one of application/json, text/csv, text/plain.",
    ]);
  }
  const gzip = await send(service, "Text/Plain", gzipSync("nothing\n"), "", { "content-encoding": "gzip" });
  expect(briefly(gzip.body)).toEqual(["1 nothing-found"]);
  expect((await send(service, "text/plain", "")).body).toMatchObject({ counts: { lines: 0 }, lines: [] });
  expect((await sendJson(service, [])).body.lines).toEqual([]);
  expect(briefly((await sendJson(service, [WEB_1])).body)).toEqual(["1 blind"]);
  expect((await send(service, "application/json", "{")).status).toBe(400);
  for (const json of [7, {}, { questions: 7 }, { questions: [], defaults: { address: WEB_1 } }])
    expect((await sendJson(service, json)).status).toBe(422);
  expect((await send(service, "text/csv", "")).status).toBe(422);
});

test("a query that cannot be is refused with the parameter that is wrong", async ({ expect }) => {
  const service = await openService();
  for (const [query, parameter] of [
    ["address=10.0.0.1", "address"],
    ["zone=CET", "zone"],
    ["side=far", "side"],
    ["evidence=yes", "evidence"],
    ["format=xml", "format"],
    ["peer=10.0.0.1:1&peerPort=2", "peerPort"],
    ["tolerance=6m", "tolerance"],
  ]) {
    const { status, body } = await send(service, "text/plain", "x", query);
    expect([query, status, body.errors[0].path]).toEqual([query, 422, [parameter]]);
  }
  expect((await send(service, "text/plain", "x", "cluster=none")).status).toBe(404);
});

test("a batch has so many lines and bytes, and no more; while it is read and written, others have their turn", async ({
  expect,
}) => {
  const service = await openService();
  let turns = 0;
  let waiting = true;
  const wait = () => {
    turns += 1;
    if (waiting) setImmediate(wait);
  };
  wait();
  const heading = "Active Internet connections\n\n";
  const full = await send(service, "text/plain", heading + "x\n".repeat(MAX_LINES));
  waiting = false;
  expect([full.status, full.body.counts.errors]).toEqual([200, MAX_LINES]);
  // Every 500 lines that are read, every 200 that are written.
  expect(turns).toBeGreaterThanOrEqual(MAX_LINES / 500 + MAX_LINES / 200);
  const refused = await send(service, "text/plain", "x\n".repeat(MAX_LINES + 1));
  expect([refused.status, refused.body.detail]).toEqual([
    413,
    `A batch has at most ${MAX_LINES} lines: send the rest in another.`,
  ]);
  if (ON_WORKERS) return;
  expect((await sendJson(service, Array(MAX_LINES + 1).fill(7))).status).toBe(413);
  expect((await send(service, "text/csv", `address\n${"x\n".repeat(MAX_LINES + 1)}`)).status).toBe(413);
  expect((await send(service, "text/plain", "\n".repeat(MAX_BATCH_BYTES))).status).toBe(200);
  expect((await send(service, "text/plain", "\n".repeat(MAX_BATCH_BYTES + 1))).status).toBe(413);
  const zipped = gzipSync("\n".repeat(MAX_BATCH_BYTES + 1));
  expect((await send(service, "text/plain", zipped, "", { "content-encoding": "gzip" })).status).toBe(413);
});

test("whatever is sent as whatever, each line is answered or refused, and never a fault of ours", async ({
  expect,
}) => {
  const service = await attributedService();
  const text = fc.array(
    fc.oneof(
      fc.string({ unit: ANY_CHARACTER, maxLength: 20 }),
      fc.constantFrom(
        "address,at,peer\n",
        "\n",
        ",",
        '"',
        WEB_1,
        " ",
        "[",
        "]",
        '{"questions":[',
        "|",
        "=1+1",
        AT,
      ),
    ),
    { maxLength: 12 },
  );
  const json = fc.array(
    fc.oneof(
      fc.jsonValue({ maxDepth: 2 }),
      fc.record({
        address: fc.constantFrom(WEB_1, "fd00::9", "[fd00::9]:65535", ""),
        at: fc.oneof(fc.integer(), fc.double(), fc.constantFrom(AT, null)),
        peer: fc.constantFrom(DATABASE, "x", null),
        protocol: fc.oneof(fc.nat({ max: 300 }), fc.constantFrom("icmp", "udp")),
      }),
    ),
    { maxLength: 4 },
  );
  const body = fc.oneof(
    fc.tuple(
      fc.constantFrom("text/plain", "text/csv", "application/json"),
      text.map((parts) => parts.join("")),
    ),
    fc.tuple(
      fc.constant("application/json"),
      json.map((value) => JSON.stringify(value)),
    ),
  );
  await fc.assert(
    fc.asyncProperty(
      body,
      fc.constantFrom("", "format=csv", `peer=${DATABASE}`),
      async ([type, sent], query) => {
        const { status, body } = await send(service, type, sent, query);
        expect([200, 400, 413, 422]).toContain(status);
        if (status === 200 && query !== "format=csv") expect(body.lines).toHaveLength(body.counts.lines);
      },
    ),
    { numRuns: ON_WORKERS ? 4 : 60 },
  );
});
