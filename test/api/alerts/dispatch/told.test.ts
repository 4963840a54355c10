import { sql } from "drizzle-orm";
import { test } from "vitest";
import { MAX_RESENT, REPEAT_MS } from "../../../../api/alerts/grouping.ts";
import { candidates } from "../../../../db/queries/candidates.ts";
import { claim, insertForGroup } from "../../../../db/queries/deliveries.ts";
import { dueGroups, GROUP_INTERVAL_MS, GROUP_WAIT_MS, settle } from "../../../../db/queries/outbox.ts";
import { NOW } from "../../../support/a-report.ts";
import { anOutbox, type Outbox } from "../../../support/outbox.ts";

const MINUTE = 60_000;

test("what opened is told at once, what follows after 30 s, and then every five minutes", async ({
  expect,
}) => {
  const outbox = await anOutbox();
  await outbox.channel("ops");
  await outbox.judge([{ subject: "a" }, { subject: "b" }]);
  expect(await outbox.dispatch()).toEqual({
    sent: 1,
    failed: 0,
    dead: 0,
    nextDueAt: NOW + REPEAT_MS.warning,
  });
  expect(outbox.told()).toEqual(["firing +2 -0 =2 a b"]);
  outbox.clock.now += 1_000;
  await outbox.judge([{ subject: "c" }]);
  expect((await outbox.dispatch()).nextDueAt).toBe(NOW + GROUP_WAIT_MS);
  outbox.clock.now = NOW + GROUP_WAIT_MS - 1;
  await outbox.dispatch();
  expect(outbox.told()).toHaveLength(1);
  outbox.clock.now = NOW + GROUP_WAIT_MS;
  await outbox.dispatch();
  expect(outbox.told().slice(1)).toEqual(["firing +1 -0 =3 c"]);
  await outbox.judge([{ subject: "a", to: "resolved" }, { subject: "d" }]);
  expect((await outbox.dispatch()).nextDueAt).toBe(NOW + GROUP_WAIT_MS + GROUP_INTERVAL_MS);
  outbox.clock.now = NOW + GROUP_WAIT_MS + GROUP_INTERVAL_MS;
  await outbox.dispatch();
  expect(outbox.told().slice(2)).toEqual(["firing +1 -1 =3 d (a)"]);
  outbox.clock.now += GROUP_INTERVAL_MS;
  await outbox.judge(["b", "c", "d"].map((subject) => ({ subject, to: "resolved" })));
  expect(await outbox.dispatch()).toEqual({ sent: 1, failed: 0, dead: 0 });
  expect(outbox.told().slice(3)).toEqual(["resolved +0 -3 =0 (b) (c) (d)"]);
  expect(new Set(outbox.chat.came.map(({ alert }) => alert.episode))).toEqual(new Set([1]));
  const list = "https://conntrail.example/v1/anomalies?cluster=prod&rule=flood";
  const links = outbox.chat.came.map(({ alert }) => alert.url);
  expect([links[0], links[1], links[3]]).toEqual([list, list, `${list}&state=all`]);
  const one = outbox.chat.came[1]?.alert.anomalies[0];
  expect(one?.url).toBe(`https://conntrail.example/v1/anomalies/${one?.id}`);
});

test("what got critical is told after 30 s, whatever was told before", async ({ expect }) => {
  const outbox = await anOutbox();
  await outbox.channel("ops");
  for (const subject of ["a", "b"]) {
    await outbox.judge([{ subject }]);
    await outbox.dispatch();
    outbox.clock.now += GROUP_WAIT_MS;
  }
  await outbox.judge([{ subject: "c" }]);
  expect((await outbox.dispatch()).nextDueAt).toBe(NOW + GROUP_WAIT_MS + GROUP_INTERVAL_MS);
  await outbox.judge([{ subject: "a", to: "worsened", severity: "critical" }]);
  await outbox.dispatch();
  expect(outbox.told().slice(2)).toEqual(["firing +2 -0 =3 a c"]);
  expect(outbox.chat.came.map(({ alert }) => alert.severity)).toEqual(["warning", "warning", "critical"]);
});

