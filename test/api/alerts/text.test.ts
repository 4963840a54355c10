import { describe, test } from "vitest";
import { LANGUAGES } from "../../../api/alerts/alert.ts";
import { EN } from "../../../api/alerts/text/en.ts";
import { plain, plainTitle } from "../../../api/alerts/text/lines.ts";
import { messageOf } from "../../../api/alerts/text/message.ts";
import { counted, endpoint, hundredths, instant, lasting } from "../../../api/alerts/text/units.ts";
import { ZH } from "../../../api/alerts/text/zh.ts";
import { RULES } from "../../../api/detect/index.ts";
import { anAlert, anAnomaly } from "../../support/alerts.ts";
import { AT } from "../../support/looks.ts";

const NOW = AT + 12 * 60_000;
const node = { kind: "node", key: "web-3", node: "web-3" } as const;
const full = anAnomaly({
  rule: "table-pressure",
  subject: node,
  severity: "critical",
  finding: {
    value: 0.923,
    limit: 0.9,
    baseline: 0.41,
    contributors: [
      {
        party: {
          kind: "pod",
          namespace: "shop",
          name: "api-7d9f",
          workloadKind: "Deployment",
          workload: "api",
          address: "10.0.1.7",
        },
        value: 150_000,
      },
      { party: { kind: "address", name: "", address: "10.0.0.7" }, value: 2_000 },
    ],
    facts: { used: 241_964, max: 262_144 },
  },
  peak: 0.923,
});
const nearlyFull = anAlert({ rule: "table-pressure", severity: "critical", anomalies: [full] });
const told = (alert = nearlyFull, language: "en" | "zh" = "en") => plain(messageOf(alert, language, NOW));

test("a message says what, where, how bad against what is usual, since when, who, what to do, and where to look", ({
  expect,
}) => {
  expect(told()).toBe(`[Conntrail] CRITICAL: Connection table nearly full, node web-3, cluster prod

When the table is full, the kernel drops new connections of every Pod on the node.

node web-3
- Now: 92 % (241,964 of 262,144); limit 90 %; usually 41 %
- Since: 2025-11-21 04:40 UTC (for 12 min)
- Who: Pod shop/api-7d9f (Deployment api): 150,000 (62 %); address 10.0.0.7: 2,000 (0.8 %)

What to do
- Find who fills it, and limit or move that workload: npx conntrail top --cluster prod --node web-3 --since 15m
- Room at once: sysctl -w net.netfilter.nf_conntrack_max=524288 doubles the limit for about 84 MB of kernel memory; set nf_conntrack_buckets to a quarter of it

Open in Conntrail: https://conntrail.example.com/v1/anomalies/41`);
});

test("the same in Chinese", ({ expect }) => {
  expect(told(nearlyFull, "zh")).toBe(`[Conntrail] 严重：连接跟踪表即将用满，节点 web-3，集群 prod

表满之后，内核会丢弃该节点上所有 Pod 的新连接。

节点 web-3
- 当前：92% (241,964 / 262,144)；阈值 90%；平时 41%
- 开始于：2025-11-21 04:40 UTC（已持续 12 分钟）
- 主要来源：Pod shop/api-7d9f（Deployment api）：150,000 (62%)；地址 10.0.0.7：2,000 (0.8%)

处理建议
- 找出占用者，对该工作负载限流或迁移：npx conntrail top --cluster prod --node web-3 --since 15m
- 立即扩容：sysctl -w net.netfilter.nf_conntrack_max=524288 可将上限翻倍，约增加 84 MB 内核内存；同时将 nf_conntrack_buckets 设为其四分之一

在 Conntrail 中查看：https://conntrail.example.com/v1/anomalies/41`);
});

