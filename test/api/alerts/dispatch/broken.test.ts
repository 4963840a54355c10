import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { alertmanager } from "../../../../api/alerts/channels/alertmanager.ts";
import { slack } from "../../../../api/alerts/channels/slack.ts";
import { telegram } from "../../../../api/alerts/channels/telegram.ts";
import { handOver, sealTarget } from "../../../../api/alerts/dispatch/hand-over.ts";
import { trialOf } from "../../../../api/alerts/dispatch/notice.ts";
import { BREAKER_FAILURES } from "../../../../api/alerts/grouping.ts";
import type { Outcome } from "../../../../api/alerts/provider.ts";
import { sealer } from "../../../../api/alerts/sealed.ts";
import { anOutbox } from "../../../support/outbox.ts";

const MINUTE = 60_000;
const SAID = { result: "never", reason: "answered 404", disable: true } as const satisfies Outcome;

async function handed(url: string, status: number, provider = slack, body = "") {
  const seal = await sealer(new Uint8Array(32));
  const sealed = await sealTarget(seal, 1, { url });
  const send = async () => ({ status, headers: {}, body });
  const channel = { id: 1, kind: provider.kind, language: "en", sealed };
  const handing = { deliveryId: "1", now: 1 };
  return (await handOver({ send, sealer: seal, provider }, channel, trialOf("ops", "en"), handing)).outcome;
}

test.for([401, 403, 404])("%i of a host of the operator's own passes", async (status, { expect: that }) => {
  that(await handed("https://chat.example/services/a", status)).toMatchObject({ result: "later" });
  that(await handed("https://am.example", status, alertmanager)).toMatchObject({ result: "later" });
});

test("a gone one does not, nor what the provider's own host says", async () => {
  expect(await handed("https://chat.example/services/a", 410)).toMatchObject({ disable: true });
  const own = "https://hooks.slack.com/services/a";
  expect(await handed(own, 404)).toMatchObject({ disable: true, unsure: true });
  for (const outcome of [
    await handed(own, 410),
    await handed(own, 404, slack, "no_service"),
    await handed("https://api.telegram.org/bot1:a/sendMessage", 401, telegram, '{"ok":false}'),
  ]) {
    expect(outcome).toMatchObject({ result: "never", disable: true });
    expect(outcome).not.toHaveProperty("unsure");
  }
});

test("a password that is wrong is not mended by another address", async () => {
  const outcome = await handed("https://am.example", 401, alertmanager);
  expect(outcome).toMatchObject({ reason: expect.stringContaining("username or secret is wrong") });
});

/** Dispatches until nothing is due, at most for so long, and says when the channel was tried. */
async function tried(outbox: Awaited<ReturnType<typeof anOutbox>>, forMs: number): Promise<number[]> {
  const begin = outbox.clock.now;
  const at: number[] = [];
  const { answer } = outbox.chat;
  outbox.chat.answer = (came, nth) => {
    if (came.channel === "ops") at.push(outbox.clock.now - begin);
    return answer(came, nth);
  };
  for (let next: number | undefined = begin; next !== undefined && next <= begin + forMs;) {
    outbox.clock.now = next;
    ({ nextDueAt: next } = await outbox.dispatch());
  }
  return at;
}

test("a channel is not switched off by a status until that lasts, nor by another failure before it", async () => {
  const outbox = await anOutbox();
  await outbox.channel("ops");
  await outbox.judge([{ subject: "a" }]);
  outbox.chat.answer = () => ({ ...SAID, unsure: true });
  const at = await tried(outbox, 24 * 60 * MINUTE);
  expect(at).toHaveLength(BREAKER_FAILURES + 2);
  expect(at.at(-1)).toBeGreaterThanOrEqual(10 * MINUTE);
  expect(await outbox.db.all(sql`select enabled from channels`)).toEqual([{ enabled: 0 }]);
});

test("after another failure a status has to be said twice by the same message", async () => {
  const outbox = await anOutbox();
  await outbox.channel("ops");
  await outbox.judge([{ subject: "a" }]);
  outbox.chat.answer = (_, nth) => {
    if (nth < 7) return { result: "later", reason: "answered 502" };
    return nth === 7 ? { ...SAID, unsure: true } : { result: "sent" };
  };
  await tried(outbox, 20 * 60 * MINUTE);
  expect(await outbox.db.all(sql`select enabled, failures from channels`)).toEqual([
    { enabled: 1, failures: 0 },
  ]);
});

test("that a channel is off is told by the next one where the healthiest fails, and by all only then", async () => {
  const outbox = await anOutbox();
  await outbox.channel("ops", { filter: { rules: ["flood"] } });
  for (const name of ["one", "two", "three"]) await outbox.channel(name, { filter: { rules: ["none"] } });
  await outbox.db.run(sql`update channels set last_sent_at = id where id > 1`);
  outbox.chat.answer = ({ channel }) => {
    if (channel === "ops") return SAID;
    return channel === "three" ? { result: "later", reason: "down" } : { result: "sent" };
  };
  await outbox.judge([{ subject: "a" }]);
  await tried(outbox, 24 * 60 * MINUTE);
  expect(outbox.chat.came.map(({ channel, alert }) => [channel, alert.text?.title])).toEqual([
    ["two", "Channel ops was switched off"],
  ]);
});

test("a channel that never worked lately is still told that another is off", async () => {
  const outbox = await anOutbox();
  await outbox.channel("ops", { filter: { rules: ["flood"] } });
  await outbox.channel("shaky", { filter: { rules: ["none"] } });
  await outbox.db.run(sql`update channels set failures = 1 where id = 2`);
  outbox.chat.answer = ({ channel }) => (channel === "ops" ? SAID : { result: "sent" });
  await outbox.judge([{ subject: "a" }]);
  await tried(outbox, MINUTE);
  expect(outbox.chat.came.map(({ channel }) => channel)).toEqual(["shaky"]);
});

test("what forgets within minutes is tried every minute, however long it was away", async () => {
  const outbox = await anOutbox({ alertmanager: { resendMs: MINUTE } });
  await outbox.channel("ops", { kind: "alertmanager" });
  await outbox.judge([{ subject: "a" }]);
  outbox.chat.answer = () => ({ result: "later", reason: "down" });
  const at = await tried(outbox, 60 * MINUTE);
  const pauses = at.slice(1).map((one, i) => one - at[i]!);
  expect(Math.max(...pauses)).toBe(MINUTE);
});
