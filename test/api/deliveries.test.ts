import { sql } from "drizzle-orm";
import { test } from "vitest";
import { healthiestChannel } from "../../db/queries/channels.ts";
import { GROUP_INTERVAL_MS, GROUP_WAIT_MS } from "../../db/queries/outbox.ts";
import { type Change, judgeIn } from "../support/outbox.ts";
import { ADMIN, openService } from "../support/service.ts";
import { dispatch } from "../../api/alerts/dispatch.ts";
import { KEY_BYTES, sealer } from "../../api/alerts/sealed.ts";
import type { Answer } from "../../api/alerts/provider.ts";

const SLACK = { kind: "slack", name: "ops", url: "https://hooks.slack.com/services/T0/B0/secret" };
const OK: Answer = { status: 200, headers: {}, body: "ok" };
const REFUSED: Answer = { status: 400, headers: {}, body: "invalid_payload" };
const GONE: Answer = { status: 404, headers: {}, body: "no_service" };

/** The service with cluster `prod`, a chat that answers `chat.answer`, and its dispatcher. */
async function aService() {
  const chat = { answer: OK, texts: [] as string[] };
  const send = async ({ body }: { body: string }) => {
    if (chat.answer.status === 200) chat.texts.push(body);
    return chat.answer;
  };
  const service = await openService({ send });
  const { db, clock } = service;
  const ask = (method: string, path: string, json?: unknown) =>
    service.ask(method, path, { token: ADMIN, ...(json !== undefined && { json }) });
  await ask("POST", "/v1/clusters", { name: "prod" });
  const deps = {
    db,
    now: () => clock.now,
    log: () => {},
    send,
    sealer: await sealer(Uint8Array.from({ length: KEY_BYTES }, (_, at) => at)),
    random: () => 0.5,
  };
  return {
    ...service,
    askAs: (path: string, token: string) => service.ask("GET", path, { token }),
    ask,
    chat,
    judge: (...changes: Change[]) => judgeIn(db, 1, changes, clock.now),
    dispatch: () => dispatch(deps, { ms: 60_000 }),
    list: async (query = "") =>
      (await ask("GET", `/v1/deliveries${query}`)).body.deliveries.map(
        ({ id, state, kind }: { id: number; state: string; kind: string }) => `${id} ${kind} ${state}`,
      ),
  };
}

test("a new channel is told of what is open, and of nothing that was", async ({ expect }) => {
  const { ask, judge, dispatch, chat, list } = await aService();
  await judge({ subject: "old" }, { subject: "still" });
  await judge({ subject: "old", to: "resolved" });
  await judge({ subject: "other", rule: "drops" });
  await ask("POST", "/v1/channels", { ...SLACK, filter: { rules: ["*flood"] } });
  await dispatch();
  expect(await list()).toEqual(["1 firing sent"]);
  expect(chat.texts[0]).toContain("still");
  expect(chat.texts[0]).not.toContain("old");
});

test("with another filter or address a channel is told anew of what is open; with another name it is not", async ({
  expect,
}) => {
  const { ask, judge, dispatch, list, clock } = await aService();
  await ask("POST", "/v1/channels", { ...SLACK, filter: { minSeverity: "critical" } });
  await judge({ subject: "a" });
  await dispatch();
  expect(await list()).toEqual([]);
  await ask("PATCH", "/v1/channels/1", { filter: {} });
  await dispatch();
  expect(await list()).toEqual(["1 firing sent"]);
  clock.now += GROUP_WAIT_MS;
  await ask("PATCH", "/v1/channels/1", { name: "renamed", language: "zh" });
  await dispatch();
  expect(await list()).toHaveLength(1);
  await ask("PATCH", "/v1/channels/1", { url: "https://hooks.slack.com/services/T0/B0/other" });
  await dispatch();
  expect(await list()).toEqual(["2 firing sent", "1 firing sent"]);
});

test("a channel that is switched off waits for nothing, and hears what it missed once it is on again", async ({
  expect,
}) => {
  const { ask, judge, dispatch, list, chat, clock } = await aService();
  await ask("POST", "/v1/channels", SLACK);
  await judge({ subject: "a" }, { subject: "d", rule: "drops" });
  await dispatch();
  chat.answer = { status: 500, headers: {}, body: "" };
  clock.now += GROUP_WAIT_MS;
  await judge({ subject: "b" });
  await dispatch();
  const off = await ask("PATCH", "/v1/channels/1", { enabled: false });
  expect(off.body).toMatchObject({ enabled: false, waiting: 0, disabledReason: "switched off by hand" });
  expect(await list("?state=dead")).toEqual(["3 firing dead"]);
  chat.answer = OK;
  await judge({ subject: "d", rule: "drops", to: "resolved" });
  await judge({ subject: "c" });
  expect(await dispatch()).toEqual({ sent: 0, failed: 0, dead: 0 });
  clock.now += GROUP_WAIT_MS;
  const on = await ask("PATCH", "/v1/channels/1", { enabled: true });
  expect(on.body).toMatchObject({ enabled: true, disabledReason: null, failures: 0, pausedUntil: null });
  await dispatch();
  expect(
    (await list("?state=sent"))
      .slice(0, 2)
      .map((line: string) => line.slice(2))
      .toSorted(),
  ).toEqual(["firing sent", "resolved sent"]);
});

