import { describe, test } from "vitest";
import type { Alert, AlertedAnomaly } from "../../../api/alerts/alert.ts";
import { noticeOf } from "../../../api/alerts/dispatch/notice.ts";
import { plain } from "../../../api/alerts/text/lines.ts";
import { messageOf } from "../../../api/alerts/text/message.ts";
import { reasonInChinese } from "../../../api/alerts/text/reasons-zh.ts";
import { anAlert, anAnomaly } from "../../support/alerts.ts";
import { AT } from "../../support/looks.ts";

const MINUTE = 60_000;
const NOW = AT + 12 * MINUTE;
const told = (some: Partial<AlertedAnomaly>, more: Partial<Alert> = {}, now = NOW) => {
  const anomaly = anAnomaly(some);
  return plain(messageOf(anAlert({ rule: anomaly.rule, anomalies: [anomaly], ...more }), "en", now), 4_000);
};
const of = (name: string) => ({ kind: "node", key: name, node: name }) as const;
const several = (anomalies: AlertedAnomaly[], open = anomalies.length) => ({
  anomalies,
  counts: { opened: open, resolved: 0, open },
});

test("a value that is worse the lower it is alarms below its limit", ({ expect }) => {
  const text = told({
    rule: "time-to-full",
    subject: of("a"),
    finding: { value: 600_000, limit: 3_600_000 },
  });
  expect(text).toContain("- Now: 10 min; alarm below 1 h\n");
});

test("what is opened a second is said once", ({ expect }) => {
  expect(told({ rule: "half-open", finding: { value: 9, facts: { perSecond: 40 } } })).toContain(
    "- Opened, about: 40 new connections/s\n",
  );
});

describe("how long", () => {
  const silent = {
    rule: "silent-node",
    subject: of("a"),
    openedAt: AT,
    finding: { value: 3 * MINUTE, limit: 3 * MINUTE, facts: { lastSeenAt: AT - 3 * MINUTE } },
    peak: 3 * MINUTE,
  };

  test("a node is silent is counted from its last report, until now", ({ expect }) => {
    expect(told(silent, {}, AT)).toContain(
      "- Now: 3 min; alarm from 3 min\n- Since: 2025-11-21 04:37 UTC (for 3 min)\n\n",
    );
    expect(told(silent)).toContain(
      "- Now: 15 min; alarm from 3 min\n- Since: 2025-11-21 04:37 UTC (for 15 min)\n\n",
    );
  });

  test("it was silent is no less than the worst of it", ({ expect }) => {
    const finding = { value: 1_000, facts: { lastSeenAt: NOW } };
    const over = { state: "resolved", resolvedAt: NOW, transition: "resolved", peak: 15 * MINUTE } as const;
    const text = told({ ...silent, ...over, finding }, { kind: "resolved" });
    expect(text).toContain("- Lasted: 15 min (2025-11-21 04:37 UTC to 2025-11-21 04:52 UTC)");
    expect(text).not.toContain("Worst");
  });

  test("a setting differs from the others is counted from its change, and it has no value of its own", ({
    expect,
  }) => {
    const facts = { setting: "x", set: "1", usual: "2", nodes: 8, since: AT - MINUTE };
    const drift = { rule: "settings-drift", finding: { value: 7, facts }, peak: 6 };
    const text = told(drift);
    expect(text).toContain("(anomaly 41)\n- Since: 2025-11-21 04:39 UTC (for 13 min)\n");
    expect(text).toContain("- The others have: 2 (7 of 8 nodes agree)");
    expect(text).not.toMatch(/Now|Worst|Changed/);
    // Of a change after it opened, both are known.
    const later = told({ ...drift, finding: { value: 7, facts: { ...facts, since: AT + MINUTE } } });
    expect(later).toContain("- Since: 2025-11-21 04:40 UTC");
    expect(later).toContain("- Changed at: 2025-11-21 04:41 UTC");
  });
});

