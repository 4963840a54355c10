import { sql } from "drizzle-orm";
import { test } from "vitest";
import {
  BREAKER_FAILURES,
  BREAKER_MS,
  BUDGET,
  FLEET_INTERVAL_MS,
  GIVEN_UP_MS,
  REPEAT_MS,
  RETRIES_MS,
  SHORTEST_WAIT_MS,
} from "../../../../api/alerts/grouping.ts";
import { SENDING_MS } from "../../../../db/queries/candidates.ts";
import { DELIVERIES_KEPT_MS } from "../../../../db/queries/deliveries.ts";
import { GROUP_WAIT_MS } from "../../../../db/queries/outbox.ts";
import { NOW } from "../../../support/a-report.ts";
import { ON_WORKERS } from "../../../support/on-workers.ts";
import { anOutbox, type Outbox } from "../../../support/outbox.ts";

const MINUTE = 60_000;
const HOUR = 3_600_000;

const states = ({ db }: Outbox) =>
  db.all<{ state: string; kind: string }>(sql`select state, kind from deliveries order by id`);

/** Inside workerd it takes ten times as long, and says nothing more. */
const MANY = ON_WORKERS ? 1_000 : 10_000;

test(`${MANY} subjects at once are one message, and what follows at most one in half an hour`, async ({
  expect,
}) => {
  const outbox = await anOutbox();
  await outbox.channel("ops");
  const subjects = Array.from({ length: MANY }, (_, at) => ({ subject: `s${at}`, node: 1 + (at % 500) }));
  await outbox.judge(subjects.slice(0, MANY / 2));
  await outbox.dispatch();
  outbox.clock.now += MINUTE;
  await outbox.judge(subjects.slice(MANY / 2));
  await outbox.dispatch();
  outbox.clock.now = NOW + FLEET_INTERVAL_MS - 1;
  expect(await outbox.dispatch()).toMatchObject({ sent: 0, nextDueAt: NOW + FLEET_INTERVAL_MS });
  outbox.clock.now += 1;
  await outbox.dispatch();
  await outbox.judge(subjects.map(({ subject }) => ({ subject, to: "resolved" })));
  outbox.clock.now += MINUTE;
  await outbox.dispatch();
  expect(
    outbox.chat.came.map(({ alert: { kind, fleet, counts } }) => [kind, fleet?.affected, counts]),
  ).toEqual([
    ["firing", 500, { opened: MANY / 2, resolved: 0, open: MANY / 2 }],
    ["firing", 500, { opened: MANY / 2, resolved: 0, open: MANY }],
    ["resolved", undefined, { opened: 0, resolved: MANY, open: 0 }],
  ]);
  expect(outbox.chat.came.map(({ alert }) => alert.anomalies.length)).toEqual([5, 5, 5]);
}, 60_000);

test("what is not taken is tried after 5 s, 30 s and so on, and given up after a day; another channel is told", async ({
  expect,
}) => {
  const outbox = await anOutbox();
  await outbox.channel("ops");
  await outbox.judge([{ subject: "a" }]);
  await outbox.channel("spare", { language: "zh" });
  const tries: number[] = [];
  outbox.chat.answer = ({ channel, at }) => {
    if (channel !== "ops") return { result: "sent" };
    tries.push(at - NOW);
    return { result: "later", reason: "out of order" };
  };
  for (let next: number | undefined = NOW; next !== undefined && next <= NOW + GIVEN_UP_MS.firing;) {
    outbox.clock.now = next;
    next = (await outbox.dispatch()).nextDueAt;
  }
  const waits = tries.slice(1).map((at, nth) => at - (tries[nth] ?? 0));
  expect(waits.slice(0, 4)).toEqual(RETRIES_MS.slice(0, 4));
  // From the fifth failure on, no sooner than the breaker lets it.
  expect(waits.slice(4, 7)).toEqual(RETRIES_MS.slice(4));
  expect(new Set(waits.slice(7))).toEqual(new Set([6 * HOUR]));
  expect(tries.at(-1)).toBeLessThanOrEqual(GIVEN_UP_MS.firing);
  expect(tries.at(-1)).toBeGreaterThan(GIVEN_UP_MS.firing - 6 * HOUR);
  expect(await states(outbox)).toEqual([
    { state: "dead", kind: "firing" },
    { state: "sent", kind: "notice" },
  ]);
  expect(outbox.chat.came.map(({ channel, alert }) => [channel, alert.text?.title])).toEqual([
    ["spare", "发往渠道 ops 的一条消息已放弃投递"],
  ]);
  // What it was not told is told with its next message.
  outbox.chat.answer = () => ({ result: "sent" });
  outbox.clock.now += BREAKER_MS;
  await outbox.judge([{ subject: "b" }]);
  await outbox.dispatch();
  expect(outbox.told().slice(1)).toEqual(["firing +2 -0 =2 a b", "firing +2 -0 =2 a b"]);
});

