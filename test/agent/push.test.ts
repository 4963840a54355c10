import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { test } from "vitest";
import type { Answer, Posting, PostTo } from "../../agent/http.ts";
import { outcomeOf, pack, type Parcel, post, shrinking, unpack } from "../../agent/push.ts";
import { aReport } from "../support/a-report.ts";

const target = { url: "https://conntrail.example", token: "ctk_ingest_secret" };
const parcel: Parcel = { bootId: "boot", sequence: 7, encoding: "zstd", body: new Uint8Array([1, 2, 3]) };
const answering = (answer: Partial<Answer> | Error) => {
  const calls: { url: string; posting: Posting }[] = [];
  const postTo: PostTo = async (url, posting) => {
    calls.push({ url, posting });
    if (answer instanceof Error) throw answer;
    return { status: 202, retryAfter: undefined, text: "", ...answer };
  };
  return { calls, io: { postTo, now: () => 0, signal: new AbortController().signal } };
};

test.for([
  [200, "retry"],
  [301, "retry"],
  [400, "rejected"],
  [401, "retry"],
  [403, "retry"],
  [404, "retry"],
  [405, "retry"],
  [408, "retry"],
  [413, "too-large"],
  [422, "rejected"],
  [425, "retry"],
  [429, "retry"],
  [500, "retry"],
  [501, "rejected"],
  [503, "retry"],
  [505, "rejected"],
  [507, "retry"],
] as const)("after %i a report is %s", ([status, kind], { expect }) => {
  expect(outcomeOf(status, "", undefined).kind).toBe(kind);
});

test.for([
  ['{"stored":true}', "stored"],
  ['{"duplicate":true}', "stored"],
  ['{"stored":false}', "retry"],
  ["<h1>Welcome</h1>", "retry"],
  ["null", "retry"],
  ["", "retry"],
] as const)("answered 200 with %s a report is %s", ([answer, kind], { expect }) => {
  expect(outcomeOf(200, answer, undefined).kind).toBe(kind);
});

test("a wrong token is tried again after five minutes, unless the server names a time", ({ expect }) => {
  expect(outcomeOf(401, "", undefined)).toMatchObject({ waitMs: 300_000 });
  expect(outcomeOf(401, "", 1_000)).toMatchObject({ waitMs: 1_000 });
});

test.for([401, 403])("after %i whoever runs this is told which token to give", (status, { expect }) => {
  expect(outcomeOf(status, "why", undefined)).toMatchObject({
    unauthorized: true,
    reason: expect.stringMatching(
      `^the API refuses CONNTRAIL_TOKEN .${status}.; give one of scope ingest; .*: why$`,
    ),
  });
});

test("the wait the server asks for is kept", async ({ expect }) => {
  const { io } = answering({ status: 429, retryAfter: "17", text: "busy" });
  expect(await post(io, target, parcel)).toEqual({
    kind: "retry",
    reason: "the server answered 429: busy",
    waitMs: 17_000,
  });
});

test("a report travels as bearer-authenticated compressed JSON", async ({ expect }) => {
  const { io, calls } = answering({ text: '{"stored":true}' });
  expect(await post(io, target, parcel)).toEqual({ kind: "stored" });
  expect(calls[0]).toMatchObject({
    url: "https://conntrail.example/v1/reports",
    posting: {
      body: parcel.body,
      headers: {
        authorization: "Bearer ctk_ingest_secret",
        "content-type": "application/json",
        "content-encoding": "zstd",
      },
    },
  });
});

test("a server that cannot be reached is tried again, and the log says why", async ({ expect }) => {
  const { io } = answering(new Error("connect ECONNREFUSED 127.0.0.1:1"));
  expect(await post(io, target, parcel)).toEqual({
    kind: "retry",
    reason: "connect ECONNREFUSED 127.0.0.1:1",
  });
});

test("a host with several addresses, none of which answers, is named with one reason", async ({ expect }) => {
  const { io } = answering(new AggregateError([new Error("connect ECONNREFUSED ::1:1"), new Error("other")]));
  expect(await post(io, target, parcel)).toMatchObject({ reason: "connect ECONNREFUSED ::1:1" });
});

test("of a long refusal the log gets the beginning", async ({ expect }) => {
  const { io } = answering({ status: 400, text: "x".repeat(4_096) });
  expect(JSON.stringify(await post(io, target, parcel)).length).toBeLessThan(700);
});

test("what is packed is the report, whole", async ({ expect }) => {
  const report = aReport();
  const { encoding, body } = await pack(report);
  const text = encoding === "zstd" ? zstdDecompressSync(body) : gunzipSync(body);
  expect(JSON.parse(text.toString())).toEqual(report);
});

test("what was packed is unpacked again", async ({ expect }) => {
  const report = aReport({ sequence: 8 });
  expect(await unpack(await pack(report))).toEqual(report);
  const body = gzipSync(JSON.stringify(report));
  expect(await unpack({ bootId: report.node.bootId, sequence: 8, encoding: "gzip", body })).toEqual(report);
});

test("damage of any one byte of a packed report is seen", async ({ expect }) => {
  const parcel = await pack(aReport());
  const unseen: number[] = [];
  for (const at of parcel.body.keys()) {
    const body = parcel.body.slice();
    body[at]! ^= 0x10;
    // What is left whole must at least be the same report: a flag of the frame may mean nothing here.
    const report = await unpack({ ...parcel, body });
    if (report && JSON.stringify(report) !== JSON.stringify(aReport())) unseen.push(at);
  }
  expect(unseen).toEqual([]);
});

test.for([
  ["cut short", (parcel: Parcel) => ({ ...parcel, body: parcel.body.subarray(0, -1) })],
  ["empty", (parcel: Parcel) => ({ ...parcel, body: new Uint8Array() })],
  ["of another number", (parcel: Parcel) => ({ ...parcel, sequence: 2 })],
  ["of another boot", (parcel: Parcel) => ({ ...parcel, bootId: "other" })],
  ["no report", (parcel: Parcel) => ({ ...parcel, body: zstdCompressSync("null") })],
  ["of endless zeros", (parcel: Parcel) => ({ ...parcel, body: zstdCompressSync(Buffer.alloc(17 << 20)) })],
] as const)("a parcel that is %s is no report", async ([, damaged], { expect }) => {
  expect(await unpack(damaged(await pack(aReport())))).toBeUndefined();
});

test("a report is made smaller as long as something is left to halve", async ({ expect }) => {
  const { dump: _dump, flows: _flows, ...half } = aReport();
  const parcel = await pack(aReport());
  const smaller = await shrinking(() => half)(parcel);
  expect(await unpack(smaller!)).toEqual(half);
  expect(await shrinking(() => undefined)(parcel)).toBeUndefined();
  expect(await shrinking(() => half)({ ...parcel, body: new Uint8Array() })).toBeUndefined();
});

test("a packed report carries a checksum", async ({ expect }) => {
  const { body } = await pack(aReport());
  // Frame_Header_Descriptor, bit 2: Content_Checksum_flag (RFC 8878, 3.1.1.1.1).
  expect(body[4]! & 4).toBe(4);
});
