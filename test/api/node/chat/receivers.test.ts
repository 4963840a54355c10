import { describe, test } from "vitest";
import { alertmanager } from "../../../../api/alerts/channels/alertmanager.ts";
import { pagerduty } from "../../../../api/alerts/channels/pagerduty.ts";
import { webhook } from "../../../../api/alerts/channels/webhook.ts";
import type { Outcome, Provider, Rendering } from "../../../../api/alerts/provider.ts";
import { anAlert, anAnomaly, posted } from "../../../support/alerts.ts";
import { startAlertmanager, startPagerduty, startWebhook } from "../../../support/chat/receivers.ts";
import { AT } from "../../../support/looks.ts";

const NOW = AT + 600_000;
const KEY = "0123456789abcdef0123456789ABCDEF";
const WHSEC = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
const OTHER = `whsec_${Buffer.alloc(24, 9).toString("base64")}`;
const ID = "11111111-2222-4333-8444-555555555555";

async function send(
  provider: Provider,
  target: Rendering["target"],
  alert = anAlert(),
  some: Partial<Rendering> = {},
): Promise<Outcome> {
  const outgoing = await provider.render(alert, {
    target,
    language: "en",
    now: NOW,
    deliveryId: ID,
    ...some,
  });
  return provider.judge(await posted(outgoing));
}

describe("pagerduty", () => {
  test("one incident for each time something goes wrong, resolved by the same key", async ({ expect }) => {
    const server = await startPagerduty(KEY);
    const target = { url: `${server.url}/v2/enqueue`, secret: KEY };
    expect(await send(pagerduty, target)).toEqual({ result: "sent" });
    await send(pagerduty, target, anAlert({ severity: "critical", repeat: true }));
    await send(pagerduty, target, anAlert({ kind: "resolved" }));
    await send(pagerduty, target, anAlert({ episode: 4 }));
    expect(server.refused).toEqual([]);
    expect(server.accepted.map((event) => [event.event_action, event.dedup_key])).toEqual([
      ["trigger", "conntrail/prod/pod-flood/3"],
      ["trigger", "conntrail/prod/pod-flood/3"],
      ["resolve", "conntrail/prod/pod-flood/3"],
      ["trigger", "conntrail/prod/pod-flood/4"],
    ]);
    const [first, second] = server.accepted;
    expect(first).toMatchObject({
      payload: {
        severity: "warning",
        source: "prod",
        component: "pod-flood",
        summary: expect.stringContaining("[Conntrail]"),
      },
    });
    expect(second).toMatchObject({ payload: { severity: "critical" } });
  });

  test("however long the names are, the key is short and the same", async ({ expect }) => {
    const server = await startPagerduty(KEY);
    const target = { url: `${server.url}/v2/enqueue`, secret: KEY };
    const long = anAlert({ cluster: "c".repeat(300) });
    await send(pagerduty, target, long);
    await send(pagerduty, target, { ...long, kind: "resolved" });
    await send(pagerduty, target, { ...long, episode: 9 });
    expect(server.refused).toEqual([]);
    const keys = server.accepted.map((event) => event.dedup_key);
    expect(keys[0]).toBe(keys[1]);
    expect(keys[2]).not.toBe(keys[0]);
  });

  test("a trial is no page, and a wrong key is for somebody to mend", async ({ expect }) => {
    const server = await startPagerduty(KEY);
    const text = { title: "a trial", body: "words" };
    const trial = anAlert({ kind: "test", text, anomalies: [], cluster: "" });
    await send(pagerduty, { url: `${server.url}/v2/enqueue`, secret: KEY }, trial);
    expect(server.accepted).toMatchObject([{ payload: { severity: "info" }, dedup_key: `conntrail/${ID}` }]);
    const wrong = await send(pagerduty, { url: `${server.url}/v2/enqueue`, secret: "x".repeat(32) });
    expect(wrong).toMatchObject({ result: "never" });
    server.troubles.push(
      { status: 429, headers: { "retry-after": "30" }, body: "" },
      { status: 202, body: "{}" },
      "html",
    );
    const target = { url: `${server.url}/v2/enqueue`, secret: KEY };
    expect(await send(pagerduty, target)).toMatchObject({ result: "later", waitMs: 30_000 });
    expect(await send(pagerduty, target)).toMatchObject({ result: "later" });
    expect(await send(pagerduty, target)).toMatchObject({ result: "later" });
  });

  test("a channel has an integration key, and PagerDuty's address unless it says another", ({ expect }) => {
    expect(pagerduty.target.parse({ secret: KEY })).toEqual({
      url: "https://events.pagerduty.com/v2/enqueue",
      secret: KEY,
    });
    for (const secret of [undefined, "", KEY.slice(1), `${KEY}x`, "-".repeat(32)])
      expect(pagerduty.target.safeParse({ secret }).success, secret).toBe(false);
  });
});