test("a provider's wait is kept, to the millisecond", async ({ expect }) => {
  const outbox = await anOutbox();
  await outbox.channel("ops");
  outbox.chat.answer = (_, nth) =>
    nth < 3 ? { result: "later", reason: "slow down", waitMs: 90_000 } : { result: "sent" };
  await outbox.judge([{ subject: "a" }, { subject: "b", rule: "drops" }]);
  expect(await outbox.dispatch()).toMatchObject({ failed: 1, nextDueAt: NOW + 90_000 });
  outbox.clock.now = NOW + 89_999;
  await outbox.dispatch();
  expect(outbox.chat.tries).toBe(1);
  outbox.clock.now = NOW + 90_000;
  expect(await outbox.dispatch()).toMatchObject({ failed: 1, nextDueAt: NOW + 180_000 });
  expect(outbox.chat.tries).toBe(2);
  outbox.clock.now = NOW + 180_000;
  expect(await outbox.dispatch()).toMatchObject({ sent: 2 });
  expect(await outbox.db.all(sql`select failures from channels`)).toEqual([{ failures: 0 }]);
});

test("a channel that fails five times in a row is tried once in five minutes, until it works", async ({
  expect,
}) => {
  const outbox = await anOutbox();
  await outbox.channel("ops");
  outbox.chat.answer = () => ({ result: "later", reason: "down" });
  await outbox.judge(Array.from({ length: 12 }, (_, at) => ({ subject: "a", rule: `rule-${at}` })));
  expect(await outbox.dispatch()).toMatchObject({ failed: BREAKER_FAILURES, nextDueAt: NOW + BREAKER_MS });
  outbox.clock.now = NOW + BREAKER_MS - 1;
  expect(await outbox.dispatch()).toMatchObject({ failed: 0 });
  outbox.clock.now = NOW + BREAKER_MS;
  expect(await outbox.dispatch()).toMatchObject({ failed: 1, nextDueAt: NOW + 2 * BREAKER_MS });
  outbox.chat.answer = () => ({ result: "sent" });
  outbox.clock.now = NOW + 2 * BREAKER_MS;
  expect(await outbox.dispatch()).toMatchObject({ sent: 12, failed: 0 });
});

test("while a channel that failed is tried, nothing else is sent there", async ({ expect }) => {
  const outbox = await anOutbox();
  await outbox.channel("ops");
  await outbox.db.run(sql`update channels set failures = ${BREAKER_FAILURES}`);
  await outbox.judge([{ subject: "a" }, { subject: "a", rule: "drops" }]);
  await outbox.dispatch({
    budget: { ms: 1_000, calls: 1 },
    send: async (outgoing, hosts) => {
      expect(await outbox.dispatch()).toMatchObject({ sent: 0, nextDueAt: NOW + BREAKER_MS });
      return outbox.chat.send(outgoing, hosts);
    },
  });
  expect(await outbox.dispatch()).toMatchObject({ sent: 1 });
});

