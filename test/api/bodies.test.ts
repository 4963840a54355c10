import { gzipSync, zstdCompressSync } from "node:zlib";
import { test } from "vitest";
import { MAX_INFLATED_BYTES, MAX_WIRE_BYTES } from "../../api/ingest.ts";
import { aReport } from "../support/a-report.ts";
import { openService, type Service, storedWindows } from "../support/service.ts";

const JSON_TYPE = { "content-type": "application/json" };
const encode = (text: string) => new TextEncoder().encode(text);
const plain = encode(JSON.stringify(aReport()));
const gzip = (bytes: Uint8Array) => new Uint8Array(gzipSync(bytes));
const zstd = (bytes: Uint8Array) => new Uint8Array(zstdCompressSync(bytes));
/** The largest block of a zstd frame (RFC 8878, 3.1.1.2.4). */
const BLOCK = 128 * 1024;
const concat = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));
const damaged = (bytes: Uint8Array) => bytes.map((byte, at) => (at > bytes.length / 2 ? byte ^ 0x55 : byte));
const ZEROS = new Uint8Array(48 * 1024 * 1024);

/** A zstd frame of one raw block and of one byte repeated, by hand: workerd fails to compress what is large. */
function zstdRun(
  head: Uint8Array,
  byte: number,
  times: number,
  tail: Uint8Array = new Uint8Array(),
): Uint8Array {
  const header = (size: number, kind: 0 | 1, last: boolean) => {
    const bits = (size << 3) | (kind << 1) | Number(last);
    return Uint8Array.of(bits & 0xff, (bits >> 8) & 0xff, bits >> 16);
  };
  const runs = Array.from({ length: Math.ceil(times / BLOCK) }, (_, at) =>
    Math.min(BLOCK, times - at * BLOCK),
  );
  return concat(
    Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x00, 7 << 3),
    header(head.length, 0, false),
    head,
    ...runs.map((size) => concat(header(size, 1, false), Uint8Array.of(byte))),
    header(tail.length, 0, true),
    tail,
  );
}

/** As `padded`, compressed. */
function zstdPadded(size: number): Uint8Array {
  const text = JSON.stringify({ ...aReport(), padding: "" });
  return zstdRun(encode(text.slice(0, -2)), 0x78, size - text.length, encode(text.slice(-2)));
}

/** A report made `size` bytes long by a field nobody knows. */
function padded(size: number): Uint8Array {
  const text = JSON.stringify({ ...aReport(), padding: "" });
  return encode(text.replace('"padding":""', `"padding":"${"x".repeat(size - text.length)}"`));
}

/** As `padded`, but hard to compress. */
function noisy(size: number): Uint8Array {
  const bytes = padded(size);
  const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
  let state = 1;
  const from = bytes.length - size + JSON.stringify(aReport()).length + 20;
  for (let at = from; at < bytes.length - 4; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[at] = letters.charCodeAt(state >>> 26);
  }
  return bytes;
}

/** A body of exactly `size` bytes on the wire that no decoder could tell from others. */
async function post(service: Service, body: BodyInit, headers: Record<string, string> = {}) {
  const token = await service.token("ingest", "prod");
  return service.ask("POST", "/v1/reports", { token, body, headers: { ...JSON_TYPE, ...headers } });
}

test.for([
  { name: "plain", body: plain, encoding: undefined },
  { name: "identity", body: plain, encoding: "identity" },
  { name: "gzip", body: gzip(plain), encoding: "gzip" },
  { name: "GZIP in capitals", body: gzip(plain), encoding: " GZIP " },
  { name: "zstd", body: zstd(plain), encoding: "zstd" },
  {
    name: "a byte order mark first",
    body: concat(Uint8Array.of(0xef, 0xbb, 0xbf), plain),
    encoding: undefined,
  },
  { name: "exactly as large as the wire may carry", body: padded(MAX_WIRE_BYTES), encoding: undefined },
  { name: "gzip, exactly as large as may be", body: gzip(padded(MAX_INFLATED_BYTES)), encoding: "gzip" },
  { name: "zstd, exactly as large as may be", body: zstdPadded(MAX_INFLATED_BYTES), encoding: "zstd" },
  { name: "gzip of noise", body: gzip(noisy(300_000)), encoding: "gzip" },
  { name: "zstd of noise", body: zstd(noisy(15_000)), encoding: "zstd" },
])("a body that is $name is stored", async ({ body, encoding }, { expect }) => {
  const service = await openService();
  const answer = await post(service, body, encoding === undefined ? {} : { "content-encoding": encoding });
  expect([answer.status, answer.body]).toEqual([202, { stored: true }]);
});

