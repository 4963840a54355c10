import { sql } from "drizzle-orm";
import { describe, test } from "vitest";
import { channelsFor } from "../../../../api/alerts/listeners.ts";
import { noteTrial } from "../../../../db/queries/channels.ts";
import { GROUP_WAIT_MS } from "../../../../db/queries/outbox.ts";
import { markUntold, worseUnheard } from "../../../../db/queries/untold.ts";
import { anOutbox, type Outbox } from "../../../support/outbox.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const DOWN = () => ({ result: "later", reason: "down" }) as const;
const SENT = () => ({ result: "sent" }) as const;

async function pass(outbox: Outbox, ms: number, every: number): Promise<void> {
  for (const end = outbox.clock.now + ms; outbox.clock.now < end;) {
    outbox.clock.now += every;
    await outbox.dispatch();
  }
}

const sweep = async ({ db, clock }: Outbox) => markUntold(db, await channelsFor(db), clock.now);

describe("what was given up", () => {
  test("is told with the next repeat while it is open, and then that it is over", async ({ expect }) => {
    const outbox = await anOutbox();
    await outbox.channel("ops");
    outbox.chat.answer = (_, nth) =>
      nth < 3 ? { result: "never", reason: "refused", disable: false } : { result: "sent" };
    await outbox.judge([{ subject: "a", severity: "critical" }]);
    await outbox.dispatch();
    await sweep(outbox);
    await pass(outbox, 4 * HOUR - MINUTE, 4 * HOUR - MINUTE);
    expect(outbox.chat.tries).toBe(1);
    await pass(outbox, 5 * HOUR, HOUR);
    expect(outbox.told()).toEqual(["firing +1 -0 =1 a"]);
    await outbox.judge([{ subject: "a", to: "resolved" }]);
    await pass(outbox, MINUTE, MINUTE);
    expect(outbox.told().slice(1)).toEqual(["resolved +0 -1 =0 (a)"]);
  });

  test("is told again as soon as its provider wants it", async ({ expect }) => {
    const outbox = await anOutbox({ alertmanager: { resendMs: MINUTE } });
    await outbox.channel("am", { kind: "alertmanager" });
    outbox.chat.answer = (_, nth) =>
      nth === 2 || nth === 3 ? { result: "never", reason: "refused", disable: false } : { result: "sent" };
    await outbox.judge([{ subject: "a" }]);
    await outbox.dispatch();
    await pass(outbox, 3 * MINUTE, MINUTE);
    expect(outbox.told()).toEqual(["firing +1 -0 =1 a", "again +0 -0 =1 a"]);
    // One that says no more than a later one is not kept beside it.
    expect(await outbox.db.all(sql`select count(*) as dead from deliveries where state = 'dead'`)).toEqual([
      { dead: 1 },
    ]);
  });

  test("is told once the channel works again", async ({ expect }) => {
    const outbox = await anOutbox();
    await outbox.channel("ops");
    outbox.chat.answer = DOWN;
    await outbox.judge([{ subject: "a" }]);
    await pass(outbox, 30 * HOUR, 30 * MINUTE);
    expect(await outbox.db.all(sql`select state from deliveries`)).toEqual([{ state: "dead" }]);
    outbox.chat.answer = SENT;
    await outbox.judge([{ subject: "d", rule: "drops" }]);
    await pass(outbox, 10 * MINUTE, MINUTE);
    expect(outbox.told()).toEqual(["firing +1 -0 =1 d", "firing +1 -0 =1 a"]);
  });
});

describe("what waits for its next try", () => {
  async function afterOutage() {
    const outbox = await anOutbox();
    const channel = await outbox.channel("ops");
    outbox.chat.answer = DOWN;
    await outbox.judge([{ subject: "a" }]);
    await pass(outbox, 3 * HOUR, 5 * MINUTE);
    outbox.chat.answer = SENT;
    return { outbox, channel };
  }

  test("is sent once the channel works again", async ({ expect }) => {
    const { outbox } = await afterOutage();
    await outbox.judge([{ subject: "d", rule: "drops" }]);
    await pass(outbox, 10 * MINUTE, MINUTE);
    expect(outbox.told()).toEqual(["firing +1 -0 =1 d", "firing +1 -0 =1 a"]);
  });

  test("is tried for what is urgent", async ({ expect }) => {
    const { outbox } = await afterOutage();
    await outbox.judge([{ subject: "w" }]);
    await pass(outbox, 10 * MINUTE, MINUTE);
    expect(outbox.told()).toEqual([]);
    await outbox.judge([{ subject: "c", severity: "critical" }]);
    await pass(outbox, 6 * MINUTE, MINUTE);
    expect(outbox.told()).toEqual(["firing +3 -0 =3 c a w"]);
  });

  test("is tried once a trial arrived, which takes no more of the budget than there is", async ({
    expect,
  }) => {
    const { outbox, channel } = await afterOutage();
    await outbox.db.run(sql`update channels set tokens = 0.5, refilled_at = ${outbox.clock.now}`);
    const trial = {
      channelId: channel,
      key: "t",
      now: outbox.clock.now,
      alert: {},
      status: 200,
      error: null,
    };
    await noteTrial(outbox.db, trial);
    expect(await outbox.db.all(sql`select tokens from channels`)).toEqual([{ tokens: 0 }]);
    await pass(outbox, MINUTE, MINUTE);
    expect(outbox.told()).toEqual(["firing +1 -0 =1 a"]);
  });
});