test("what a node is set to, what the others have, and what it was", ({ expect }) => {
  const setting = "net.netfilter.nf_conntrack_tcp_timeout_established";
  const facts = { setting, set: "432000", nodes: 12, usual: "86400", before: "86400", since: AT };
  const subject = { kind: "setting", key: "k", node: "web-3", setting } as const;
  const text = told({ rule: "settings-drift", subject, finding: { value: 11, facts } });
  expect(text).toContain(`${setting} on node web-3`);
  expect(text).toContain(
    "- Since: 2025-11-21 04:40 UTC (for 12 min)\n- Set to: 432000\n- The others have: 86400 (11 of 12 nodes agree)\n- Before: 86400\n\n",
  );
});

describe("who is at it", () => {
  test.for([
    [{ acknowledgedBy: "ann", acknowledgedNote: "on it" }, "- Acknowledged: by ann: on it\n"],
    [{ acknowledgedBy: "ann" }, "- Acknowledged: by ann\n"],
    [{ acknowledgedBy: "", acknowledgedNote: "on it" }, "- Acknowledged: on it\n"],
    [{ acknowledgedBy: "" }, "- Acknowledged: yes\n"],
  ] as const)("%o", ([some, words], { expect }) => {
    const text = told(some);
    expect(text).toContain(words);
    expect(text).not.toContain("/acknowledge ");
  });

  test("of several, which one to take is left open", ({ expect }) => {
    const anomalies = [anAnomaly({ id: 1 }), anAnomaly({ id: 2 })];
    const text = told({}, several(anomalies));
    expect(text).toContain("POST /v1/anomalies/ID/acknowledge");
    expect(text).toMatch(/\(anomaly 1\)[^]*\(anomaly 2\)/);
  });
});

test("commands are of the first where there are more nodes, and say so", ({ expect }) => {
  const anomalies = [anAnomaly({ subject: of("a") }), anAnomaly({ subject: of("b") })];
  expect(told({}, several(anomalies))).toContain("\nWhat to do (commands are for the first)\n");
  const same = [anAnomaly(), anAnomaly({ id: 42 })];
  expect(told({}, several(same))).toContain("\nWhat to do\n");
  expect(told({}, { ...several(anomalies), fleet: { affected: 2, nodes: 5 } })).toContain("\nWhat to do\n");
});

test("why it comes now, or again", ({ expect }) => {
  const words = "- Why now: it was kept quiet until now, by a silence or by another alarm, and goes on";
  expect(told({ transition: "unmuted" })).toContain(words);
  expect(told({})).not.toContain("Why now");
  const again = told({ transition: "unmuted" }, { repeat: true });
  expect(again).not.toContain("Why now");
  expect(again).toContain("This was told before, and goes on.");
});

describe("notices in Chinese give reasons in Chinese", () => {
  test.for([
    ["too many messages: answered 429", "消息过多：应答 429"],
    ["the message was refused: answered 400 (no_text)", "消息被拒绝：应答 400 (no_text)"],
    ["the message was refused (93017)", "消息被拒绝 (93017)"],
    ["the connection failed (ECONNREFUSED)", "连接失败 (ECONNREFUSED)"],
    [
      "the connection failed (EPROTO) (no TLS there? use http with CONNTRAIL_ALLOW_PRIVATE_WEBHOOKS=1)",
      "连接失败 (EPROTO)（对方不是 TLS？可用 http，并设置 CONNTRAIL_ALLOW_PRIVATE_WEBHOOKS=1）",
    ],
    ["no answer within 10 s", "10 秒内没有应答"],
    ["the provider answered with code -1", "服务商返回代码 -1"],
    [
      "answered 302: redirects are not followed; give the final URL",
      "应答 302：不跟随重定向，请填写最终的 URL",
    ],
    [
      "the operator of the service must list the host in CONNTRAIL_WEBHOOK_HOSTS",
      "须由本服务的运维者将该主机列入 CONNTRAIL_WEBHOOK_HOSTS",
    ],
    ["what nobody translated", "what nobody translated"],
  ] as const)("%s", ([english, chinese], { expect }) => {
    expect(reasonInChinese(english)).toBe(chinese);
    expect(noticeOf({ name: "ops", disabled: true }, english, "zh").text?.body).toContain(
      `无法投递：${chinese}`,
    );
    expect(noticeOf({ name: "ops", disabled: true }, english, "en").text?.body).toContain(english);
  });
});