test("what opened and resolved before it was told is not told", async ({ expect }) => {
  const outbox = await anOutbox();
  await outbox.channel("ops");
  await outbox.judge([{ subject: "a" }]);
  await outbox.judge([{ subject: "a", to: "resolved" }]);
  expect(await outbox.dispatch()).toEqual({ sent: 0, failed: 0, dead: 0 });
  expect(await outbox.db.all(sql`select * from deliveries`)).toEqual([]);
});

test("what opened, could not be told and resolved is told in one message", async ({ expect }) => {
  const outbox = await anOutbox();
  await outbox.channel("ops");
  outbox.chat.answer = () => ({ result: "later", reason: "busy" });
  await outbox.judge([{ subject: "a" }]);
  expect(await outbox.dispatch()).toMatchObject({ failed: 1, nextDueAt: NOW + 5_000 });
  outbox.clock.now += 5_000;
  await outbox.judge([{ subject: "a", to: "resolved" }, { subject: "b" }]);
  await outbox.judge([{ subject: "b", to: "resolved" }]);
  outbox.chat.answer = () => ({ result: "sent" });
  expect(await outbox.dispatch()).toEqual({ sent: 1, failed: 0, dead: 0 });
  // b came and went after the message was made: nobody has missed it.
  expect(outbox.told()).toEqual(["resolved +1 -1 =0 (a)"]);
});

test("what is muted is not told, nor that it resolved", async ({ expect }) => {
  const outbox = await anOutbox();
  await outbox.channel("ops");
  await outbox.judge([
    { subject: "a", muted: "silence" },
    { subject: "b", muted: "silence" },
  ]);
  await outbox.judge([{ subject: "a", to: "resolved", muted: "silence" }]);
  expect(await outbox.dispatch()).toEqual({ sent: 0, failed: 0, dead: 0 });
  await outbox.judge([{ subject: "b", to: "unmuted" }]);
  await outbox.dispatch();
  expect(outbox.told()).toEqual(["firing +1 -0 =1 b"]);
});

test("a channel that was told hears of the end even of what resolved while it was muted, when it would be told again", async ({
  expect,
}) => {
  const outbox = await anOutbox();
  await outbox.channel("ops");
  await outbox.judge([{ subject: "a" }]);
  await outbox.dispatch();
  await outbox.judge([{ subject: "a", to: "resolved", muted: "inhibited" }]);
  expect(await outbox.dispatch()).toMatchObject({ sent: 0, nextDueAt: NOW + REPEAT_MS.warning });
  // What comes and goes makes it due, with nothing to say.
  outbox.clock.now += GROUP_WAIT_MS;
  await outbox.judge([{ subject: "b" }]);
  await outbox.judge([{ subject: "b", to: "resolved" }]);
  expect(await outbox.dispatch()).toMatchObject({ sent: 0, nextDueAt: NOW + REPEAT_MS.warning });
  outbox.clock.now += REPEAT_MS.warning;
  await outbox.dispatch();
  expect(outbox.told()).toEqual(["firing +1 -0 =1 a", "resolved +0 -1 =0 (a)"]);
});

test("what goes on is told again, until somebody acknowledges it", async ({ expect }) => {
  const outbox = await anOutbox();
  await outbox.channel("ops");
  await outbox.judge([{ subject: "a", severity: "critical" }, { subject: "b" }]);
  await outbox.dispatch();
  outbox.clock.now = NOW + REPEAT_MS.critical;
  expect(await outbox.dispatch()).toMatchObject({ sent: 1, nextDueAt: NOW + 2 * REPEAT_MS.critical });
  expect(outbox.told()[1]).toBe("again +0 -0 =2 a b");
  await outbox.db.run(sql`update anomalies set acknowledged_at = 1, acknowledged_by = 'me'`);
  outbox.clock.now = NOW + 2 * REPEAT_MS.critical;
  expect(await outbox.dispatch()).toMatchObject({ sent: 0, nextDueAt: NOW + 3 * REPEAT_MS.critical });
  await outbox.judge([
    { subject: "a", to: "resolved" },
    { subject: "b", to: "resolved" },
  ]);
  await outbox.dispatch();
  expect(outbox.told().slice(2)).toEqual(["resolved +0 -2 =0 (a) (b)"]);
});

