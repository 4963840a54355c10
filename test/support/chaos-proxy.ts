import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { onTestFinished } from "vitest";

/** What is done to one request. */
export type Chaos =
  | { do: "pass" }
  /** The connection is reset before the server has heard of the request. */
  | { do: "reset" }
  /** The server answers, and the connection is reset before the answer comes through. */
  | { do: "reset-after" }
  /** The answer breaks off in the middle. */
  | { do: "half" }
  /** The answer comes byte by byte. */
  | { do: "slow" }
  /** The server answers, and nothing of it ever comes; `hanging` is called. */
  | { do: "hang"; hanging: () => void }
  /** Bytes that are no HTTP. */
  | { do: "garbage" }
  /** An answer of somebody in between. */
  | { do: "answer"; status: number; headers?: Record<string, string>; body?: string };

/** A proxy in front of the server at `target` that does to each request what `plan` says; closed with the test. */
export async function startChaosProxy(target: string, plan: () => Chaos): Promise<string> {
  const server = createServer((incoming, outgoing) => {
    void confuse(target, plan(), incoming, outgoing).catch(() => outgoing.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function confuse(target: string, chaos: Chaos, incoming: IncomingMessage, outgoing: ServerResponse) {
  if (chaos.do === "reset") return void incoming.socket.resetAndDestroy();
  if (chaos.do === "garbage") return void incoming.socket.end("\0\xff HTTP? no\r\n\r\n");
  if (chaos.do === "answer") {
    await buffer(incoming);
    return void outgoing.writeHead(chaos.status, chaos.headers).end(chaos.body);
  }
  const { status, body } = await forward(target, incoming);
  if (chaos.do === "reset-after") return void incoming.socket.resetAndDestroy();
  if (chaos.do === "hang") return chaos.hanging();
  outgoing.writeHead(status, { "content-length": body.length });
  if (chaos.do === "pass") return void outgoing.end(body);
  if (chaos.do === "half")
    return void outgoing.write(body.subarray(0, body.length / 2), () => incoming.socket.destroy());
  for (const byte of body) await new Promise((resolve) => outgoing.write(Buffer.of(byte), resolve));
  return void outgoing.end();
}

async function forward(target: string, incoming: IncomingMessage) {
  const { method, headers, url } = incoming;
  const onward = request(target + (url ?? ""), { method: method ?? "GET", headers });
  onward.end(await buffer(incoming));
  const [response] = (await once(onward, "response")) as [IncomingMessage];
  return { status: response.statusCode ?? 0, body: await buffer(response) };
}
