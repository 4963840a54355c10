import { describe, test } from "vitest";
import { type AlertedAnomaly, LANGUAGES } from "../../../api/alerts/alert.ts";
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

node web-3 (anomaly 41)
- Now: 92 % (241,964 of 262,144); alarm from 90 %; usually 41 %
- Since: 2025-11-21 04:40 UTC (for 12 min)
- Who: Pod shop/api-7d9f (Deployment api): 150,000 (62 %); address 10.0.0.7: 2,000 (0.8 %)

What to do
- Find who fills it, and limit or move that workload: npx conntrail top --cluster prod --node web-3 --since 15m
- Room at once: sysctl -w net.netfilter.nf_conntrack_max=524288 doubles the limit for about 84 MB of kernel memory; set nf_conntrack_buckets to a quarter of it
- Somebody is at it? POST /v1/anomalies/41/acknowledge ends the reminders. To keep it quiet for a time: POST /v1/silences

Details (API): https://conntrail.example.com/v1/anomalies/41`);
});

test("the same in Chinese", ({ expect }) => {
  expect(told(nearlyFull, "zh")).toBe(`[Conntrail] 严重：连接跟踪表即将用满，节点 web-3，集群 prod

表满之后，内核会丢弃该节点上所有 Pod 的新连接。

节点 web-3（异常 41）
- 当前：92% (241,964 / 262,144)；阈值 90%；平时 41%
- 开始于：2025-11-21 04:40 UTC（已持续 12 分钟）
- 主要来源：Pod shop/api-7d9f（Deployment api）：150,000 (62%)；地址 10.0.0.7：2,000 (0.8%)

处理建议
- 找出占用者，对该工作负载限流或迁移：npx conntrail top --cluster prod --node web-3 --since 15m
- 立即扩容：sysctl -w net.netfilter.nf_conntrack_max=524288 可将上限翻倍，约增加 84 MB 内核内存；同时将 nf_conntrack_buckets 设为其四分之一
- 有人处理时用 POST /v1/anomalies/41/acknowledge 确认，不再重复提醒；如需暂时静默：POST /v1/silences

详情（API）：https://conntrail.example.com/v1/anomalies/41`);
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
    expect(text).toContain("- Worst: 97 %; alarm from 90 %");
    expect(text).toContain("- Lasted: 11 min (2025-11-21 04:40 UTC to 2025-11-21 04:51 UTC)");
    expect(text).not.toContain("What to do");
  });

  test("of the end of some says how many go on", ({ expect }) => {
    const counts = { opened: 0, resolved: 2, open: 3 };
    const text = told({ ...nearlyFull, anomalies: [resolved], counts });
    expect(text).toContain(
      "[Conntrail] Partly resolved: Connection table nearly full, node web-3 and 1 more, ",
    );
    expect(text).toContain("3 are open now.");
    expect(text).not.toContain("Nothing of this");
    const fleet = told({ ...nearlyFull, anomalies: [resolved], counts, fleet: { affected: 12, nodes: 180 } });
    expect(fleet).toContain("[Conntrail] Partly resolved: Connection table nearly full, 12 of 180 nodes, ");
    expect(fleet).toContain("12 of 180 nodes are affected");
  });

  test("of the end of what was told, and of what was not, is of an end", ({ expect }) => {
    const counts = { opened: 1, resolved: 2, open: 0 };
    const text = told({ ...nearlyFull, kind: "resolved", anomalies: [resolved, resolved], counts });
    expect(text).toContain("[Conntrail] Resolved: ");
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
    expect(text).toMatch(
      /node b \(anomaly 41\)\n- Now: .*\n- Since: .*\n- Cause: NAT ports towards one peer run out/,
    );
  });
});