test("what was told before a channel was off, or its filter or address changed, is told to be over", async ({
  expect,
}) => {
  const { ask, judge, dispatch, list, clock, db } = await aService();
  const counts = async () => {
    const [row] = await db.all<{ told: string }>(
      sql`select alert ->> 'counts' as told from deliveries where state = 'sent' order by id desc limit 1`,
    );
    return JSON.parse(row?.told ?? "{}");
  };
  await ask("POST", "/v1/channels", SLACK);
  await judge({ subject: "a" }, { subject: "b" }, { subject: "c" }, { subject: "d" });
  await dispatch();
  await ask("PATCH", "/v1/channels/1", { enabled: false });
  clock.now += GROUP_WAIT_MS;
  await judge({ subject: "a", to: "resolved" });
  await ask("PATCH", "/v1/channels/1", { enabled: true });
  await dispatch();
  expect(await counts()).toEqual({ opened: 0, resolved: 1, open: 3 });
  clock.now += GROUP_INTERVAL_MS;
  await judge({ subject: "b", to: "resolved" });
  await ask("PATCH", "/v1/channels/1", { filter: { clusters: ["prod"] } });
  await dispatch();
  expect(await counts()).toEqual({ opened: 0, resolved: 1, open: 2 });
  await ask("PATCH", "/v1/channels/1", { filter: { clusters: ["prod", "other"] } });
  await dispatch();
  expect(await list("?state=sent")).toHaveLength(3);
  clock.now += GROUP_INTERVAL_MS;
  await judge({ subject: "c", to: "resolved" });
  await ask("PATCH", "/v1/channels/1", { url: "https://hooks.slack.com/services/T0/B0/other" });
  await dispatch();
  expect(await counts()).toEqual({ opened: 0, resolved: 1, open: 1 });
});

test("what was given up is listed, shown whole, and sent again", async ({ expect }) => {
  const { ask, judge, dispatch, list, chat } = await aService();
  await ask("POST", "/v1/channels", SLACK);
  chat.answer = REFUSED;
  await judge({ subject: "a" });
  await dispatch();
  expect(await list("?state=dead&cluster=prod&channel=1&since=1h")).toEqual(["1 firing dead"]);
  const { body } = await ask("GET", "/v1/deliveries/1");
  expect(body).toMatchObject({
    channel: { id: 1, name: "ops" },
    cluster: "prod",
    rule: "flood",
    severity: "warning",
    counts: { opened: 1, resolved: 0, open: 1 },
    attempts: 1,
    dueAt: null,
    sentAt: null,
    status: 400,
    error: expect.stringContaining("400"),
    alert: { kind: "firing", anomalies: [{ subject: { key: "a" } }] },
  });
  chat.answer = OK;
  await judge({ subject: "a", to: "resolved" });
  const again = await ask("POST", "/v1/deliveries/1/replay");
  expect([again.status, again.body.state, again.body.attempts]).toEqual([202, "waiting", 0]);
  await dispatch();
  expect(await list()).toEqual(["1 resolved sent"]);
  expect((await ask("POST", "/v1/deliveries/1/replay")).status).toBe(409);
});

test("what was told since is not sent again", async ({ expect }) => {
  const { ask, judge, dispatch, list, chat, clock } = await aService();
  await ask("POST", "/v1/channels", SLACK);
  chat.answer = REFUSED;
  await judge({ subject: "a" });
  await dispatch();
  await judge({ subject: "b" });
  await dispatch();
  expect(await list()).toEqual(["2 firing dead", "1 firing dead"]);
  chat.answer = OK;
  expect((await ask("POST", "/v1/deliveries/2/replay")).status).toBe(202);
  expect((await ask("POST", "/v1/deliveries/1/replay")).status).toBe(409);
  await dispatch();
  clock.now += GROUP_WAIT_MS;
  const late = await ask("POST", "/v1/deliveries/1/replay");
  expect([late.status, late.body.detail]).toEqual([409, expect.stringContaining("told since")]);
  expect((await ask("POST", "/v1/deliveries/3/replay")).status).toBe(404);
});

