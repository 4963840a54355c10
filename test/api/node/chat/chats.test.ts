import { describe, test } from "vitest";
import { googlechat } from "../../../../api/alerts/channels/googlechat.ts";
import { telegram } from "../../../../api/alerts/channels/telegram.ts";
import type { Alert } from "../../../../api/alerts/alert.ts";
import { type HostPolicy } from "../../../../api/alerts/hosts.ts";
import type { Outcome, Provider, Rendering } from "../../../../api/alerts/provider.ts";
import { type Send, SendError } from "../../../../api/alerts/send.ts";
import { pinnedSend } from "../../../../api/node/pinned-send.ts";
import { anAlert, anAnomaly } from "../../../support/alerts.ts";
import {
  startDiscord,
  startGooglechat,
  startMattermost,
  startSlack,
  startTeams,
  startTelegram,
} from "../../../support/chat/chats.ts";
import { KINDS } from "../../../support/chat/kinds.ts";
import type { ChatServer, Trouble } from "../../../support/chat/server.ts";
import type { Read } from "../../../support/chat/read.ts";
import { AT } from "../../../support/looks.ts";

const NOW = AT + 600_000;
const ID = "11111111-2222-4333-8444-555555555555";
const POLICY: HostPolicy = { allowed: ["127.0.0.1"], allowPrivate: true };
const sender = (timeoutMs?: number) =>
  pinnedSend(async (address) => [{ address, family: 4 }], POLICY, timeoutMs);
const patient = sender();
/** Nobody here waits ten seconds for a chat that says nothing. */
const impatient = sender(100);

const START: Record<string, () => Promise<ChatServer<Read>>> = {
  slack: startSlack,
  discord: startDiscord,
  teams: startTeams,
  mattermost: startMattermost,
  telegram: startTelegram,
  googlechat: startGooglechat,
};

async function send(
  provider: Provider,
  target: Rendering["target"],
  { alert = anAlert(), by = patient, ...some }: Partial<Rendering> & { alert?: Alert; by?: Send } = {},
): Promise<Outcome> {
  const rendering: Rendering = { target, language: "en", now: NOW, deliveryId: ID, ...some };
  return provider.judge(await by(await provider.render(alert, rendering), provider.hosts));
}

describe.for(KINDS)("$provider.kind", ({ provider, target, trouble }) => {
  const start = START[provider.kind]!;

  test("an alarm arrives, and the all-clear", async ({ expect }) => {
    const server = await start();
    const resolved = anAnomaly({ state: "resolved", resolvedAt: NOW, transition: "resolved" });
    const clear = anAlert({
      kind: "resolved",
      anomalies: [resolved],
      counts: { opened: 0, resolved: 1, open: 0 },
    });
    expect((await send(provider, target(server.url))).result).toBe("sent");
    expect((await send(provider, target(server.url), { alert: clear, deliveryId: "2" })).result).toBe("sent");
    expect(server.refused).toEqual([]);
    const [alarm, end] = server.accepted.map(({ shown }) => shown);
    expect(alarm).toMatch(/^\s*\[Conntrail\] Warning: .*checkout-7c9d-x2lqp/);
    expect(end).toMatch(/^\s*\[Conntrail\] Resolved: .*checkout-7c9d-x2lqp/);
  });

  test("a wrong address is said to be to mend, and no message", async ({ expect }) => {
    const server = await start();
    const { url, ...rest } = target(server.url);
    const wrong = {
      ...rest,
      url: url.replace(/[a-z0-9]+$/, "wrong"),
      ...(rest.secret && { url, secret: "1:wrong" }),
    };
    expect(await send(provider, wrong)).toMatchObject({ result: "never", disable: true });
    expect(server.accepted).toEqual([]);
  });

  test("what passes by itself is told later, then arrives", async ({ expect }) => {
    const server = await start();
    const troubles: Trouble[] = [trouble["tooOften"]!, trouble["broken"]!, "html", "garbage", "endless"];
    server.troubles.push(...troubles);
    for (const _ of troubles) expect((await send(provider, target(server.url))).result).toBe("later");
    server.troubles.push("cut", "slow");
    for (const _ of server.troubles.slice()) {
      const failed = await send(provider, target(server.url), { by: impatient }).catch(
        (error: unknown) => error,
      );
      expect(failed).toBeInstanceOf(SendError);
      expect(failed).toMatchObject({ passing: true });
    }
    expect(server.accepted).toEqual([]);
    expect((await send(provider, target(server.url))).result).toBe("sent");
    expect(server.accepted).toHaveLength(1);
  });
});

test("Discord is asked to answer once it has taken the message, with the message", async ({ expect }) => {
  const server = await startDiscord();
  const { provider, target } = KINDS.find(({ provider }) => provider.kind === "discord")!;
  expect(await send(provider, target(server.url))).toEqual({ result: "sent", ref: "1300000000000000000" });
  const inThread = { url: `${target(server.url).url}?thread_id=9` };
  expect((await send(provider, inThread)).result).toBe("sent");
  const { url } = await provider.render(anAlert(), {
    target: inThread,
    language: "en",
    now: NOW,
    deliveryId: ID,
  });
  expect(new URL(url).searchParams.get("thread_id")).toBe("9");
});

test("Google Chat makes one message of one that is sent twice, and keeps an incident in one thread", async ({
  expect,
}) => {
  const server = await startGooglechat();
  const { target } = KINDS.find(({ provider }) => provider === googlechat)!;
  const first = await send(googlechat, target(server.url), { deliveryId: "a" });
  const again = await send(googlechat, target(server.url), { deliveryId: "a" });
  expect(again).toEqual(first);
  await send(googlechat, target(server.url), { deliveryId: "b", alert: anAlert({ kind: "resolved" }) });
  await send(googlechat, target(server.url), { deliveryId: "c", alert: anAlert({ episode: 4 }) });
  await send(googlechat, target(server.url), { deliveryId: "d", alert: anAlert({ cluster: "other" }) });
  expect(server.accepted.map(({ again }) => again)).toEqual([false, true, false, false, false]);
  const [alarm, , clear, next, other] = server.accepted.map(({ thread }) => thread);
  expect(clear).toBe(alarm);
  expect(new Set([alarm, next, other])).toHaveLength(3);
});

test("Telegram answers the first message of an incident, and passes over what is no message", async ({
  expect,
}) => {
  const server = await startTelegram();
  const { target } = KINDS.find(({ provider }) => provider === telegram)!;
  const first = await send(telegram, target(server.url));
  expect(first).toEqual({ result: "sent", ref: "1000" });
  const rendering = { target: target(server.url), language: "en", now: NOW, deliveryId: ID } as const;
  const replyTo = async (ref: string) => {
    const { body } = await telegram.render(anAlert(), { ...rendering, ref });
    return (JSON.parse(body) as { reply_parameters?: unknown }).reply_parameters;
  };
  expect(await replyTo("1000")).toEqual({ message_id: 1000, allow_sending_without_reply: true });
  expect(await replyTo("x; y")).toBeUndefined();
  expect((await send(telegram, target(server.url), { ref: "1000" })).result).toBe("sent");
});
