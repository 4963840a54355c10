import { connect, type Socket } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { onTestFinished, test } from "vitest";
import { aReport } from "../../support/a-report.ts";
import { aFolder, call, ingestToken, startApi, urlOf } from "../../support/api-process.ts";
import { openService } from "../../support/service.ts";

const ADMIN = "an-admin-token-of-more-than-32-characters";
const JSON_TYPE = "content-type: application/json\r\n";

/** Of memory that is flat, garbage that is not collected yet. */
const FLAT = 64 * 1024 * 1024;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Bytes the process holds once its garbage is gone, which is otherwise a hundred megabytes at some moments and none at others. */
async function held(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    collect();
    // Buffers are freed by a thread of their own.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return process.memoryUsage().rss;
}

/** Bytes the process holds beyond what it held before, each time: a leak shows every time, what another test takes meanwhile does not. */
async function growth(act: () => Promise<void>): Promise<number> {
  await act();
  let least = Infinity;
  for (let time = 0; time < 3 && least >= FLAT; time++) {
    const before = await held();
    await act();
    least = Math.min(least, (await held()) - before);
  }
  return least;
}

test.for([
  { name: "gzip", body: gzipSync(Buffer.alloc(64 * 1024 * 1024)) },
  { name: "zstd", body: zstdCompressSync(Buffer.alloc(1024 * 1024 * 1024)) },
])("a hundred $name bombs leave memory flat", async ({ name, body }, { expect }) => {
  const service = await openService();
  const token = await service.token("ingest", "prod");
  const headers = { "content-type": "application/json", "content-encoding": name };
  const grown = await growth(async () => {
    for (let round = 0; round < 100; round++) {
      const { status } = await service.ask("POST", "/v1/reports", {
        token,
        body: new Uint8Array(body),
        headers,
      });
      expect(status).toBe(413);
    }
  });
  expect(grown).toBeLessThan(FLAT);
});

test("a body that is wrong in every place leaves memory flat", async ({ expect }) => {
  const service = await openService();
  const token = await service.token("ingest", "prod");
  const report = aReport();
  const minus = Array(300_000).fill(-1);
  const flows = { ...report.flows, addresses: minus, talkers: { ...report.flows?.talkers, source: minus } };
  const body = new Uint8Array(gzipSync(JSON.stringify({ ...report, flows })));
  const headers = { "content-type": "application/json", "content-encoding": "gzip" };
  const grown = await growth(async () => {
    for (let round = 0; round < 20; round++) {
      const { status, text } = await service.ask("POST", "/v1/reports", { token, body, headers });
      expect([status, text.length < 2000]).toEqual([422, true]);
    }
  });
  expect(grown).toBeLessThan(FLAT);
});

function open(url: string, head: string): Socket {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname, () => socket.write(head));
  onTestFinished(() => void socket.destroy());
  return socket;
}

/** Well below the 15 s that a body has to come: who waits for any of them waits longer, and a busy machine does not. */
const KEPT_WAITING_MS = 5_000;

test("three hundred bodies that come byte by byte keep nobody else waiting", async ({ expect }) => {
  const url = await urlOf(startApi(await aFolder(), { CONNTRAIL_ADMIN_TOKEN: ADMIN }));
  const token = await ingestToken(url, ADMIN);
  const head = `POST /v1/reports HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\n${JSON_TYPE}`;
  for (let client = 0; client < 300; client++) open(url, `${head}content-length: 1000\r\n\r\n{`);
  const latencies: number[] = [];
  for (let round = 0; round < 50; round++) {
    const startedAt = performance.now();
    expect((await call(`${url}/v1/clusters`, ADMIN)).status).toBe(200);
    latencies.push(performance.now() - startedAt);
  }
  expect(Math.max(...latencies)).toBeLessThan(KEPT_WAITING_MS);
});

test(
  "a head or a body that stops coming is answered 408, and its connection closed",
  { timeout: 30_000 },
  async ({ expect }) => {
    const url = await urlOf(startApi(await aFolder(), { CONNTRAIL_ADMIN_TOKEN: ADMIN }));
    const token = await ingestToken(url, ADMIN);
    const head = `POST /v1/reports HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\n${JSON_TYPE}`;
    const answers = [`${head}content-length: 1000\r\n\r\n{`, head].map((text) => allFrom(open(url, text)));
    const refused = expect.stringContaining("HTTP/1.1 408");
    expect(await Promise.all(answers)).toEqual([refused, refused]);
  },
);

function allFrom(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    socket.on("data", (chunk) => (text += String(chunk)));
    socket.on("close", () => resolve(text));
  });
}