describe("news", () => {
  const resolved = {
    ...full,
    state: "resolved",
    resolvedAt: NOW - 60_000,
    peak: 0.97,
    transition: "resolved",
  } as const;

  test("of the end says how long it lasted and how bad it was, and gives no advice", ({ expect }) => {
    const text = told({
      ...nearlyFull,
      kind: "resolved",
      anomalies: [resolved],
      counts: { opened: 0, resolved: 1, open: 0 },
    });
    expect(text).toContain("[Conntrail] Resolved: Connection table nearly full, node web-3, cluster prod");
    expect(text).toContain("Nothing of this is open any more.");
    expect(text).toContain("- Worst: 97 %; limit 90 %");
    expect(text).toContain("- Lasted: 11 min (2025-11-21 04:40 UTC to 2025-11-21 04:51 UTC)");
    expect(text).not.toContain("What to do");
  });

  test("of the end of one says how many are left", ({ expect }) => {
    const text = told({
      ...nearlyFull,
      kind: "resolved",
      anomalies: [resolved],
      counts: { opened: 0, resolved: 1, open: 3 },
    });
    expect(text).toContain("3 are open now.");
    expect(text).not.toContain("Nothing of this");
  });

  test("of what opened and resolved before it was told says both", ({ expect }) => {
    const text = told({
      ...nearlyFull,
      kind: "resolved",
      anomalies: [resolved],
      counts: { opened: 1, resolved: 1, open: 0 },
    });
    expect(text).toContain("[Conntrail] Over already: ");
    expect(text).toContain("opened and resolved before this message could be delivered");
  });

  test("that goes on says so", ({ expect }) => {
    expect(told({ ...nearlyFull, repeat: true })).toContain("[Conntrail] Still critical: ");
  });

  test.for([
    ["worsened", "WORSE (critical)"],
    ["flapping", "Comes and goes (critical)"],
    ["stale", "No news (critical)"],
    ["unmuted", "CRITICAL"],
  ] as const)("that it is %s", ([transition, words], { expect }) => {
    const anomalies = [{ ...full, transition }];
    expect(told({ ...nearlyFull, anomalies })).toContain(`[Conntrail] ${words}: `);
  });

  test("of many nodes is one, and shows five", ({ expect }) => {
    const anomalies = Array.from({ length: 8 }, (_, at) => ({
      ...full,
      subject: { kind: "node" as const, key: `n${at}`, node: `n${at}` },
    }));
    const fleet = { affected: 37, nodes: 180 };
    const text = told({ ...nearlyFull, anomalies, fleet, counts: { opened: 37, resolved: 2, open: 37 } });
    expect(text).toContain("nearly full, 37 of 180 nodes, cluster prod");
    expect(text).toContain("told as one incident");
    expect(text).toContain("2 resolved meanwhile. Shown: 5 of 37");
    expect(text).toContain("node n4");
    expect(text).not.toContain("node n5");
    // Of the fleet, not of the first node.
    expect(text).toContain("npx conntrail top --cluster prod --since 15m");
  });

  test("of several names the first and how many more there are", ({ expect }) => {
    const anomalies = [full, { ...full, subject: { ...node, key: "web-4", node: "web-4" } }];
    const text = told({ ...nearlyFull, anomalies, counts: { opened: 2, resolved: 0, open: 2 } });
    expect(text).toContain("node web-3 and 1 more, cluster prod");
    expect(text).toContain("2 are open now.");
  });

  test("of different causes says each where it is", ({ expect }) => {
    const of = (name: string, cause: string) =>
      anAnomaly({
        rule: "drops",
        subject: { kind: "node", key: name, node: name },
        finding: { value: 12, cause },
        peak: 12,
      });
    const anomalies = [of("a", "table-full"), of("b", "ports-exhausted")];
    const text = told(anAlert({ rule: "drops", anomalies, counts: { opened: 2, resolved: 0, open: 2 } }));
    expect(text).toContain("the table is full");
    // Neither is what all of them mean.
    expect(text.match(/The connection table is full/g)).toHaveLength(1);
    expect(text).toMatch(/node b\n- Now: .*\n- Since: .*\n- Cause: NAT ports towards one peer run out/);
  });
});

