import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { afterAll, beforeAll, test } from "vitest";
import { missing, type Network, openNetwork, POD_V4, SERVER_V4 } from "../support/namespaces.ts";
import { openService, type Service, stop } from "./service.ts";

const CHAT_PORT = 9099;
const WINDOW_MS = 5_000;
/** In each window: three times what is a flood where nobody knows what is usual, and little beside what other tests do. */
const FLOWS = 2_000;
/** Of the default limit of 262,144 entries, fewer than these flows: users may set that. */
const PART = 0.01;

type Message = { at: number; text: string; blocks: string; refused?: string };

const reason = missing();
let folder: string;
let network: Network;
let service: Service;
let chatUrl: string;
/** What came to the chat, in order, each once. */
let messages: AsyncIterator<string>;

beforeAll(async () => {
  if (reason) return;
  folder = await mkdtemp(join(tmpdir(), "conntrail-alarm-"));
  const owners = POD_V4.map((address, i) => {
    const [name, workload] = i === 0 ? ["checkout-7c9d-x2lqp", "checkout"] : [`catalog-5f6b-${i}`, "catalog"];
    return [address, { kind: "pod", namespace: "shop", name, workload, workloadKind: "Deployment" }];
  });
  await writeFile(join(folder, "owners.json"), JSON.stringify(Object.fromEntries(owners)));
  network = await openNetwork();
  // Nothing may expire by itself.
  await network.exec(network.node, "sh", [
    "-c",
    "echo 900 > /proc/sys/net/netfilter/nf_conntrack_udp_timeout",
  ]);
  const chat = network.spawn(network.node, process.execPath, [
    join(import.meta.dirname, "chat.ts"),
    String(CHAT_PORT),
  ]);
  const lines = createInterface(chat.stdout as Readable);
  messages = lines[Symbol.asyncIterator]();
  chatUrl = String((await messages.next()).value).replace(/^ready /, "");
  service = await openService(network, {
    CONNTRAIL_WEBHOOK_HOSTS: `127.0.0.1:${CHAT_PORT}`,
    CONNTRAIL_ALLOW_PRIVATE_WEBHOOKS: "1",
  });
});
afterAll(async () => {
  await service?.[Symbol.asyncDispose]();
  await network?.dispose();
  if (folder) await rm(folder, { recursive: true });
});

async function nextMessage(): Promise<Message> {
  const { value, done } = await messages.next();
  if (done) throw new Error("the chat has ended");
  return JSON.parse(value) as Message;
}

async function accepted(method: string, path: string, body: unknown): Promise<Record<string, unknown>> {
  const answer = await service.ask(method, path, body);
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`);
  return answer.body;
}

/** Flows of the first Pod to a server outside that answers, more of them in each window until it is stopped. */
function startFlood(): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const run = async () => {
    while (!stopping.signal.aborted) {
      (await network.traffic(network.pods[0], "udp", SERVER_V4, 5432, FLOWS)).kill();
      await service.reports(1);
    }
  };
  const running = run();
  return {
    stop: () => {
      stopping.abort();
      return running;
    },
  };
}

test("a Pod that floods through masquerade is named in chat, and the all-clear follows", async (ctx) => {
  if (reason) ctx.skip(reason);
  const { expect } = ctx;
  const channel = await accepted("POST", "/v1/channels", { kind: "slack", name: "on call", url: chatUrl });
  expect(JSON.stringify(channel)).not.toContain("secret");
  // As users may, so that the test need not send for long, nor wait for ten minutes.
  const thresholds = { part: PART, needMs: 0, clearMs: WINDOW_MS };
  await accepted("PUT", "/v1/clusters/kernel/rules", { rules: { "pod-flood": { thresholds } } });
  await network.traffic(network.server, "serve", 5432);
  for (const pod of network.pods) await network.traffic(pod, "tcp", SERVER_V4, 5432, 20);
  const agent = service.agent({
    CONNTRAIL_INTERVAL: `${WINDOW_MS / 1_000}s`,
    CONNTRAIL_OWNERS: `file:${join(folder, "owners.json")}`,
  });
  await service.reports(3);

  const floodedAt = Date.now();
  const flood = startFlood();
  const alarm = await nextMessage();
  await flood.stop();
  console.log(`flood to message: ${alarm.at - floodedAt} ms, windows of ${WINDOW_MS} ms`);
  expect(alarm.refused).toBeUndefined();
  expect(`${alarm.text} ${alarm.blocks}`).toContain("checkout-7c9d-x2lqp");
  expect(`${alarm.text} ${alarm.blocks}`).toContain("node-1");
  expect(alarm.text).toMatch(/^\[Conntrail\]/);
  const open = await service.ask("GET", "/v1/anomalies?cluster=kernel&rule=pod-flood");
  expect(open.body["anomalies"]).toMatchObject([
    {
      rule: "pod-flood",
      state: "open",
      subject: { party: { name: "checkout-7c9d-x2lqp", namespace: "shop" } },
    },
  ]);

  const overAt = Date.now();
  await network.exec(network.node, "conntrack", ["-D", "-s", POD_V4[0], "-p", "udp"]);
  const allClear = await nextMessage();
  console.log(`end of the flood to the all-clear: ${allClear.at - overAt} ms`);
  expect(allClear.text).toMatch(/^\[Conntrail\]/);
  expect(`${allClear.text} ${allClear.blocks}`).toContain("checkout-7c9d-x2lqp");
  const over = await service.ask("GET", "/v1/anomalies?cluster=kernel&rule=pod-flood&state=resolved");
  expect(over.body["anomalies"]).toMatchObject([{ state: "resolved" }]);
  expect((await service.ask("GET", "/v1/anomalies?cluster=kernel")).body["anomalies"]).toEqual([]);
  const { body } = await service.ask("GET", "/v1/deliveries");
  const [last, first] = body["deliveries"] as { kind: string; state: string }[];
  expect(first).toMatchObject({ kind: "firing", state: "sent" });
  // It is marked as sent once its answer was read.
  expect(last).toMatchObject({ kind: "resolved", state: expect.stringMatching(/^(sending|sent)$/) });
  expect(await stop(agent)).toBe(0);
});
