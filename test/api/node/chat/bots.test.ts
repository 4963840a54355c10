import { describe, test } from "vitest";
import { dingtalk, dingtalkSign } from "../../../../api/alerts/channels/dingtalk.ts";
import { feishu, feishuSign } from "../../../../api/alerts/channels/feishu.ts";
import { wecom } from "../../../../api/alerts/channels/wecom.ts";
import { PREFIX } from "../../../../api/alerts/alert.ts";
import type { Answer, Outcome, Provider, Rendering } from "../../../../api/alerts/provider.ts";
import { anAlert, anAnomaly, posted } from "../../../support/alerts.ts";
import { startDingtalk, startFeishu, startWecom, TOO_OFTEN } from "../../../support/chat/bots.ts";
import type { BotOptions, Shown } from "../../../support/chat/bots.ts";
import type { ChatServer } from "../../../support/chat/server.ts";

const NOW = 1_763_700_123_000;
const SECRET = "SECabcdef0123456789";

/** Names that would be obeyed where they are not inert. */
const HOSTILE = [
  "<!channel>",
  "@all",
  "<at id=all></at>",
  '<at user_id="all">all</at>',
  "<@all>",
  '<font color="warning">x</font>',
  "[click](http://evil.example/x)",
  "![i](http://evil.example/i.png)",
  "`code` **bold** # head",
  "https://evil.example/login",
  "a\u202Eb\u0000c\nd",
  "\uD800",
  "x".repeat(10_000),
];

const rendering = (url: string, some: Partial<Rendering> = {}): Rendering => ({
  target: { url },
  language: "en",
  now: NOW,
  deliveryId: "11111111-2222-4333-8444-555555555555",
  ...some,
});

const BOTS: {
  provider: Provider;
  path: string;
  start: (options: BotOptions) => Promise<ChatServer<Shown>>;
}[] = [
  { provider: feishu, path: "/open-apis/bot/v2/hook/good-token", start: startFeishu },
  { provider: dingtalk, path: "/robot/send?access_token=good-token", start: startDingtalk },
  { provider: wecom, path: "/cgi-bin/webhook/send?key=good-key", start: () => startWecom() },
];

describe.for(BOTS)("$provider.kind", ({ provider, path, start }) => {
  const send = async (
    server: ChatServer<Shown>,
    alert = anAlert(),
    some: Partial<Rendering> = {},
  ): Promise<Outcome> =>
    provider.judge(await posted(await provider.render(alert, rendering(`${server.url}${path}`, some))));

  test.for([
    ["firing", "en"],
    ["firing", "zh"],
    ["resolved", "en"],
    ["notice", "en"],
    ["test", "zh"],
  ] as const)("takes a message that is %s, in %s", async ([kind, language], { expect }) => {
    const server = await start({ now: () => NOW, keyword: "Conntrail" });
    const text = { title: "a title", body: "words" };
    const alert = anAlert({ kind, ...(kind === "notice" || kind === "test" ? { text, anomalies: [] } : {}) });
    expect(await send(server, alert, { language })).toEqual({ result: "sent" });
    expect(server.refused).toEqual([]);
    expect(server.accepted[0]?.title).toContain(PREFIX);
    if (kind === "firing") expect(server.accepted[0]?.text).toContain("checkout");
    if (kind !== "notice" && kind !== "test")
      expect(JSON.stringify(server.accepted[0]?.body)).toContain(
        "https://conntrail.example.com/v1/anomalies/41",
      );
  });

  test("names are shown and never obeyed", async ({ expect }) => {
    const server = await start({ now: () => NOW });
    for (const name of HOSTILE) {
      const { subject, finding } = anAnomaly();
      const party = { kind: "pod", namespace: name, name, workload: name, address: "10.0.0.1" };
      const anomaly = anAnomaly({
        subject: { ...subject, node: name, party },
        finding: { ...finding, contributors: [{ party, value: 1, peer: name }] },
      });
      const alert = anAlert({ cluster: name, anomalies: [anomaly] });
      expect(await send(server, alert), name.slice(0, 50)).toEqual({ result: "sent" });
      const { text, body } = server.accepted.at(-1) ?? { text: "", body: {} };
      if (provider !== feishu) expect(text).not.toMatch(/<[@!a-z]|\]\(http:\/\/evil/i);
      expect(text).not.toMatch(/[\u202A-\u202E\u2066-\u2069\0]/);
      expect(JSON.stringify(body)).not.toContain("\\ud800");
    }
  });

  test("however much there is to say, it fits", async ({ expect }) => {
    const server = await start({ now: () => NOW });
    const name = "漢".repeat(253);
    const party = { kind: "pod", namespace: name, name, workload: name, address: "10.0.0.1" };
    const anomalies = Array.from({ length: 5 }, (_, id) =>
      anAnomaly({ id, subject: { kind: "party", key: name, node: name, party } }),
    );
    for (const language of ["en", "zh"] as const)
      expect(await send(server, anAlert({ cluster: name, anomalies }), { language })).toEqual({
        result: "sent",
      });
    expect(server.refused).toEqual([]);
  });

  test("it waits as it is told, and is switched off where somebody has to mend something", async ({
    expect,
  }) => {
    const server = await start({ now: () => NOW });
    server.troubles.push(TOO_OFTEN[provider.kind as keyof typeof TOO_OFTEN], "html", "garbage", {
      status: 502,
      body: "",
    });
    const waits = { feishu: undefined, dingtalk: 600_000, wecom: 60_000 };
    const first = await send(server);
    expect(first).toMatchObject({ result: "later" });
    expect(first.result === "later" && first.waitMs).toBe(waits[provider.kind as keyof typeof waits]);
    for (let i = 0; i < 3; i++) expect(await send(server)).toMatchObject({ result: "later" });
    const wrong = await provider.render(anAlert(), rendering(`${server.url}${path}x`));
    expect(provider.judge(await posted(wrong))).toMatchObject({ result: "never", disable: true });
    const asked = server.asked;
    server.troubles.push("redirect");
    expect(await send(server)).toMatchObject({ result: "never", disable: false });
    expect(server.asked).toBe(asked + 1);
  });
});

