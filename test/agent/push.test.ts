import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { test } from "vitest";
import { outcomeOf, pack, type Parcel, post } from "../../agent/push.ts";
import { aReport } from "../support/a-report.ts";

const target = { url: "https://conntrail.example", token: "ctk_ingest_secret" };
const parcel: Parcel = { sequence: 7, encoding: "zstd", body: new Uint8Array([1, 2, 3]) };
const answering = (response: () => Response | Promise<Response>) => {
  const calls: { url: string; init: RequestInit }[] = [];
  const fake: typeof fetch = async (url, init) => {
    calls.push({ url: url as string, init: init ?? {} });
    return response();
  };
  return { calls, io: { fetch: fake, now: () => 0, signal: new AbortController().signal } };
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
  [413, "rejected"],
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

test("the wait the server asks for is kept", async ({ expect }) => {
  const { io } = answering(() => new Response("busy", { status: 429, headers: { "retry-after": "17" } }));
  expect(await post(io, target, parcel)).toEqual({
    kind: "retry",
    reason: "the server answered 429: busy",
    waitMs: 17_000,
  });
});

test("a report travels as bearer-authenticated compressed JSON", async ({ expect }) => {
  const { io, calls } = answering(() => Response.json({ stored: true }, { status: 202 }));
  expect(await post(io, target, parcel)).toEqual({ kind: "stored" });
  expect(calls[0]).toMatchObject({
    url: "https://conntrail.example/v1/reports",
    init: {
      method: "POST",
      redirect: "manual",
      headers: {
        authorization: "Bearer ctk_ingest_secret",
        "content-type": "application/json",
        "content-encoding": "zstd",
      },
    },
  });
});

test("a server that cannot be reached is tried again, and the log says why without the token", async ({
  expect,
}) => {
  const { io } = answering(() =>
    Promise.reject(new TypeError("fetch failed", { cause: new Error("connect ECONNREFUSED") })),
  );
  const outcome = await post(io, target, parcel);
  expect(outcome).toEqual({ kind: "retry", reason: "fetch failed: connect ECONNREFUSED" });
});

test("a host with several addresses, none of which answers, is named with one reason", async ({ expect }) => {
  const cause = new AggregateError([
    new Error("connect ECONNREFUSED ::1:1"),
    new Error("connect ECONNREFUSED"),
  ]);
  const { io } = answering(() => Promise.reject(new TypeError("fetch failed", { cause })));
  expect(await post(io, target, parcel)).toMatchObject({
    reason: "fetch failed: connect ECONNREFUSED ::1:1",
  });
});

test.for([202, 500])(
  "an answer of %i that does not end is read for some kB and then let go",
  async (status, { expect }) => {
    let pulled = 0;
    let cancelled = false;
    const endless = new ReadableStream({
      pull: (controller) => {
        pulled += 1;
        controller.enqueue(new Uint8Array(1024).fill(0x78));
      },
      cancel: () => {
        cancelled = true;
      },
    });
    const { io } = answering(() => new Response(endless, { status }));
    const outcome = await post(io, target, parcel);
    expect([outcome.kind, cancelled, pulled < 10, JSON.stringify(outcome).length < 700]).toEqual([
      "retry",
      true,
      true,
      true,
    ]);
  },
);

test("what is packed is the report, whole", async ({ expect }) => {
  const report = aReport();
  const { encoding, body } = await pack(report);
  const text = encoding === "zstd" ? zstdDecompressSync(body) : gunzipSync(body);
  expect(JSON.parse(text.toString())).toEqual(report);
});