test("a provider that forgets is told of all that is open each minute", async ({ expect }) => {
  const outbox = await anOutbox({ alertmanager: { resendMs: MINUTE } });
  await outbox.channel("am", { kind: "alertmanager" });
  const subjects = Array.from({ length: MAX_RESENT + 1 }, (_, at) => ({ subject: `s${at}` }));
  await outbox.judge(subjects);
  await outbox.dispatch();
  await outbox.db.run(sql`update anomalies set acknowledged_at = 1`);
  outbox.clock.now += MINUTE;
  // No budget of an hour holds what has to be repeated each minute.
  await outbox.db.run(sql`update channels set tokens = 0, refilled_at = ${outbox.clock.now}`);
  await outbox.dispatch();
  expect(outbox.chat.came.map(({ alert }) => alert.anomalies.length)).toEqual([MAX_RESENT, MAX_RESENT]);
  expect(outbox.chat.came.map(({ alert }) => alert.counts.open)).toEqual([MAX_RESENT + 1, MAX_RESENT + 1]);
});

test("a channel hears only of what its filter takes, and of its end, however severe it is by then", async ({
  expect,
}) => {
  const outbox = await anOutbox();
  await outbox.channel("worst", { filter: { minSeverity: "critical" } });
  await outbox.channel("floods", { filter: { rules: ["flood"], clusters: ["prod"] } });
  await outbox.channel("elsewhere", { filter: { clusters: ["test"] } });
  await outbox.judge([
    { subject: "a" },
    { subject: "b", severity: "critical" },
    { subject: "c", rule: "drops" },
  ]);
  await outbox.dispatch();
  await outbox.judge([{ subject: "b", to: "eased" }]);
  outbox.clock.now += GROUP_WAIT_MS;
  await outbox.judge([
    { subject: "a", to: "resolved" },
    { subject: "b", to: "resolved" },
  ]);
  await outbox.dispatch();
  const of = (name: string) => outbox.told().filter((_, at) => outbox.chat.came[at]?.channel === name);
  expect(of("worst")).toEqual(["firing +1 -0 =1 b", "resolved +0 -1 =0 (b)"]);
  expect(of("floods")).toEqual(["firing +2 -0 =2 b a", "resolved +0 -2 =0 (a) (b)"]);
  expect(outbox.chat.came).toHaveLength(4);
  expect(await outbox.db.all(sql`select channel_id from alert_groups order by 1`)).toHaveLength(2);
});

const refilter = ({ db }: Outbox, filter: object) =>
  db.run(sql`update channels set filter = ${JSON.stringify(filter)}`);
const wait = async (outbox: Outbox, ms = GROUP_INTERVAL_MS) => {
  outbox.clock.now += ms;
  await outbox.dispatch();
};

test.for([{ clusters: ["other"] }, { rules: ["drops"] }])(
  "a channel that takes a group no more is told the end of what it was told, and nothing more: %o",
  async (filter, { expect }) => {
    const outbox = await anOutbox();
    await outbox.channel("ops");
    await outbox.judge([{ subject: "a", severity: "critical" }]);
    await outbox.dispatch();
    await outbox.judge([{ subject: "b", severity: "critical" }]);
    await refilter(outbox, filter);
    await wait(outbox);
    await outbox.judge([{ subject: "a", to: "worsened", severity: "critical" }, { subject: "c" }]);
    await wait(outbox);
    await wait(outbox, REPEAT_MS.critical);
    expect(outbox.told()).toEqual(["firing +1 -0 =1 a"]);
    await outbox.judge([
      { subject: "a", to: "resolved" },
      { subject: "b", to: "resolved" },
    ]);
    await wait(outbox);
    expect(outbox.told().slice(1)).toEqual(["resolved +0 -1 =0 (a)"]);
  },
);