describe("signatures", () => {
  // openssl dgst -sha256 -hmac: of Feishu the timestamp and secret are the key, of DingTalk the message.
  test("one provider's key is the other's message", ({ expect }) => {
    expect(feishuSign("demo", 1_599_360_473)).toBe("l1N0gAcBjdwBvGm1xMjOF0XSyaLRpR7tuO5dHfhAYc8=");
    expect(dingtalkSign("demo", 1_599_360_473_000)).toBe("eblRZvilBzXa6Ce18IeBM4pMy1rYNWKicaCg6VMwQe0=");
  });

  test.for([
    { provider: feishu, path: "/open-apis/bot/v2/hook/good-token", start: startFeishu },
    { provider: dingtalk, path: "/robot/send?access_token=good-token", start: startDingtalk },
  ])("$provider.kind verifies it, within an hour", async ({ provider, path, start }, { expect }) => {
    const clock = { now: NOW };
    const server = await start({ now: () => clock.now, secret: SECRET });
    const send = async (secret: string): Promise<Outcome> => {
      const target = { url: `${server.url}${path}`, secret };
      return provider.judge(await posted(await provider.render(anAlert(), rendering("", { target }))));
    };
    expect(await send(SECRET)).toEqual({ result: "sent" });
    expect(await send("another")).toMatchObject({ result: "never", disable: true, reason: /signature/ });
    clock.now += 3_600_000;
    expect(await send(SECRET)).toEqual({ result: "sent" });
    clock.now += 1_000;
    expect(await send(SECRET)).toMatchObject({ result: "never", disable: true });
  });
});

describe("success is what the body says", () => {
  const said = (status: number, body: unknown, headers: Answer["headers"] = {}): Answer => ({
    status,
    headers,
    body: typeof body === "string" ? body : JSON.stringify(body),
  });

  test.for([
    [feishu, { code: 0 }, "sent"],
    [feishu, { StatusCode: 0, StatusMessage: "success" }, "sent"],
    [feishu, { code: "0" }, "sent"],
    [feishu, { code: 19_024, StatusCode: 0 }, "never"],
    [feishu, { code: 0, StatusCode: 19_024 }, "never"],
    [feishu, { code: 0, StatusCode: {} }, "later"],
    [feishu, { code: {} }, "later"],
    [feishu, { code: 99 }, "later"],
    [feishu, { code: 9_499 }, "never"],
    [feishu, {}, "later"],
    [feishu, "ok", "later"],
    [feishu, "[0]", "later"],
    [dingtalk, { errcode: 0 }, "sent"],
    [dingtalk, { errcode: "0" }, "sent"],
    [dingtalk, { errcode: "0x0" }, "later"],
    [dingtalk, { errcode: null }, "later"],
    [dingtalk, { errcode: -1 }, "later"],
    [dingtalk, { errcode: 310_000, errmsg: "keywords not in content" }, "never"],
    [dingtalk, { errcode: 90_030 }, "later"],
    [dingtalk, {}, "later"],
    [wecom, { errcode: 0 }, "sent"],
    [wecom, { errcode: 93_000 }, "never"],
    [wecom, { errcode: 40_058 }, "never"],
    [wecom, { errcode: 45_009 }, "later"],
    [wecom, null, "later"],
  ] as const)("$0.kind, $1: $2", ([provider, body, expected], { expect }) => {
    expect(provider.judge(said(200, body)).result).toBe(expected);
  });

  test("a good code with a bad status is none", ({ expect }) => {
    for (const provider of [feishu, dingtalk, wecom]) {
      expect(provider.judge(said(500, { code: 0, errcode: 0 })).result).toBe("later");
      expect(provider.judge(said(404, "")).result).toBe("never");
    }
    const limited = said(429, "", { "x-ogw-ratelimit-reset": "7" });
    expect(feishu.judge(limited)).toMatchObject({ result: "later", waitMs: 7_000 });
  });

  test("what DingTalk refuses by one code is told apart by its words", ({ expect }) => {
    const reason = (errmsg: string) => dingtalk.judge(said(200, { errcode: 310_000, errmsg }));
    expect(reason("sign not match")).toMatchObject({ reason: expect.stringContaining("signature") });
    expect(reason("ip 1.2.3.4 not in whitelist")).toMatchObject({
      reason: expect.stringContaining("addresses"),
    });
    expect(reason("关键词不匹配")).toMatchObject({ reason: expect.stringContaining("keyword") });
    expect(reason("?")).toMatchObject({ reason: expect.stringContaining("refuses") });
  });
});