test("a message of a group that is gone is dropped", async ({ expect }) => {
  const outbox = await anOutbox();
  await outbox.channel("ops");
  await outbox.judge([{ subject: "a" }]);
  await outbox.dispatch({ budget: { ms: 1_000, calls: 0 } });
  await outbox.db.run(sql`delete from alert_groups`);
  expect(await outbox.dispatch()).toEqual({ sent: 0, failed: 0, dead: 0 });
  expect(await states(outbox)).toEqual([]);
});

test("no channel sends more than 60 messages an hour; what is over waits, and is summed up", async ({
  expect,
}) => {
  const outbox = await anOutbox();
  await outbox.channel("ops");
  const rules = Array.from({ length: BUDGET + 2 }, (_, at) => `rule-${at}`);
  await outbox.judge(rules.map((rule) => ({ subject: "a", rule })));
  expect(await outbox.dispatch()).toMatchObject({ sent: BUDGET, nextDueAt: NOW + MINUTE });
  outbox.clock.now += 1_000;
  const waiting = await outbox.db.all<{ rule: string }>(
    sql`select rule from deliveries where state = 'waiting'`,
  );
  await outbox.judge(waiting.map(({ rule }) => ({ subject: "b", rule })));
  expect(await outbox.dispatch()).toMatchObject({ sent: 0, nextDueAt: NOW + MINUTE });
  for (const at of [1, 2]) {
    outbox.clock.now = NOW + at * MINUTE - 1;
    expect(await outbox.dispatch()).toMatchObject({ sent: 0 });
    outbox.clock.now += 1;
    expect(await outbox.dispatch()).toMatchObject({ sent: 1 });
  }
  expect(outbox.told().slice(BUDGET)).toEqual(["firing +2 -0 =2 a b", "firing +2 -0 =2 a b"]);
});

test("five messages of a channel are sent at once, the others as far apart as its provider wants", async ({
  expect,
}) => {
  const outbox = await anOutbox({ slack: { perMinute: 20 } });
  await outbox.channel("ops");
  await outbox.judge(Array.from({ length: 7 }, (_, at) => ({ subject: "a", rule: `rule-${at}` })));
  expect(await outbox.dispatch()).toMatchObject({ sent: 5, nextDueAt: NOW + 3_750 });
  outbox.clock.now = NOW + 3_749;
  expect(await outbox.dispatch()).toMatchObject({ sent: 0 });
  outbox.clock.now = NOW + 3_750;
  expect(await outbox.dispatch()).toMatchObject({ sent: 1, nextDueAt: NOW + 7_500 });
});

test("a channel whose provider wants no more of it is switched off, and another one says so, once", async ({
  expect,
}) => {
  const outbox = await anOutbox();
  const gone = await outbox.channel("ops", { filter: { rules: ["flood", "drops"] } });
  await outbox.channel("spare", { filter: { rules: ["none"] } });
  outbox.chat.answer = ({ channel }) =>
    channel === "ops" ? { result: "never", reason: "no such hook", disable: true } : { result: "sent" };
  await outbox.judge([{ subject: "a" }, { subject: "a", rule: "drops" }]);
  expect(await outbox.dispatch()).toEqual({ sent: 1, failed: 0, dead: 1 });
  expect(await states(outbox)).toEqual([
    { state: "dead", kind: "firing" },
    { state: "dead", kind: "firing" },
    { state: "sent", kind: "notice" },
  ]);
  expect(outbox.chat.came.map(({ alert }) => alert.text)).toEqual([
    {
      title: "Channel ops was switched off",
      body: expect.stringContaining("It cannot be delivered: no such hook"),
    },
  ]);
  expect(
    await outbox.db.all(sql`select enabled, disabled_reason as reason from channels where id = ${gone}`),
  ).toEqual([{ enabled: 0, reason: "no such hook" }]);
  await outbox.judge([{ subject: "b" }]);
  expect(await outbox.dispatch()).toEqual({ sent: 0, failed: 0, dead: 0 });
});