describe("alertmanager", () => {
  const several = anAlert({
    kind: "resolved",
    anomalies: [anAnomaly({ id: 1 }), anAnomaly({ id: 2, state: "resolved", resolvedAt: AT + 300_000 })],
  });

  test("each anomaly is an alert that lasts four times as long as until it is sent again", async ({
    expect,
  }) => {
    const server = await startAlertmanager();
    expect(await send(alertmanager, { url: server.url }, several)).toEqual({ result: "sent" });
    expect(server.refused).toEqual([]);
    const [[open, resolved] = []] = server.accepted;
    expect(open).toMatchObject({
      labels: {
        alertname: "Conntrail_pod_flood",
        cluster: "prod",
        anomaly: "1",
        node: "node-1",
        namespace: "shop",
        pod: "checkout-7c9d-x2lqp",
      },
      startsAt: new Date(AT).toISOString(),
      endsAt: new Date(NOW + 4 * (alertmanager.resendMs ?? 0)).toISOString(),
    });
    expect(resolved).toMatchObject({
      labels: { anomaly: "2" },
      endsAt: new Date(AT + 300_000).toISOString(),
    });
  });

  test("what changes while it is open is no label, but for the severity that routes", async ({ expect }) => {
    const server = await startAlertmanager();
    const { finding } = anAnomaly();
    await send(alertmanager, { url: `${server.url}/` });
    const worse = anAnomaly({ severity: "critical", finding: { ...finding, value: 99_000, cause: "scan" } });
    await send(
      alertmanager,
      { url: `${server.url}/api/v2/alerts` },
      anAlert({ severity: "critical", anomalies: [worse] }),
    );
    const [before, after] = server.accepted.map(([alert]) => alert?.labels);
    expect(before).toMatchObject({ severity: "warning" });
    expect(after).toEqual({ ...before, severity: "critical" });
  });

  test("each is described as if it were alone, line by line", async ({ expect }) => {
    const server = await startAlertmanager();
    const url = "https://conntrail.example/v1/anomalies/1";
    const anomalies = [anAnomaly({ id: 1, url }), anAnomaly({ id: 2 })];
    const fleet = { affected: 30, nodes: 40 };
    const counts = { opened: 7, resolved: 3, open: 30 };
    await send(alertmanager, { url: server.url }, anAlert({ anomalies, counts, fleet, repeat: true }));
    const [[first] = []] = server.accepted;
    const { summary, description } = first?.annotations ?? {};
    expect(first).toMatchObject({ generatorURL: url });
    expect(summary).toMatch(/^\[Conntrail\] Warning: /);
    expect(`${summary} ${description}`).not.toMatch(/and \d+ more|Shown|of 40|are open|told/);
    expect(description?.split("\n")).toContain("What to do");
    expect(description?.endsWith(`Details (API): ${url}`)).toBe(true);
  });

  test.for([
    [{ secret: "token" }, "Bearer token"],
    [{ username: "conn", secret: "pässword" }, `Basic ${Buffer.from("conn:pässword").toString("base64")}`],
  ] as const)("behind a proxy, with %o", async ([credentials, authorization], { expect }) => {
    const server = await startAlertmanager(authorization);
    expect(await send(alertmanager, { url: server.url, ...credentials })).toEqual({ result: "sent" });
    expect(await send(alertmanager, { url: server.url })).toMatchObject({ result: "never", disable: true });
  });

  test("a trial is an alert that ends by itself", async ({ expect }) => {
    const server = await startAlertmanager();
    const text = { title: "a trial", body: "words" };
    await send(alertmanager, { url: server.url }, anAlert({ kind: "test", text, anomalies: [] }));
    expect(server.accepted[0]).toMatchObject([{ labels: { alertname: "ConntrailTest" } }]);
  });
});

