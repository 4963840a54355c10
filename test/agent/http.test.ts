import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { buffer } from "node:stream/consumers";
import { onTestFinished, test } from "vitest";
import { openHttp } from "../../agent/http.ts";
import { noOpenssl, openKubeServer } from "../support/kube-server.ts";

const never = new AbortController().signal;
const posting = { headers: { "x-test": "1" }, body: new Uint8Array([1, 2, 3]), signal: never };

async function serving(listener: RequestListener): Promise<{ url: string; sockets: Set<Socket> }> {
  const server = createServer(listener);
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => sockets.add(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/x`, sockets };
}

test("the body arrives whole, and several posts share one connection", async ({ expect }) => {
  const bodies: number[][] = [];
  const { url, sockets } = await serving(async (request, response) => {
    bodies.push([...(await buffer(request))]);
    response.writeHead(202, { "retry-after": "7" }).end("ok");
  });
  const postTo = openHttp(false);
  const answers = [await postTo(url, posting), await postTo(url, posting)];
  expect(answers).toEqual([1, 2].map(() => ({ status: 202, retryAfter: "7", text: "ok" })));
  expect([bodies, sockets.size]).toEqual([
    [
      [1, 2, 3],
      [1, 2, 3],
    ],
    1,
  ]);
});

test("a redirect is an answer, not a way to go", async ({ expect }) => {
  const { url } = await serving((_request, response) => response.writeHead(302, { location: "/y" }).end());
  expect(await openHttp(false)(url, posting)).toMatchObject({ status: 302 });
});

test("an answer that does not end is read for some kB, and its connection closed", async ({ expect }) => {
  let closed = () => {};
  const closing = new Promise<void>((resolve) => {
    closed = resolve;
  });
  const { url } = await serving((_request, response) => {
    response.writeHead(202);
    const more = () => {
      while (response.write("x".repeat(1024)));
    };
    response.on("drain", more).on("close", closed);
    more();
  });
  const { text } = await openHttp(false)(url, posting);
  await closing;
  expect([text.length >= 4_096, text.length < 200_000]).toEqual([true, true]);
});

test("a server that hangs up or never answers is an error with its reason", async ({ expect }) => {
  const hangingUp = await serving((request) => request.socket.destroy());
  await expect(openHttp(false)(hangingUp.url, posting)).rejects.toThrow("socket hang up");
  const patience = new AbortController();
  const silent = await serving(() => patience.abort(new Error("time is over")));
  await expect(openHttp(false)(silent.url, { ...posting, signal: patience.signal })).rejects.toThrow();
});

test("half an answer is an error, not a receipt", async ({ expect }) => {
  const { url } = await serving((_request, response) => {
    response
      .writeHead(202, { "content-length": "100" })
      .write('{"stored":true}', () => response.socket?.destroy());
  });
  await expect(openHttp(false)(url, posting)).rejects.toThrow();
});

test("over TLS a server that cannot prove who it is gets nothing", async (ctx) => {
  const reason = noOpenssl();
  if (reason) ctx.skip(reason);
  const { host, port } = await openKubeServer();
  const posted = openHttp(true)(`https://${host}:${port}/x`, posting);
  await ctx.expect(posted).rejects.toThrow(/self.signed/);
});