test("nothing is sent again by a channel that is switched off", async ({ expect }) => {
  const { ask, judge, dispatch, chat } = await aService();
  await ask("POST", "/v1/channels", SLACK);
  chat.answer = GONE;
  await judge({ subject: "a" });
  await dispatch();
  expect((await ask("GET", "/v1/channels/1")).body).toMatchObject({ enabled: false });
  expect((await ask("POST", "/v1/deliveries/1/replay")).status).toBe(409);
});

test("deliveries are found by what they are about, in pages, the latest first", async ({ expect }) => {
  const { ask, judge, dispatch, list, clock, db } = await aService();
  await ask("POST", "/v1/clusters", { name: "test" });
  await ask("POST", "/v1/channels", SLACK);
  await ask("POST", "/v1/channels", { ...SLACK, name: "two", filter: { rules: ["drops"] } });
  await judge({ subject: "a" }, { subject: "b", rule: "drops" });
  await dispatch();
  clock.now += 3_600_000;
  await judge({ subject: "b", rule: "drops", to: "resolved" });
  await dispatch();
  expect(await list("?limit=500")).toHaveLength(5);
  expect(await list("?channel=2")).toHaveLength(2);
  expect(await list("?channel=1")).toHaveLength(3);
  expect(await list("?cluster=test")).toEqual([]);
  expect(await list("?state=sent&since=1m")).toHaveLength(2);
  const [b] = await db.all<{ id: number }>(sql`select id from anomalies where subject = 'b'`);
  expect(await list(`?anomaly=${b?.id}`)).toHaveLength(4);
  const first = await ask("GET", "/v1/deliveries?limit=3");
  const second = await ask("GET", `/v1/deliveries?limit=3&cursor=${first.body.next}`);
  const ids = [first, second].flatMap(({ body }) => body.deliveries.map(({ id }: { id: number }) => id));
  expect(ids).toEqual([5, 4, 3, 2, 1]);
  expect((await ask("GET", "/v1/deliveries?cluster=nowhere")).status).toBe(404);
  expect((await ask("GET", "/v1/deliveries?state=lost")).status).toBe(422);
  expect((await ask("GET", "/v1/deliveries/99")).status).toBe(404);
});

test("who may only read is not told which channels there are, nor what their providers answer", async ({
  expect,
}) => {
  const service = await aService();
  const { ask, askAs, judge, dispatch, chat } = service;
  await ask("POST", "/v1/channels", SLACK);
  chat.answer = REFUSED;
  await judge({ subject: "a" });
  await dispatch();
  const { body } = await ask("GET", "/v1/anomalies/1");
  expect(body.deliveries).toMatchObject([{ channel: "ops", state: "dead" }]);
  expect(body.deliveries[0].error).toMatch(/refused/);
  const reader = await service.token("read", "prod");
  const read = await askAs("/v1/anomalies/1", reader);
  expect(read.body.deliveries).toMatchObject([{ channel: null, state: "dead", error: null }]);
});

test("that a channel is broken is told where the same clusters are told of, if there is such a channel", async ({
  expect,
}) => {
  const { ask, db, clock } = await aService();
  const filters = [{ clusters: ["eu"] }, { clusters: ["us"] }, { clusters: ["eu"] }, {}];
  for (const [at, filter] of filters.entries())
    await ask("POST", "/v1/channels", { ...SLACK, name: `c${at + 1}`, filter });
  const worked = (id: number) => db.run(sql`update channels set last_sent_at = ${id} where id = ${id}`);
  for (const id of [2, 3]) await worked(id);
  const healthy = async () => (await healthiestChannel(db, 1, "notice-1-off-1", clock.now))?.id;
  expect(await healthy()).toBe(3);
  await db.run(sql`delete from channels where id = 3`);
  expect(await healthy()).toBe(4);
  await db.run(sql`delete from channels where id = 4`);
  expect(await healthy()).toBe(2);
});

test("what waits for a channel that is paused is due when that is over", async ({ expect }) => {
  const { ask, judge, dispatch, chat, clock, db } = await aService();
  await ask("POST", "/v1/channels", SLACK);
  chat.answer = { status: 502, headers: {}, body: "" };
  await judge({ subject: "a" });
  await dispatch();
  await db.run(sql`update channels set paused_until = ${clock.now + 3_600_000}`);
  const { body } = await ask("GET", "/v1/deliveries/1");
  expect(body).toMatchObject({ state: "waiting", dueAt: new Date(clock.now + 3_600_000).toISOString() });
});