const refused = [
  { name: "one byte too large on the wire", body: padded(MAX_WIRE_BYTES + 1), status: 413 },
  {
    name: "gzip, one byte too large",
    body: gzip(padded(MAX_INFLATED_BYTES + 1)),
    encoding: "gzip",
    status: 413,
  },
  {
    name: "zstd, one byte too large",
    body: zstdPadded(MAX_INFLATED_BYTES + 1),
    encoding: "zstd",
    status: 413,
  },
  { name: "a gzip bomb", body: gzip(ZEROS), encoding: "gzip", status: 413 },
  { name: "a zstd bomb", body: zstdRun(encode("{"), 0, 48 * 1024 * 1024), encoding: "zstd", status: 413 },
  { name: "truncated gzip", body: gzip(plain).slice(0, -3), encoding: "gzip", status: 400 },
  { name: "truncated zstd", body: zstd(plain).slice(0, -3), encoding: "zstd", status: 400 },
  { name: "damaged gzip", body: damaged(gzip(plain)), encoding: "gzip", status: 400 },
  { name: "damaged zstd", body: damaged(zstd(plain)), encoding: "zstd", status: 400 },
  { name: "garbage said to be gzip", body: encode("garbage"), encoding: "gzip", status: 400 },
  { name: "garbage said to be zstd", body: encode("garbage"), encoding: "zstd", status: 400 },
  { name: "nothing said to be gzip", body: new Uint8Array(), encoding: "gzip", status: 400 },
  { name: "nothing said to be zstd", body: new Uint8Array(), encoding: "zstd", status: 400 },
  { name: "gzip and then some", body: concat(gzip(plain), encode("more")), encoding: "gzip", status: 400 },
  { name: "zstd and then some", body: concat(zstd(plain), encode("more")), encoding: "zstd", status: 400 },
  {
    name: "two reports in two gzip members",
    body: concat(gzip(plain), gzip(plain)),
    encoding: "gzip",
    status: 400,
  },
  {
    name: "two reports in two zstd frames",
    body: concat(zstd(plain), zstd(plain)),
    encoding: "zstd",
    status: 400,
  },
  {
    name: "a zstd frame that wants a window of 2 GiB",
    body: Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3, 0x01, 0, 0),
    encoding: "zstd",
    status: 400,
  },
  {
    name: "a zstd frame that claims 2^62 bytes",
    body: Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 0, 0, 0, 0x40, 0x01, 0, 0),
    encoding: "zstd",
    status: 400,
  },
  { name: "gzip in gzip", body: gzip(gzip(plain)), encoding: "gzip, gzip", status: 415 },
  { name: "gzip in gzip, said once", body: gzip(gzip(plain)), encoding: "gzip", status: 400 },
  { name: "brotli", body: plain, encoding: "br", status: 415 },
  { name: "deflate", body: plain, encoding: "deflate", status: 415 },
  { name: "of no type", body: plain, type: "", status: 415 },
  { name: "of another type", body: plain, type: "text/plain", status: 415 },
  { name: "of a type that begins alike", body: plain, type: "application/jsonp", status: 415 },
  { name: "JSON in another charset", body: plain, type: "application/json; charset=latin1", status: 415 },
  { name: "nothing", body: new Uint8Array(), status: 400 },
  { name: "not JSON", body: encode('{"node":'), status: 400 },
  { name: "two JSON values", body: encode("{}{}"), status: 400 },
  { name: "NaN", body: encode("NaN"), status: 400 },
  { name: "not UTF-8", body: Uint8Array.of(0x22, 0xff, 0xfe, 0x22), status: 400 },
];

test.for(refused)("a body that is $name is answered $status and not stored", async (row, { expect }) => {
  const { body, encoding, type = "application/json", status } = row;
  const service = await openService();
  const answer = await post(service, body, {
    "content-type": type,
    ...(encoding !== undefined && { "content-encoding": encoding }),
  });
  expect(answer.status).toBe(status);
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  expect(await storedWindows(service, "prod")).toBe(0);
});

test("a charset of UTF-8 may be named", async ({ expect }) => {
  const service = await openService();
  const answer = await post(service, plain, { "content-type": 'Application/JSON; charset="UTF-8"' });
  expect(answer.status).toBe(202);
});

/** A body without end, and what became of it. */
function endless() {
  const seen = { chunks: 0, cancelled: false };
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      seen.chunks += 1;
      controller.enqueue(new Uint8Array(64 * 1024));
    },
    cancel() {
      seen.cancelled = true;
    },
  });
  return { stream, seen };
}

test("reading a body without end stops at the limit of the wire", async ({ expect }) => {
  const service = await openService();
  const { stream, seen } = endless();
  expect((await post(service, stream)).status).toBe(413);
  expect(seen.chunks).toBeLessThanOrEqual(MAX_WIRE_BYTES / 65_536 + 3);
  expect(seen.cancelled).toBe(true);
});

test("nothing of a body is read for a token that does not hold", async ({ expect }) => {
  const service = await openService();
  const { stream, seen } = endless();
  const answer = await service.ask("POST", "/v1/reports", {
    token: "wrong",
    body: stream,
    headers: JSON_TYPE,
  });
  expect(answer.status).toBe(401);
  // A stream fills its own queue once before anybody reads.
  expect(seen.chunks).toBeLessThanOrEqual(1);
});

test("a body that says it is too large is not read", async ({ expect }) => {
  const service = await openService();
  const { stream, seen } = endless();
  const answer = await post(service, stream, { "content-length": String(MAX_WIRE_BYTES + 1) });
  expect(answer.status).toBe(413);
  expect(seen.chunks).toBeLessThanOrEqual(1);
});

test("a body that says it is smaller than it is meets the limit all the same", async ({ expect }) => {
  const service = await openService();
  const { stream } = endless();
  expect((await post(service, stream, { "content-length": "10" })).status).toBe(413);
});

test("a body that does not come is given up at the deadline", async ({ expect }) => {
  const service = await openService({ bodyDeadlineMs: 20 });
  const stream = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(encode("{")),
    pull: () => new Promise(() => {}),
  });
  const answer = await post(service, stream);
  expect([answer.status, answer.body.type]).toEqual([408, "urn:conntrail:problem:body-timeout"]);
});

test("a body that breaks off is a problem of the body", async ({ expect }) => {
  const service = await openService();
  const stream = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.error(new Error("gone")),
  });
  expect((await post(service, stream)).status).toBe(400);
});

test("the bodies of administration have the same limits, and smaller ones", async ({ expect }) => {
  const service = await openService();
  const token = await service.token("admin");
  const body = encode(JSON.stringify({ name: "prod", padding: "x".repeat(16 * 1024) }));
  const answer = await service.ask("POST", "/v1/clusters", { token, body, headers: JSON_TYPE });
  expect(answer.status).toBe(413);
});