describe("webhook", () => {
  test("is signed as Standard Webhooks says, by each of its secrets", async ({ expect }) => {
    const clock = { now: NOW };
    const server = await startWebhook(WHSEC, () => clock.now);
    const target = { url: `${server.url}/hook`, secret: `${OTHER} ${WHSEC}` };
    expect(await send(webhook, target)).toEqual({ result: "sent" });
    expect(await send(webhook, { ...target, secret: OTHER })).toMatchObject({
      result: "never",
      disable: false,
    });
    clock.now = NOW + 301_000;
    expect(await send(webhook, target)).toMatchObject({ result: "never" });
    // Sent again, it has the same id and the time of then.
    expect(await send(webhook, target, anAlert(), { now: clock.now })).toEqual({ result: "sent" });
    expect(server.accepted.map(({ id, timestamp }) => [id, timestamp])).toEqual([
      [ID, Math.floor(NOW / 1_000)],
      [ID, Math.floor(clock.now / 1_000)],
    ]);
  });

  test.for([
    [{}, "alert.opened"],
    [{ repeat: true }, "alert.repeated"],
    [{ kind: "resolved" }, "alert.resolved"],
    [{ kind: "notice", text: { title: "t", body: "b" } }, "service.notice"],
    [{ kind: "test", text: { title: "t", body: "b" } }, "test"],
  ] as const)("%o is of type %s", async ([some, type], { expect }) => {
    const server = await startWebhook(WHSEC, () => NOW);
    await send(webhook, { url: server.url, secret: WHSEC }, anAlert(some));
    expect(server.accepted).toMatchObject([
      {
        payload: {
          type,
          timestamp: new Date(NOW).toISOString(),
          data: { cluster: "prod", rule: "pod-flood" },
        },
      },
    ]);
  });

  test("however much there is to say, it is no longer than receivers take", async ({ expect }) => {
    const server = await startWebhook(WHSEC, () => NOW);
    const name = "漢".repeat(1_000);
    const { finding } = anAnomaly();
    const anomalies = Array.from({ length: 5 }, (_, id) =>
      anAnomaly({ id, finding: { ...finding, facts: { name } } }),
    );
    expect(
      await send(webhook, { url: server.url, secret: WHSEC }, anAlert({ anomalies, cluster: name })),
    ).toEqual({ result: "sent" });
    expect(server.accepted[0]?.payload.data["anomalies"]).not.toHaveLength(0);
  });

  test.for([
    [410, { result: "never", disable: true }],
    [404, { result: "never", disable: false }],
    [400, { result: "never", disable: false }],
    [302, { result: "never", disable: false }],
    [429, { result: "later" }],
    [502, { result: "later" }],
    [504, { result: "later" }],
    [201, { result: "sent" }],
  ] as const)("status %i: %o", ([status, outcome], { expect }) => {
    expect(webhook.judge({ status, headers: {}, body: "" })).toMatchObject(outcome);
  });

  test.for([
    [24, true],
    [23, false],
    [64, true],
    [65, false],
  ] as const)("a secret of %i bytes: %s", ([bytes, expected], { expect }) => {
    const secret = `whsec_${Buffer.alloc(bytes).toString("base64")}`;
    expect(webhook.target.safeParse({ url: "https://a.example", secret }).success).toBe(expected);
    expect(webhook.target.safeParse({ url: "https://a.example", secret: secret.slice(6) }).success).toBe(
      false,
    );
  });
});