test("a channel that takes no warnings any more hears of the end of one it was told of", async ({
  expect,
}) => {
  const outbox = await anOutbox();
  await outbox.channel("ops");
  await outbox.judge([{ subject: "a" }]);
  await outbox.dispatch();
  await refilter(outbox, { minSeverity: "critical" });
  await outbox.judge([{ subject: "b" }]);
  await wait(outbox);
  await wait(outbox, REPEAT_MS.warning);
  expect(outbox.told()).toEqual(["firing +1 -0 =1 a"]);
  await outbox.judge([{ subject: "c", severity: "critical" }]);
  await wait(outbox);
  await outbox.judge([{ subject: "a", to: "resolved" }]);
  await wait(outbox);
  await refilter(outbox, {});
  await outbox.judge([{ subject: "d" }]);
  await wait(outbox);
  expect(outbox.told().slice(1)).toEqual(["firing +1 -0 =2 c", "firing +0 -1 =1 (a)", "firing +2 -0 =3 b d"]);
});

test("what is inhibited is told to who is not told of what inhibits it", async ({ expect }) => {
  const outbox = await anOutbox();
  await outbox.channel("drops", { filter: { rules: ["drops"] } });
  await outbox.channel("all");
  const inhibited = { subject: "a", rule: "drops", muted: "inhibited", by: "table-pressure" } as const;
  await outbox.judge([inhibited]);
  await outbox.dispatch();
  await outbox.judge([{ ...inhibited, to: "resolved" }]);
  await wait(outbox);
  await outbox.judge([{ subject: "b", rule: "drops", muted: "silence" }]);
  await wait(outbox);
  expect(outbox.chat.came.map(({ channel }) => channel)).toEqual(["drops", "drops"]);
  expect(outbox.told()).toEqual(["firing +1 -0 =1 a", "resolved +0 -1 =0 (a)"]);
});

test("an incident that begins anew is another episode, and refers to its own first message", async ({
  expect,
}) => {
  const outbox = await anOutbox();
  await outbox.channel("ops");
  outbox.chat.answer = (_, nth) => ({ result: "sent", ref: `message ${nth}` });
  for (const to of ["opened", "resolved", "opened", "worsened", "resolved"] as const) {
    await outbox.judge([{ subject: "a", to }]);
    await outbox.dispatch();
    outbox.clock.now += 2 * GROUP_INTERVAL_MS;
  }
  expect(outbox.chat.came.map(({ alert, ref }) => [alert.kind, alert.episode, ref])).toEqual([
    ["firing", 1, undefined],
    ["resolved", 1, "message 1"],
    ["firing", 2, undefined],
    ["firing", 2, "message 3"],
    ["resolved", 2, "message 3"],
  ]);
  expect(await outbox.db.all(sql`select distinct announced from anomalies`)).toEqual([{ announced: 1 }]);
});

test("what happens while a message is sent is told with the next one", async ({ expect }) => {
  const outbox = await anOutbox();
  await outbox.channel("ops");
  await outbox.judge([{ subject: "a" }]);
  await outbox.dispatch({
    send: async (outgoing, hosts) => {
      await outbox.judge([{ subject: "a", to: "resolved" }]);
      return outbox.chat.send(outgoing, hosts);
    },
  });
  outbox.clock.now += GROUP_WAIT_MS - 1;
  await outbox.dispatch();
  expect(outbox.told()).toEqual(["firing +1 -0 =1 a"]);
  outbox.clock.now += 1;
  await outbox.dispatch();
  expect(outbox.told()).toEqual(["firing +1 -0 =1 a", "resolved +0 -1 =0 (a)"]);
});