test("a message that is refused is given up at once, and the channel goes on", async ({ expect }) => {
  const outbox = await anOutbox();
  await outbox.channel("ops");
  outbox.chat.answer = (_, nth) =>
    nth === 1 ? { result: "never", reason: "refused", disable: false } : { result: "sent" };
  await outbox.judge([{ subject: "a" }]);
  expect(await outbox.dispatch()).toMatchObject({ sent: 0, failed: 0, dead: 1 });
  outbox.clock.now += GROUP_WAIT_MS;
  await outbox.judge([{ subject: "b" }]);
  await outbox.dispatch();
  expect(outbox.told()).toEqual(["firing +2 -0 =2 a b"]);
});

test("a channel that moved is found where it moved to", async ({ expect }) => {
  const outbox = await anOutbox();
  await outbox.channel("old");
  outbox.chat.answer = ({ channel }) =>
    channel === "old"
      ? { result: "later", reason: "moved", waitMs: 0, moved: { url: "new" } }
      : { result: "sent" };
  await outbox.judge([{ subject: "a" }]);
  await outbox.dispatch();
  outbox.clock.now += SHORTEST_WAIT_MS;
  await outbox.dispatch();
  expect(outbox.chat.came.map(({ channel }) => channel)).toEqual(["new"]);
});

test("a channel whose secret another key sealed waits for that key", async ({ expect }) => {
  const outbox = await anOutbox();
  await outbox.channel("ops");
  await outbox.db.run(
    sql`update channels set sealed = x'0102030405060708090a0b0c0d0e0f1011121314151617181920'`,
  );
  await outbox.judge([{ subject: "a" }]);
  expect(await outbox.dispatch()).toMatchObject({ failed: 1 });
  expect(outbox.log).toContainEqual(
    expect.objectContaining({
      event: "delivery-failed",
      reason: expect.stringContaining("CONNTRAIL_SECRET_KEY"),
    }),
  );
});

test("two dispatchers at once send each message once, and take one token for it", async ({ expect }) => {
  const outbox = await anOutbox();
  for (const name of ["a", "b", "c"]) await outbox.channel(name);
  await outbox.judge(Array.from({ length: 5 }, (_, at) => ({ subject: "x", rule: `rule-${at}` })));
  const ends = await Promise.all([outbox.dispatch(), outbox.dispatch(), outbox.dispatch()]);
  await outbox.dispatch();
  expect(ends.reduce((sum, { sent }) => sum + sent, 0)).toBeLessThanOrEqual(15);
  expect(outbox.chat.came).toHaveLength(15);
  expect(new Set(outbox.chat.came.map(({ channel, alert }) => `${channel} ${alert.rule}`)).size).toBe(15);
  expect(await outbox.db.all(sql`select distinct tokens from channels`)).toEqual([{ tokens: BUDGET - 5 }]);
});

test("a message whose sender is gone is sent by another, once its time is over", async ({ expect }) => {
  const outbox = await anOutbox();
  await outbox.channel("ops");
  await outbox.judge([{ subject: "a" }]);
  const gone = new Promise<never>(() => {});
  const sending = Promise.withResolvers<void>();
  void outbox.dispatch({
    send: async () => {
      sending.resolve();
      return gone;
    },
  });
  await sending.promise;
  expect(await outbox.dispatch()).toEqual({ sent: 0, failed: 0, dead: 0, nextDueAt: NOW + SENDING_MS });
  outbox.clock.now = NOW + SENDING_MS;
  expect(await outbox.dispatch()).toMatchObject({ sent: 1 });
});

test("a dispatcher that was overtaken notes nothing", async ({ expect }) => {
  const outbox = await anOutbox();
  await outbox.channel("ops");
  await outbox.judge([{ subject: "a" }]);
  let overtaken = false;
  await outbox.dispatch({
    send: async (outgoing, hosts) => {
      if (!overtaken) {
        overtaken = true;
        outbox.clock.now += SENDING_MS;
        await outbox.dispatch();
        await outbox.judge([{ subject: "b" }]);
      }
      await outbox.chat.send(outgoing, hosts);
      return {
        status: 500,
        headers: {},
        body: JSON.stringify({ result: "never", reason: "late", disable: true }),
      };
    },
  });
  expect(await outbox.db.all(sql`select enabled, failures from channels`)).toEqual([
    { enabled: 1, failures: 0 },
  ]);
  expect(await states(outbox)).toEqual([{ state: "sent", kind: "firing" }]);
});

