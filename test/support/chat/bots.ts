import { createHmac } from "node:crypto";
import { type Asked, type ChatServer, isJson, jsonOf, type Said, startChat, type Verdict } from "./server.ts";

/** What a bot of a group shows: plain text of a card, or markdown. */
export type Shown = { title: string; text: string; body: Record<string, unknown> };

export type BotOptions = {
  now: () => number;
  /** Where set, requests must be signed with it. */
  secret?: string | undefined;
  /** Where set, a message must hold it. */
  keyword?: string | undefined;
};

const SKEW_MS = 3_600_000;
const FEISHU_MAX = 20 * 1_024;
const DINGTALK_MAX = 20_000;
const WECOM_MAX = 4_096;

const taken = (shown: Shown, answer: object): Verdict<Shown> => ({
  said: { status: 200, body: JSON.stringify(answer) },
  accepted: shown,
});
const refused = (why: string, answer: object): Verdict<Shown> => ({
  said: { status: 200, body: JSON.stringify(answer) },
  why,
});
const sizeOf = (text: string) => new TextEncoder().encode(text).length;

/** All that stands in `content` of an element of plain text; anything else in a card is markup, which ours must not have. */
function plainTexts(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(plainTexts);
  if (typeof value !== "object" || value === null) return [];
  const { tag, content } = value as { tag?: unknown; content?: unknown };
  if (tag === "lark_md" || tag === "markdown") throw new Error(`markup: ${String(content)}`);
  const own = typeof content === "string" ? [content] : [];
  return [...own, ...Object.values(value).flatMap(plainTexts)];
}

type Refusal = [code: number, words: string];

/** A custom bot of Feishu at /open-apis/bot/v2/hook/TOKEN. */
export const startFeishu = (options: BotOptions): Promise<ChatServer<Shown>> =>
  startChat((asked) => {
    const body = jsonOf(asked) ?? {};
    const text = plainTexts(body["card"]).join("\n");
    const refusal = feishuForm(asked, body) ?? feishuSecurity(body, text, options);
    if (refusal) return refused(refusal[1], { code: refusal[0], data: {}, msg: refusal[1] });
    const { header } = body["card"] as { header: { title: { content: string } } };
    const answer = { StatusCode: 0, StatusMessage: "success", code: 0, data: {}, msg: "success" };
    return taken({ title: header.title.content, text, body }, answer);
  });

function feishuForm(asked: Asked, body: Record<string, unknown>): Refusal | undefined {
  if (asked.method !== "POST" || asked.path !== "/open-apis/bot/v2/hook/good-token")
    return [19_001, "param invalid: incoming webhook access token invalid"];
  if (sizeOf(asked.body) > FEISHU_MAX) return [19_036, "message too large"];
  const card = body["card"] as { header?: { title?: { content?: string } } } | undefined;
  const isCard = body["msg_type"] === "interactive" && Boolean(card?.header?.title?.content);
  return isJson(asked) && isCard ? undefined : [9_499, "Bad Request"];
}

function feishuSecurity(
  body: Record<string, unknown>,
  text: string,
  { secret, keyword, now }: BotOptions,
): Refusal | undefined {
  if (secret !== undefined && !isSigned(body, secret, now()))
    return [19_021, "sign match fail or timestamp is not within one hour from current time"];
  return keyword === undefined || text.includes(keyword) ? undefined : [19_024, "Key Words Not Found"];
}

function isSigned({ timestamp, sign }: Record<string, unknown>, secret: string, now: number): boolean {
  const at = Number(timestamp) * 1_000;
  if (typeof timestamp !== "string" || !(Math.abs(now - at) <= SKEW_MS)) return false;
  return sign === createHmac("sha256", `${timestamp}\n${secret}`).update("").digest("base64");
}

/** A custom robot of DingTalk at /robot/send?access_token=TOKEN. */
export const startDingtalk = (options: BotOptions): Promise<ChatServer<Shown>> =>
  startChat((asked) => {
    const body = jsonOf(asked) ?? {};
    const { title = "", text = "" } = (body["markdown"] ?? {}) as { title?: string; text?: string };
    const hasText = body["msgtype"] === "markdown" && title !== "" && text !== "";
    const refusal = dingtalkForm(asked, hasText) ?? dingtalkSecurity(asked, `${title}${text}`, options);
    if (refusal) return refused(refusal[1], { errcode: refusal[0], errmsg: refusal[1] });
    return taken({ title, text, body }, { errcode: 0, errmsg: "ok" });
  });

function dingtalkForm(asked: Asked, hasText: boolean): Refusal | undefined {
  if (asked.path !== "/robot/send" || asked.query.get("access_token") !== "good-token")
    return [300_005, "token is not exist"];
  if (!isJson(asked)) return [43_004, "无效的HTTP HEADER Content-Type"];
  if (sizeOf(asked.body) > DINGTALK_MAX) return [460_101, "message too long, exceed 20000 bytes"];
  return hasText ? undefined : [40_035, "缺少参数 json"];
}

function dingtalkSecurity(
  asked: Asked,
  text: string,
  { secret, keyword, now }: BotOptions,
): Refusal | undefined {
  if (secret !== undefined && !isSignedInQuery(asked, secret, now())) return [310_000, "sign not match"];
  return keyword === undefined || text.includes(keyword) ? undefined : [310_000, "keywords not in content"];
}

function isSignedInQuery({ query }: Asked, secret: string, now: number): boolean {
  const timestamp = query.get("timestamp") ?? "";
  if (!(Math.abs(now - Number(timestamp)) <= SKEW_MS)) return false;
  return (
    query.get("sign") === createHmac("sha256", secret).update(`${timestamp}\n${secret}`).digest("base64")
  );
}

/** A bot of a group of WeCom at /cgi-bin/webhook/send?key=KEY. */
export const startWecom = (): Promise<ChatServer<Shown>> => {
  const no = (errcode: number, errmsg: string) => refused(errmsg, { errcode, errmsg });
  return startChat((asked) => {
    const body = jsonOf(asked);
    if (asked.path !== "/cgi-bin/webhook/send" || asked.query.get("key") !== "good-key")
      return no(93_000, "invalid webhook url, hint: [...]");
    const { content } = (body?.["markdown"] ?? {}) as { content?: string };
    if (body?.["msgtype"] !== "markdown" || content === undefined) return no(40_008, "invalid message type");
    if (sizeOf(content) > WECOM_MAX) return no(40_058, "markdown.content exceed max length 4096");
    return taken({ title: content.split("\n")[0] ?? "", text: content, body }, { errcode: 0, errmsg: "ok" });
  });
};

/** What bots answer when they are asked too often, each in its way. */
export const TOO_OFTEN: Record<"feishu" | "dingtalk" | "wecom", Said> = {
  feishu: { status: 200, body: JSON.stringify({ code: 11_232, msg: "frequency limited psm[...]" }) },
  dingtalk: {
    status: 200,
    body: JSON.stringify({ errcode: 130_101, errmsg: "send too fast, exceed 20 times per minute" }),
  },
  wecom: { status: 200, body: JSON.stringify({ errcode: 45_009, errmsg: "api freq out of limit" }) },
};