describe("once a minute", () => {
  test("what no mark was left of is marked; what is told or need not be is let be", async ({ expect }) => {
    const outbox = await anOutbox();
    await outbox.channel("ops", { filter: { rules: ["flood"] } });
    await outbox.judge([{ subject: "a" }, { subject: "m", muted: "silence" }]);
    await outbox.db.run(sql`delete from alert_groups`);
    await sweep(outbox);
    await outbox.dispatch();
    expect(outbox.told()).toEqual(["firing +1 -0 =1 a"]);
    await sweep(outbox);
    expect(await outbox.db.all(sql`select rule, due_at as dueAt from alert_groups`)).toEqual([
      { rule: "flood", dueAt: null },
    ]);
    await outbox.judge([{ subject: "b" }, { subject: "a", to: "resolved" }, { subject: "x", rule: "drops" }]);
    await outbox.db.run(sql`update alert_groups set due_at = null`);
    await sweep(outbox);
    await pass(outbox, 10 * MINUTE, GROUP_WAIT_MS);
    expect(outbox.told().slice(1)).toEqual(["firing +1 -1 =1 b (a)"]);
    expect(await outbox.db.all(sql`select rule from alert_groups`)).toEqual([{ rule: "flood" }]);
  });

  test("nothing waits for a day that a clock which went back has left", async ({ expect }) => {
    const outbox = await anOutbox();
    await outbox.channel("ops");
    outbox.clock.now += DAY;
    await outbox.judge([{ subject: "a" }]);
    await outbox.dispatch();
    await outbox.judge([{ subject: "w" }]);
    await outbox.db.run(sql`update channels set tokens = 10, paused_until = ${outbox.clock.now}`);
    outbox.clock.now += -DAY;
    await outbox.judge([{ subject: "c", severity: "critical" }]);
    const [group] = await outbox.db.all<{ wait: number }>(
      sql`select due_at - ${outbox.clock.now} as wait from alert_groups`,
    );
    expect(group?.wait).toBe(GROUP_WAIT_MS);
    await sweep(outbox);
    await pass(outbox, 2 * MINUTE, MINUTE);
    expect(outbox.told()).toEqual(["firing +1 -0 =1 a", "firing +2 -0 =3 c w"]);
    await outbox.db.run(
      sql`update alert_groups set sent_at = ${outbox.clock.now + DAY}, repeat_at = ${outbox.clock.now + 2 * DAY}`,
    );
    await sweep(outbox);
    expect(
      await outbox.db.all(
        sql`select sent_at - ${outbox.clock.now} as sent, repeat_at - ${outbox.clock.now} as again from alert_groups`,
      ),
    ).toEqual([{ sent: 0, again: DAY }]);
  });
});

test("only what a message names is announced", async ({ expect }) => {
  const outbox = await anOutbox();
  await outbox.channel("ops", { filter: { minSeverity: "critical" } });
  await outbox.judge([
    { subject: "a", severity: "critical" },
    { subject: "m", severity: "critical" },
    { subject: "w" },
  ]);
  await outbox.db.run(sql`update anomalies set muted = 'inhibited' where subject = 'm'`);
  await outbox.dispatch();
  expect(outbox.told()).toEqual(["firing +1 -0 =1 a"]);
  expect(await outbox.db.all(sql`select subject from anomalies where announced`)).toEqual([{ subject: "a" }]);
});

test("what got worse while it was hidden is known until it is told of", async ({ expect }) => {
  const outbox = await anOutbox();
  await outbox.judge([{ subject: "a" }, { subject: "b" }]);
  await outbox.judge([{ subject: "a", to: "worsened", severity: "critical", muted: "inhibited" }]);
  expect([...(await worseUnheard(outbox.db, outbox.clusterId))]).toEqual([1]);
  await outbox.judge([{ subject: "a", to: "unmuted", severity: "critical" }]);
  expect([...(await worseUnheard(outbox.db, outbox.clusterId))]).toEqual([]);
});