test("a round ends when it is told to, by time and by calls", async ({ expect }) => {
  const outbox = await anOutbox();
  for (const name of ["a", "b", "c"]) await outbox.channel(name);
  await outbox.judge([{ subject: "x" }]);
  expect(await outbox.dispatch({ budget: { ms: 1_000, signal: AbortSignal.abort() } })).toMatchObject({
    sent: 0,
  });
  expect(await outbox.dispatch({ budget: { ms: 1_000, calls: 2 } })).toMatchObject({
    sent: 2,
    nextDueAt: NOW,
  });
  expect(await outbox.dispatch({ budget: { ms: 0 } })).toMatchObject({ sent: 0 });
  expect(await outbox.dispatch()).toMatchObject({ sent: 1 });
});

test("what became of messages is forgotten after thirty days", async ({ expect }) => {
  const outbox = await anOutbox();
  await outbox.channel("ops");
  await outbox.judge([{ subject: "a" }]);
  await outbox.dispatch();
  await outbox.db.run(sql`update anomalies set acknowledged_at = 1`);
  outbox.clock.now = NOW + DELIVERIES_KEPT_MS;
  await outbox.dispatch();
  expect(await states(outbox)).toHaveLength(1);
  outbox.clock.now += 1;
  await outbox.dispatch();
  expect(await states(outbox)).toEqual([]);
});

test("a database that cannot answer is no reason to fail", async ({ expect }) => {
  const outbox = await anOutbox();
  await outbox.db.run(sql`drop table deliveries`);
  expect(await outbox.dispatch()).toEqual({ sent: 0, failed: 0, dead: 0, nextDueAt: NOW + SENDING_MS });
  expect(outbox.log).toMatchObject([{ level: "error", event: "dispatch-failed" }]);
  expect(REPEAT_MS.critical).toBeLessThan(REPEAT_MS.warning);
});

test("what a channel hears of all the time delays nothing else: worse news first, and some of the budget is kept", async ({
  expect,
}) => {
  const outbox = await anOutbox();
  const id = await outbox.channel("ops");
  const left = (tokens: number) =>
    outbox.db.run(
      sql`update channels set tokens = ${tokens}, refilled_at = ${outbox.clock.now} where id = ${id}`,
    );
  await outbox.judge([{ subject: "a", rule: "noise", severity: "critical" }]);
  await outbox.dispatch();
  outbox.clock.now += GROUP_WAIT_MS;
  await outbox.judge([{ subject: "b", rule: "noise", severity: "critical" }]);
  await left(10);
  const at = outbox.clock.now;
  expect(await outbox.dispatch()).toMatchObject({ sent: 0, nextDueAt: at + MINUTE });
  await outbox.judge([{ subject: "c", rule: "mild" }]);
  await outbox.judge([{ subject: "d", rule: "grave", severity: "critical" }]);
  await outbox.dispatch();
  expect(outbox.chat.came.map(({ alert }) => alert.rule)).toEqual(["noise", "grave", "mild"]);
  await left(11);
  await outbox.dispatch();
  expect(outbox.chat.came.map(({ alert }) => alert.rule).slice(3)).toEqual(["noise"]);
});

test("news go before what is only said again", async ({ expect }) => {
  const outbox = await anOutbox();
  await outbox.channel("ops");
  await outbox.judge([{ subject: "a", rule: "old", severity: "critical" }]);
  await outbox.dispatch();
  outbox.clock.now += REPEAT_MS.critical;
  await outbox.dispatch({ budget: { ms: 1_000, calls: 0 } });
  outbox.clock.now += 1;
  await outbox.judge([{ subject: "b", rule: "new" }]);
  await outbox.dispatch();
  expect(outbox.chat.came.map(({ alert }) => alert.rule)).toEqual(["old", "new", "old"]);
});
