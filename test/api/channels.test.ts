import { sql } from "drizzle-orm";
import { test } from "vitest";
import type { HostPolicy } from "../../api/alerts/hosts.ts";
import type { Answer, Outgoing } from "../../api/alerts/provider.ts";
import { SendError } from "../../api/alerts/send.ts";
import { ADMIN, openService } from "../support/service.ts";

const CANARY = "canarySecretOfTheHook123wxyz";
const SLACK = { kind: "slack", name: "ops", url: `https://hooks.slack.com/services/T0/B0/${CANARY}` };
const HOSTS: HostPolicy = { allowed: ["hooks.example.com"], allowPrivate: false };

/** The service, with a chat that answers so. */
async function withChat(answer: (outgoing: Outgoing) => Answer | Promise<Answer>) {
  const posted: Outgoing[] = [];
  const service = await openService({
    hosts: HOSTS,
    send: async (outgoing) => {
      posted.push(outgoing);
      return answer(outgoing);
    },
  });
  const ask = (method: string, path: string, json?: unknown) =>
    service.ask(method, path, { token: ADMIN, ...(json !== undefined && { json }) });
  return { ...service, posted, ask };
}

const OK: Answer = { status: 200, headers: {}, body: "ok" };

test("a channel is shown without its secret, wherever it is asked for", async ({ expect }) => {
  const { ask, said } = await withChat(() => OK);
  const made = await ask("POST", "/v1/channels", {
    ...SLACK,
    filter: { rules: ["pod-*"], minSeverity: "critical" },
  });
  expect(made.status).toBe(201);
  expect(made.body).toEqual({
    id: 1,
    name: "ops",
    kind: "slack",
    language: "en",
    filter: { rules: ["pod-*"], minSeverity: "critical" },
    target: "hooks.slack.com …wxyz",
    createdAt: "2026-11-21T12:00:00.000Z",
    enabled: true,
    disabledReason: null,
    failures: 0,
    pausedUntil: null,
    lastSentAt: null,
    waiting: 0,
  });
  expect((await ask("GET", "/v1/channels/1")).body).toEqual(made.body);
  expect((await ask("GET", "/v1/channels")).body).toEqual({ channels: [made.body] });
  await ask("PATCH", "/v1/channels/1", { language: "zh" });
  await ask("POST", "/v1/channels/1/test");
  expect(said.filter((text) => text.includes(CANARY.slice(0, -4)))).toEqual([]);
});

test("what is stored of a channel does not hold its secret", async ({ expect }) => {
  const { ask, db } = await withChat(() => OK);
  await ask("POST", "/v1/channels", SLACK);
  const [row] = await db.all<{ sealed: string }>(sql`select hex(sealed) as sealed from channels`);
  expect(row?.sealed).not.toContain(Buffer.from(CANARY.slice(0, 12)).toString("hex").toUpperCase());
});

test.for([
  { why: "no kind", body: { name: "x", url: SLACK.url }, path: ["kind"] },
  { why: "an unknown kind", body: { ...SLACK, kind: "irc" }, path: ["kind"] },
  { why: "no name", body: { kind: "slack", url: SLACK.url }, path: ["name"] },
  { why: "a name of control characters", body: { ...SLACK, name: "a\nb" }, path: ["name"] },
  { why: "a name of 101 characters", body: { ...SLACK, name: "x".repeat(101) }, path: ["name"] },
  { why: "no url", body: { kind: "slack", name: "x" }, path: ["url"] },
  {
    why: "another provider's host",
    body: { ...SLACK, url: "https://evil.example/services/T/B/x" },
    path: ["url"],
  },
  { why: "plain http", body: { ...SLACK, url: "http://hooks.slack.com/services/T/B/x" }, path: ["url"] },
  {
    why: "another port",
    body: { ...SLACK, url: "https://hooks.slack.com:8443/services/T/B/x" },
    path: ["url"],
  },
  {
    why: "loopback",
    body: { kind: "webhook", name: "x", url: "http://127.0.0.1/", secret: `whsec_${"A".repeat(32)}` },
    path: ["url"],
  },
  {
    why: "a webhook without a secret",
    body: { kind: "webhook", name: "x", url: "https://hooks.example.com/" },
    path: ["secret"],
  },
  { why: "an unknown field", body: { ...SLACK, color: "red" }, path: ["color"] },
  { why: "an unknown filter", body: { ...SLACK, filter: { pods: ["a"] } }, path: ["filter", "pods"] },
  { why: "an unknown language", body: { ...SLACK, language: "fr" }, path: ["language"] },
])("$why is no channel", async ({ body, path }, { expect }) => {
  const { ask, db } = await withChat(() => OK);
  const answer = await ask("POST", "/v1/channels", body);
  expect(answer.status).toBe(422);
  expect(answer.body.errors.map((error: { path: string[] }) => error.path)).toContainEqual(path);
  expect(await db.all(sql`select id from channels`)).toEqual([]);
});

test("the operator's own hosts are allowed", async ({ expect }) => {
  const { ask } = await withChat(() => OK);
  const body = {
    kind: "webhook",
    name: "own",
    url: "https://hooks.example.com/in",
    secret: `whsec_${"A".repeat(32)}`,
  };
  expect((await ask("POST", "/v1/channels", body)).body.target).toBe("hooks.example.com …AAAA");
});

test("no two channels have one name", async ({ expect }) => {
  const { ask } = await withChat(() => OK);
  await ask("POST", "/v1/channels", SLACK);
  expect((await ask("POST", "/v1/channels", SLACK)).status).toBe(409);
  await ask("POST", "/v1/channels", { ...SLACK, name: "other" });
  expect((await ask("PATCH", "/v1/channels/2", { name: "ops" })).status).toBe(409);
  expect((await ask("PATCH", "/v1/channels/2", { name: "other" })).status).toBe(200);
});

