import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, test } from "vitest";
import type { HostPolicy } from "../../../api/alerts/hosts.ts";
import { MAX_ANSWER_BYTES } from "../../../api/alerts/send.ts";
import { pinnedSend, type Resolve } from "../../../api/node/pinned-send.ts";
import { keptKey } from "../../../api/node/secret-key.ts";

const servers: Server[] = [];
afterAll(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

async function listening(answer: RequestListener): Promise<{ port: number; seen: string[] }> {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.headers.host} ${request.url}`);
    answer(request, response);
  });
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, seen };
}

const at =
  (...addresses: string[]): Resolve =>
  async () =>
    addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
const OPEN: HostPolicy = { allowed: ["chat.test"], allowPrivate: true };
const CLOSED: HostPolicy = { allowed: ["chat.test"], allowPrivate: false };
const to = (port: number, scheme = "http") => ({
  url: `${scheme}://chat.test:${port}/hook/secret`,
  headers: { "content-type": "application/json" },
  body: "{}",
});

test("the name is resolved once, and its address connected to", async ({ expect }) => {
  const { port, seen } = await listening((request, response) => {
    response.setHeader("x-answer", "yes");
    request.resume().on("end", () => response.end("ok"));
  });
  let asked = 0;
  // A name that is another the second time it is asked for.
  const rebinding: Resolve = async () => [{ address: asked++ === 0 ? "127.0.0.1" : "192.0.2.1", family: 4 }];
  const answer = await pinnedSend(rebinding, OPEN)(to(port), []);
  expect(answer).toMatchObject({ status: 200, body: "ok", headers: { "x-answer": "yes" } });
  expect(seen).toEqual([`POST chat.test:${port} /hook/secret`]);
  expect(asked).toBe(1);
});

test("no connection is made to an address that is not of the public internet", async ({ expect }) => {
  const canary = await listening((_request, response) => response.end("caught"));
  for (const addresses of [
    ["127.0.0.1"],
    ["::1"],
    ["8.8.8.8", "127.0.0.1"],
    ["127.0.0.1", "8.8.8.8"],
    ["::ffff:127.0.0.1"],
    ["169.254.169.254"],
    ["fd00::1"],
  ])
    await expect(pinnedSend(at(...addresses), CLOSED)(to(canary.port, "https"), [])).rejects.toMatchObject({
      message: expect.stringContaining("public internet"),
      passing: false,
    });
  expect(canary.seen).toEqual([]);
});

test("a redirect is not followed", async ({ expect }) => {
  const canary = await listening((_request, response) => response.end("caught"));
  const { port } = await listening((_request, response) => {
    response.writeHead(302, { location: `http://127.0.0.1:${canary.port}/latest/meta-data` }).end();
  });
  expect(await pinnedSend(at("127.0.0.1"), OPEN)(to(port), [])).toMatchObject({ status: 302 });
  expect(canary.seen).toEqual([]);
});

test("an endless answer is cut, and a slow one given up", async ({ expect }) => {
  const endless = await listening((_request, response) => {
    const more = () => {
      while (!response.destroyed && response.write("x".repeat(10_000)));
    };
    response.on("drain", more);
    more();
  });
  const { body } = await pinnedSend(at("127.0.0.1"), OPEN)(to(endless.port), []);
  expect(body).toHaveLength(MAX_ANSWER_BYTES);
  const silent = await listening(() => {});
  const trickling = await listening((_request, response) => response.write("x"));
  for (const { port } of [silent, trickling])
    await expect(pinnedSend(at("127.0.0.1"), OPEN, 50)(to(port), [])).rejects.toMatchObject({
      message: expect.stringContaining("no answer within"),
      passing: true,
    });
});

test("what does not come through is told without the address", async ({ expect }) => {
  const { port } = await listening((request) => void request.socket.destroy());
  const failed = pinnedSend(at("127.0.0.1"), OPEN)(to(port), []);
  await expect(failed).rejects.toMatchObject({
    message: "the connection failed (ECONNRESET)",
    passing: true,
  });
  const unknown: Resolve = () => Promise.reject(new Error("ENOTFOUND chat.test"));
  await expect(pinnedSend(unknown, OPEN)(to(port), [])).rejects.toMatchObject({ passing: true });
  await expect(pinnedSend(at(), OPEN)(to(port), [])).rejects.toMatchObject({ passing: true });
});

test("the key of secrets is made once, for its owner only", async ({ expect }) => {
  const folder = await mkdtemp(join(tmpdir(), "conntrail-key-"));
  const path = join(folder, "new", "secret.key");
  const keys = await Promise.all([keptKey(path), keptKey(path), keptKey(path)]);
  expect(new Set(keys.map((key) => String(key))).size).toBe(1);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readFile(path, "utf8")).toBe(`${btoa(String.fromCharCode(...(keys[0] ?? [])))}\n`);
  await writeFile(path, "nonsense");
  await expect(keptKey(path)).rejects.toThrow("holds no key");
  await rm(folder, { recursive: true });
});