describe("what is known beside", () => {
  const of = (rule: string, finding: AlertedAnomaly["finding"], subject: AlertedAnomaly["subject"] = node) =>
    told(anAlert({ rule, anomalies: [anAnomaly({ rule, subject, finding, peak: undefined })] }));

  test("a destination that is down: which, whose it is, and how much of it", ({ expect }) => {
    const holder = { peerKind: "pod", peerNamespace: "db", peerName: "mysql-0" };
    const peer = { peer: "10.0.0.9", peerPort: 3306, protocol: 6, peerShare: 0.83, ...holder };
    const facts = { share: 0.31, perSecond: 40, sourceShare: 0.4, ...peer };
    const text = of("half-open", {
      value: 4_800,
      limit: 1_000,
      baseline: 200,
      cause: "destination-down",
      facts,
    });
    expect(text).toContain("Warning: A destination does not answer, node web-3, cluster prod");
    expect(text).toContain("- Now: 4,800 entries; alarm from 1,000 entries; usually 200 entries");
    expect(text).toContain("- Towards: 10.0.0.9:3306 (TCP), Pod db/mysql-0, 83 %");
    expect(text).toContain("- Share of all entries: 31 %");
    expect(text).not.toMatch(/peer/i);
  });

  test("what was dropped, and what was not", ({ expect }) => {
    const facts = {
      seconds: 300,
      lost: 90,
      minutes: 4,
      drop: 90,
      insertFailed: 0,
      earlyDrop: 0,
      fill: 0.99,
      share: 0.02,
    };
    const party = { kind: "pod", name: "a", namespace: "n", address: "10.0.0.1" };
    const contributors = [{ party, value: 5_000 }];
    const text = of("drops", { value: 0.3, limit: 1, cause: "table-full", contributors, facts });
    expect(text).toContain("- Now: 0.3 packets/s; alarm from 1 packets/s");
    // Entries, not packets: of what is not told.
    expect(text).toContain("- Who: Pod n/a: 5,000\n");
    expect(text).toContain("- Lost of new connections: 2 %\n- Table full: 99 %\n- Dropped in 5 min: 90\n");
    expect(text).not.toMatch(/insert|early|minutes|seconds|lost$/im);
  });

  test("nodes of a fleet, and reasons of the kernel log", ({ expect }) => {
    const cluster = { kind: "cluster", key: "halfOpen" } as const;
    const facts = { series: "halfOpen", nodes: 40, judged: 39, node1: "a", node2: "b" };
    const shift = of("fleet-shift", { value: 9, limit: 5, cause: "halfOpen", facts }, cluster);
    expect(shift).toContain(
      "[Conntrail] Warning: More unanswered connections on many nodes at once, cluster prod\n",
    );
    expect(shift).toContain("\ncluster prod (anomaly 41)\n- Now: 9 nodes; alarm from 5 nodes\n");
    expect(shift).toContain("- Nodes: a; b\n");
    const log = { reason1: "invalid window", lines1: 7, reason2: "bad checksum" };
    expect(of("invalid", { value: 30, facts: log })).toContain(
      "- Kernel log: invalid window (7); bad checksum\n",
    );
  });

  test("a flood of openings counts them, and says where to", ({ expect }) => {
    const { party } = anAnomaly().subject;
    const subject = { kind: "party", key: "k", node: "web-3", party } as const;
    const contributors = [{ party: party!, value: 9_000, peer: "fd00::9", peerPort: 53, protocol: 17 }];
    const text = of(
      "pod-flood",
      { value: 12_000, limit: 1_500, cause: "openings", contributors, facts: {} },
      subject,
    );
    expect(text).toContain(
      "One source floods the node with new connections, Pod shop/checkout-7c9d-x2lqp on node web-3",
    );
    expect(text).toContain(
      "- Now: 12,000 new connections a window; alarm from 1,500 new connections a window\n",
    );
    expect(text).toContain("- Towards: [fd00::9]:53: 9,000 new connections a window (75 %)\n");
  });

  test("ports: which address, towards whom", ({ expect }) => {
    const subject = {
      kind: "ports",
      key: "k",
      node: "web-3",
      natAddress: "192.168.50.10",
      peer: "10.0.0.9",
      peerPort: 3306,
      protocol: 6,
    } as const;
    const text = of(
      "ports",
      { value: 0.9, facts: { used: 58_060, available: 64_512, leftMs: 600_000 } },
      subject,
    );
    expect(text).toContain("192.168.50.10 towards 10.0.0.9:3306 (TCP) on node web-3");
    expect(text).toContain("- Now: 90 % (58,060 of 64,512)\n");
    expect(text).toContain("- Full in: 10 min\n");
    expect(text).toContain("npx conntrail ports --cluster prod --node web-3 --peer 10.0.0.9\n");
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