test("channels come in pages, in the order they were made", async ({ expect }) => {
  const { ask } = await withChat(() => OK);
  for (const name of ["a", "b", "c"]) await ask("POST", "/v1/channels", { ...SLACK, name });
  const first = await ask("GET", "/v1/channels?limit=2");
  const second = await ask("GET", `/v1/channels?limit=2&cursor=${first.body.next}`);
  const names = [first, second].map(({ body }) => body.channels.map(({ name }: { name: string }) => name));
  expect(names).toEqual([["a", "b"], ["c"]]);
  expect(second.body.next).toBe(undefined);
});

test("a channel that is not there is 404 for every question", async ({ expect }) => {
  const { ask } = await withChat(() => OK);
  for (const id of ["1", "0", "-1", "x", "99999999999999999999"]) {
    expect((await ask("GET", `/v1/channels/${id}`)).status).toBe(404);
    expect((await ask("PATCH", `/v1/channels/${id}`, {})).status).toBe(404);
    expect((await ask("DELETE", `/v1/channels/${id}`)).status).toBe(404);
    expect((await ask("POST", `/v1/channels/${id}/test`)).status).toBe(404);
  }
});

test("a trial is sent at once, in the channel's language, and says what the provider answered", async ({
  expect,
}) => {
  const { ask, posted } = await withChat(() => OK);
  await ask("POST", "/v1/channels", { ...SLACK, language: "zh" });
  const { status, body } = await ask("POST", "/v1/channels/1/test");
  expect([status, body]).toEqual([
    200,
    { arrived: true, status: 200, says: "the provider took the message" },
  ]);
  expect(posted.map(({ url }) => url)).toEqual([SLACK.url]);
  expect(posted[0]?.body).toContain("[Conntrail] 渠道 ops 的测试消息");
  expect((await ask("GET", "/v1/channels/1")).body).toMatchObject({ lastSentAt: "2026-11-21T12:00:00.000Z" });
  expect((await ask("GET", "/v1/deliveries")).body.deliveries).toMatchObject([
    { kind: "test", state: "sent", cluster: null, status: 200, channel: { id: 1, name: "ops" } },
  ]);
});

test("a trial that fails says why, and does not switch the channel off", async ({ expect }) => {
  const { ask } = await withChat(() => ({ status: 404, headers: {}, body: "no_service" }));
  await ask("POST", "/v1/channels", SLACK);
  const { status, body } = await ask("POST", "/v1/channels/1/test");
  expect([status, body.arrived, body.status]).toEqual([200, false, 404]);
  expect(body.says).toContain("no_service");
  expect((await ask("GET", "/v1/channels/1")).body).toMatchObject({ enabled: true, lastSentAt: null });
  expect((await ask("GET", "/v1/deliveries")).body.deliveries).toMatchObject([{ error: body.says }]);
  expect((await ask("GET", "/v1/deliveries?state=dead")).body.deliveries).toEqual([]);
  const again = await ask("POST", "/v1/deliveries/1/replay");
  expect([again.status, again.body.title]).toEqual([409, "It is no longer as you think"]);
  expect(again.body.detail).toContain("A trial is not sent again");
});

test("a trial that does not get through says so", async ({ expect }) => {
  const { ask } = await withChat(() => {
    throw new SendError("no answer within 10 s", { passing: true });
  });
  await ask("POST", "/v1/channels", SLACK);
  expect((await ask("POST", "/v1/channels/1/test")).body).toEqual({
    arrived: false,
    status: null,
    says: "no answer within 10 s",
  });
});

test("a trial that arrives ends the pause of a channel that had failed", async ({ expect }) => {
  const { ask, db } = await withChat(() => OK);
  await ask("POST", "/v1/channels", SLACK);
  await db.run(sql`update channels set failures = 7, paused_until = 9999999999999`);
  await ask("POST", "/v1/channels/1/test");
  expect((await ask("GET", "/v1/channels/1")).body).toMatchObject({ failures: 0, pausedUntil: null });
});

test("a new address is sealed in place of the old one; what else it needs stays", async ({ expect }) => {
  const { ask, posted } = await withChat(() => ({
    status: 200,
    headers: {},
    body: '{"ok":true,"result":{"message_id":1}}',
  }));
  const token = `123456:${"A".repeat(35)}`;
  await ask("POST", "/v1/channels", { kind: "telegram", name: "tg", secret: token, chatId: "-100" });
  const changed = await ask("PATCH", "/v1/channels/1", { chatId: "-200" });
  expect([changed.status, changed.body.target]).toEqual([200, "api.telegram.org …AAAA (-200)"]);
  await ask("POST", "/v1/channels/1/test");
  expect(posted[0]?.url).toBe(`https://api.telegram.org/bot${token}/sendMessage`);
  expect(JSON.parse(posted[0]?.body ?? "")).toMatchObject({ chat_id: "-200" });
  expect((await ask("PATCH", "/v1/channels/1", { url: "https://evil.example" })).status).toBe(422);
});

test("a channel that is deleted takes along what was sent by it", async ({ expect }) => {
  const { ask, db } = await withChat(() => OK);
  await ask("POST", "/v1/channels", SLACK);
  await ask("POST", "/v1/channels/1/test");
  expect((await ask("DELETE", "/v1/channels/1")).status).toBe(204);
  expect((await ask("GET", "/v1/channels/1")).status).toBe(404);
  expect(await db.all(sql`select id from deliveries`)).toEqual([]);
  // Its id seals the secrets of no other.
  expect((await ask("POST", "/v1/channels", SLACK)).body.id).toBe(2);
});