test("nobody is told of the end of what nobody was told of", async ({ expect }) => {
  const outbox = await anOutbox();
  await outbox.channel("ops");
  await outbox.judge([{ subject: "a", muted: "silence" }, { subject: "b" }]);
  await outbox.dispatch();
  outbox.clock.now += GROUP_WAIT_MS;
  await outbox.judge([{ subject: "a", to: "resolved" }]);
  await outbox.dispatch();
  expect(outbox.told()).toEqual(["firing +1 -0 =1 b"]);
});

test("nothing is made of a group that was told since it was looked at", async ({ expect }) => {
  const outbox = await anOutbox();
  await outbox.channel("ops");
  await outbox.judge([{ subject: "a" }]);
  const [group] = await dueGroups(outbox.db, outbox.clock.now, 1);
  await outbox.dispatch();
  if (!group) throw new Error("no group is due");
  const late = { key: "late", kind: "firing", alert: {}, now: outbox.clock.now } as const;
  await outbox.db.run(insertForGroup(late, group, 1));
  await outbox.db.run(settle(group, { told: 0, latest: 0, dueAt: null, repeatAt: null }));
  expect(await outbox.db.all(sql`select state from deliveries`)).toEqual([{ state: "sent" }]);
  expect(await outbox.db.all(sql`select told, repeat_at is null as quiet from alert_groups`)).toEqual([
    { told: 1, quiet: 0 },
  ]);
});

test("one token of a channel is good for one message", async ({ expect }) => {
  const outbox = await anOutbox();
  await outbox.channel("ops");
  await outbox.judge([{ subject: "a" }, { subject: "a", rule: "drops" }]);
  await outbox.dispatch({ budget: { ms: 1_000, calls: 0 } });
  const [found] = await candidates(outbox.db, outbox.clock.now);
  if (!found) throw new Error("nothing is to be sent");
  const taken = {
    now: outbox.clock.now,
    bucket: { tokens: 59, refilledAt: 0, spacedAt: 0 },
    pausedUntil: null,
  };
  const other = { ...found, id: 3 - found.id };
  expect(await claim(outbox.db, found, { ...taken, holder: "one" })).toBe(true);
  expect(await claim(outbox.db, other, { ...taken, holder: "two" })).toBe(false);
  expect(await claim(outbox.db, found, { ...taken, holder: "three" })).toBe(false);
  expect(await outbox.db.all(sql`select tokens from channels`)).toEqual([{ tokens: 59 }]);
});

test("what happens while a group is found to have nothing to say keeps it due", async ({ expect }) => {
  const outbox = await anOutbox();
  await outbox.channel("ops");
  await outbox.judge([{ subject: "a" }]);
  const [group] = await dueGroups(outbox.db, outbox.clock.now, 1);
  if (!group) throw new Error("no group is due");
  const dueAt = async () => (await outbox.db.all(sql`select due_at as dueAt from alert_groups`))[0];
  await outbox.db.run(settle(group, { told: 0, latest: 0, dueAt: null, repeatAt: null }));
  expect(await dueAt()).toEqual({ dueAt: NOW });
  await outbox.db.run(settle(group, { told: 1, latest: 1, dueAt: null, repeatAt: null }));
  expect(await dueAt()).toEqual({ dueAt: null });
});

test("who is at it, and what they said, is told with what goes on", async ({ expect }) => {
  const outbox = await anOutbox();
  await outbox.channel("ops");
  await outbox.judge([{ subject: "a" }]);
  await outbox.dispatch();
  await outbox.db.run(
    sql`update anomalies set acknowledged_at = ${NOW}, acknowledged_by = 'ann', note = 'on it'`,
  );
  await outbox.judge([{ subject: "a", to: "worsened", severity: "critical" }]);
  await wait(outbox);
  expect(outbox.chat.came.map(({ alert }) => alert.anomalies)).toMatchObject([
    [{ transition: "opened" }],
    [{ transition: "worsened", acknowledgedBy: "ann", acknowledgedNote: "on it" }],
  ]);
});
