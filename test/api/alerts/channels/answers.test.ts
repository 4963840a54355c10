import * as fc from "fast-check";
import { describe, test } from "vitest";
import { MAX_WAIT_MS, retryAfter, waitOf } from "../../../../api/alerts/channels/judged.ts";
import { PROVIDERS, providerOf } from "../../../../api/alerts/channels/index.ts";
import { CHANNEL_KINDS, type Answer, type Outcome } from "../../../../api/alerts/provider.ts";
import { KINDS } from "../../../support/chat/kinds.ts";
import type { Said } from "../../../support/chat/play.ts";

const answer = ({ status, headers = {}, body }: Said): Answer => ({ status, headers, body });

/** What each trouble means: a wait in ms, or whether it passes, or whether the channel is switched off. */
const MEANS: Record<string, Record<string, number | "later" | "never" | "off">> = {
  slack: {
    tooOften: 30_000,
    errorIn200: "later",
    gone: "off",
    archived: "off",
    refused: "never",
    broken: "later",
  },
  discord: { tooOften: 64_570, banned: 1_800_000, gone: "off", refused: "never", broken: "later" },
  teams: {
    tooOften: 17_000,
    errorIn200: "later",
    off: "off",
    gone: "off",
    tooLarge: "never",
    broken: "later",
  },
  mattermost: { tooOften: 7_000, errorIn200: "later", gone: "off", refused: "never", broken: "later" },
  telegram: {
    tooOften: 35_000,
    errorIn200: "later",
    moved: "later",
    kicked: "off",
    nowhere: "off",
    token: "off",
    refused: "never",
    broken: "later",
  },
  googlechat: {
    tooOften: "later",
    errorIn200: "later",
    token: "off",
    gone: "off",
    refused: "never",
    broken: "later",
  },
};

const meaning = (outcome: Outcome): number | string => {
  if (outcome.result === "later") return outcome.waitMs ?? "later";
  return outcome.result === "never" && outcome.disable ? "off" : outcome.result;
};

/** What comes of something else than the provider. */
const STRANGE: Said[] = [
  { status: 200, body: "" },
  { status: 200, body: "<!doctype html><title>Sign in</title>" },
  { status: 200, body: "{" },
  { status: 200, body: "[]" },
  { status: 200, body: "null" },
  { status: 200, body: '{"ok":"true","id":7,"name":["spaces/x"]}' },
  { status: 200, body: "\uFFFD".repeat(64) },
  { status: 200, body: " ".repeat(65_536) },
  { status: 200, body: "not ok" },
];

describe.for(KINDS)("$provider.kind", ({ provider, trouble }) => {
  test.for(Object.entries(trouble))("what %s means", ([name, said], { expect }) => {
    expect(meaning(provider.judge(answer(said)))).toBe(MEANS[provider.kind]?.[name]);
  });

  test("what is not its own word of success is tried again", ({ expect }) => {
    // Teams says nothing where all is well.
    for (const said of STRANGE.filter(({ body }) => provider.kind !== "teams" || body !== ""))
      expect(provider.judge(answer(said)).result, said.body.slice(0, 40)).toBe("later");
  });

  test.for([301, 302, 307])("a redirect (%i) is no success, and is not tried again", (status, { expect }) => {
    const outcome = provider.judge({ status, headers: { location: "http://169.254.169.254/" }, body: "ok" });
    expect(outcome).toMatchObject({ result: "never", disable: false });
    expect(JSON.stringify(outcome)).not.toContain("169.254");
  });

  test("any answer means something, and its reason holds nothing of a body at length", ({ expect }) => {
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 599 }), fc.string({ maxLength: 40 }), (status, secret) => {
        const body = `https://hooks.example/${secret}`.padEnd(300, "x");
        for (const said of [body, JSON.stringify({ error: body, code: body, id: body, description: body })]) {
          const outcome = provider.judge({ status, headers: { "retry-after": body }, body: said });
          expect(["sent", "later", "never"]).toContain(outcome.result);
          expect(JSON.stringify(outcome)).not.toContain("hooks.example");
        }
        const json = provider.judge({ status, headers: {}, body: JSON.stringify({ error: { code: body } }) });
        expect(JSON.stringify(json)).not.toContain("hooks.example");
      }),
      { numRuns: 50, examples: [[200, ""]] },
    );
  });
});

test("a group of Telegram that became a supergroup is written to by its new number", ({ expect }) => {
  const telegram = KINDS.find(({ provider }) => provider.kind === "telegram")!;
  expect(telegram.provider.judge(answer(telegram.trouble["moved"]!))).toMatchObject({
    result: "later",
    moved: { chatId: "-1009876543210" },
  });
});

test("every kind of channel has a provider", ({ expect }) => {
  expect(PROVIDERS.map(({ kind }) => kind).toSorted()).toEqual([...CHANNEL_KINDS].toSorted());
  for (const kind of CHANNEL_KINDS) expect(providerOf(kind)?.kind).toBe(kind);
});

test.for<[unknown, number | undefined]>([
  [0, 0],
  [0.001, 1],
  [64.57, 64_570],
  ["3", 3_000],
  [MAX_WAIT_MS / 1_000, MAX_WAIT_MS],
  [MAX_WAIT_MS / 1_000 + 1, MAX_WAIT_MS],
  [1e300, MAX_WAIT_MS],
  [-1, undefined],
  [Number.NaN, undefined],
  ["", undefined],
  ["soon", undefined],
  [null, undefined],
  [[3], undefined],
])("a wait of %j s is of %s ms", ([seconds, ms], { expect }) => {
  expect(waitOf(seconds)).toBe(ms);
});

test.for<[string | undefined, string | undefined, number | undefined]>([
  ["120", undefined, 120_000],
  ["1.5", undefined, 1_500],
  ["Fri, 21 Nov 2025 04:41:00 GMT", "Fri, 21 Nov 2025 04:40:00 GMT", 60_000],
  ["Fri, 21 Nov 2025 04:39:00 GMT", "Fri, 21 Nov 2025 04:40:00 GMT", 0],
  ["Fri, 21 Nov 2025 04:41:00 GMT", undefined, undefined],
  ["whenever", "Fri, 21 Nov 2025 04:40:00 GMT", undefined],
  [undefined, undefined, undefined],
])("Retry-After %s at %s is of %s ms", ([given, date, ms], { expect }) => {
  const headers = {
    ...(given === undefined ? {} : { "retry-after": given }),
    ...(date === undefined ? {} : { date }),
  };
  expect(retryAfter({ status: 429, headers, body: "" })).toBe(ms);
});