describe.for(LANGUAGES)("in %s", (language) => {
  const words = language === "en" ? EN : ZH;

  test("there are words for every rule", ({ expect }) => {
    expect(RULES.map(({ name }) => name).filter((name) => !(name in words.rules))).toEqual([]);
  });

  test("there are the same causes, facts and labels as in the other", ({ expect }) => {
    const causes = ({ rules }: typeof EN) =>
      Object.entries(rules).map(([name, { causes = {} }]) => [name, Object.keys(causes)]);
    expect(causes(words)).toEqual(causes(EN));
    expect(Object.keys(words.facts)).toEqual(Object.keys(EN.facts));
  });

  test("a rule, a cause and a fact that nobody wrote words for are told all the same", ({ expect }) => {
    const finding = { value: 3.25, cause: "toString", facts: { strangeFact: 7, constructor: "x" } };
    const text = told(
      anAlert({ rule: "constructor", anomalies: [anAnomaly({ rule: "constructor", finding })] }),
      language,
    );
    expect(text).toContain("3.3");
    expect(text).toContain("strange fact");
    expect(text).toContain("npx conntrail top");
  });

  test("numbers that are none do no harm", ({ expect }) => {
    const finding = { value: Number.NaN, limit: Infinity, baseline: -1, facts: { used: Number.NaN, max: 0 } };
    const anomaly = anAnomaly({ finding, openedAt: Number.NaN, peak: Infinity });
    expect(told(anAlert({ anomalies: [anomaly] }), language)).not.toMatch(/NaN|Infinity|undefined|Invalid/);
  });
});

test.for(["x; reboot", "--help", "$(id)", "a b", "`id`", "x\ny", "'", "x|y"])(
  "no command to paste holds the name %j",
  (name, { expect }) => {
    const anomaly = { ...full, subject: { ...node, node: name } };
    const { advice } = messageOf({ ...nearlyFull, cluster: name, anomalies: [anomaly] }, "en", NOW);
    const commands = advice.flat().filter((part) => typeof part === "object" && "code" in part);
    expect(commands[0]).toEqual({ code: "npx conntrail top --cluster CLUSTER --node NODE --since 15m" });
    expect(JSON.stringify(commands)).not.toContain(JSON.stringify(name).slice(1, -1));
  },
);

test("a title is cut with an ellipsis", ({ expect }) => {
  const title = plainTitle(messageOf(nearlyFull, "en", NOW), 40);
  expect(title).toHaveLength(40);
  expect(title).toMatch(/^\[Conntrail\] CRITICAL.*…$/);
});

test("plain text is bounded and keeps the link", ({ expect }) => {
  const short = plain(messageOf(nearlyFull, "en", NOW), 300);
  expect(short.length).toBeLessThanOrEqual(300);
  expect(short).toMatch(/^\[Conntrail\].*https:\/\/conntrail\.example\.com\/v1\/anomalies\/41$/s);
});

describe("units", () => {
  const time = { d: "d", h: "h", min: "min", s: "s" };
  test.for([
    [0, "0 s"],
    [45_000, "45 s"],
    [59_499, "59 s"],
    [60_000, "1 min"],
    [3_599_000, "1 h"],
    [12_000_000, "3 h 20 min"],
    [86_400_000, "1 d"],
    [187_200_000, "2 d 4 h"],
    [-5, "0 s"],
  ] as const)("%i ms last %s", ([ms, text], { expect }) => {
    expect(lasting(ms, time)).toBe(text);
  });

  test.for([
    [0, "0"],
    [0.004, "0.4"],
    [0.5, "50"],
    [0.994, "99.4"],
    [0.9999, "99.9"],
    [1, "100"],
    [1.2, "120"],
  ] as const)("a ratio of %d is %s in a hundred", ([ratio, text], { expect }) => {
    expect(hundredths(ratio)).toBe(text);
  });

  test("numbers have their thousands apart", ({ expect }) => {
    expect([0, 7.54, 9.96, 12.4, 999, 1_000, 1_234_567].map(counted)).toEqual([
      "0",
      "7.5",
      "10",
      "12",
      "999",
      "1,000",
      "1,234,567",
    ]);
  });

  test("what is no time is not shown as one", ({ expect }) => {
    expect([instant(AT), instant(Number.NaN), instant(1e20)]).toEqual(["2025-11-21 04:40 UTC", "?", "?"]);
  });

  test("addresses of IPv6 stand in brackets before a port", ({ expect }) => {
    expect([endpoint("10.0.0.9", 3306), endpoint("fd00::9", 443), endpoint("fd00::9", undefined)]).toEqual([
      "10.0.0.9:3306",
      "[fd00::9]:443",
      "fd00::9",
    ]);
  });
});
