import { describe, expect, it } from "vitest";
import { ChannelFilter, accepts, MAX_NAMES } from "../../../api/alerts/filter.ts";
import { inhibits, mutedBy } from "../../../api/alerts/inhibition.ts";
import type { Known } from "../../../api/alerts/inhibition.ts";
import { fits, MAX_PATTERN, Pattern } from "../../../api/alerts/pattern.ts";
import { isActive, Matcher, matches } from "../../../api/alerts/silence.ts";
import type { Candidate } from "../../../api/alerts/silence.ts";

describe("a pattern", () => {
  it.each([
    ["node-1", "node-1", true],
    ["node-1", "node-10", false],
    ["node-1", "Node-1", false],
    ["node-*", "node-", true],
    ["node-*", "node-10", true],
    ["node-*", "a-node-1", false],
    ["*-prod", "eu-prod", true],
    ["*-prod", "eu-prod-1", false],
    ["*prod*", "eu-prod-1", true],
    ["*prod*", "prod", true],
    ["*prod*", "prd", false],
    ["*", "", true],
    ["**", "anything", true],
    ["a.c", "abc", false],
    ["*ab", "b", false],
    ["ab*", "a", false],
  ])("%s of %s: %s", (pattern, name, expected) => {
    expect(fits(pattern, name)).toBe(expected);
  });

  it("has stars at its ends only, something in it, and an end", () => {
    for (const good of ["a", "*", "**", "*a*", "a".repeat(MAX_PATTERN)])
      expect(Pattern.safeParse(good).success).toBe(true);
    for (const bad of ["", "a*b", "*a*b*", "***", "a".repeat(MAX_PATTERN + 1), 5])
      expect(Pattern.safeParse(bad).success).toBe(false);
  });
});

describe("a channel's filter", () => {
  const news = { cluster: "eu-prod", rule: "drops", severity: "warning" } as const;

  it("takes all unless it says otherwise", () => {
    expect(accepts({}, news)).toBe(true);
    expect(accepts({ clusters: ["us", "eu-*"] }, news)).toBe(true);
    expect(accepts({ clusters: ["us"] }, news)).toBe(false);
    expect(accepts({ rules: ["drops"] }, news)).toBe(true);
    expect(accepts({ rules: ["ports"] }, news)).toBe(false);
    expect(accepts({ clusters: ["eu-prod"], rules: ["ports"] }, news)).toBe(false);
    expect(accepts({ minSeverity: "warning" }, news)).toBe(true);
    expect(accepts({ minSeverity: "critical" }, news)).toBe(false);
    expect(accepts({ minSeverity: "critical" }, { ...news, severity: "critical" })).toBe(true);
  });

  it("is checked", () => {
    const many = (count: number) => ({ rules: Array.from({ length: count }, (_, i) => `r${i}`) });
    for (const good of [{}, { clusters: ["*"] }, { minSeverity: "critical" }, many(MAX_NAMES)])
      expect(ChannelFilter.safeParse(good).success).toBe(true);
    for (const bad of [
      { clusters: [] },
      { rules: ["a*b"] },
      { minSeverity: "page" },
      { severity: "x" },
      many(MAX_NAMES + 1),
    ])
      expect(ChannelFilter.safeParse(bad).success).toBe(false);
  });
});

describe("a silence", () => {
  const pod: Candidate = {
    cluster: "eu",
    rule: "pod-flood",
    severity: "critical",
    subject: {
      kind: "party",
      key: "shop/crawler-7 node-1",
      node: "node-1",
      party: { kind: "pod", name: "crawler-7", namespace: "shop", workload: "crawler", address: "10.0.0.7" },
    },
  };

  it.each<[Matcher, boolean]>([
    [{ cluster: "eu" }, true],
    [{ cluster: "us" }, false],
    [{ rule: "pod-*" }, true],
    [{ rule: "drops" }, false],
    [{ severity: "critical" }, true],
    [{ severity: "warning" }, false],
    [{ node: "node-1" }, true],
    [{ node: "node-2" }, false],
    [{ namespace: "shop" }, true],
    [{ namespace: "web" }, false],
    [{ workload: "crawler" }, true],
    [{ workload: "cart" }, false],
    [{ pod: "crawler-*" }, true],
    [{ pod: "cart-*" }, false],
    [{ subject: "shop/*" }, true],
    [{ subject: "shop" }, false],
    [{ namespace: "shop", node: "node-1", rule: "pod-flood" }, true],
    [{ namespace: "shop", node: "node-2" }, false],
  ])("%j: %s", (matcher, expected) => {
    expect(matches(matcher, pod)).toBe(expected);
  });

  it("does not keep quiet what has no such name, not even by *", () => {
    const cluster: Candidate = { ...pod, subject: { kind: "cluster", key: "k" } };
    const host: Candidate = {
      ...pod,
      subject: { ...pod.subject, party: { kind: "host", name: "crawler-7", address: "10.0.0.1" } },
    };
    for (const field of ["node", "namespace", "workload", "pod"] as const)
      expect(matches({ [field]: "*" }, cluster)).toBe(false);
    expect(matches({ pod: "*" }, host)).toBe(false);
    expect(matches({ cluster: "*" }, cluster)).toBe(true);
  });

  it("must name something", () => {
    expect(Matcher.safeParse({ rule: "drops" }).success).toBe(true);
    expect(Matcher.safeParse({ severity: "warning" }).success).toBe(true);
    for (const bad of [
      {},
      { rule: undefined },
      { rule: "" },
      { rule: "a*b" },
      { severity: "*" },
      { rul: "drops" },
    ])
      expect(Matcher.safeParse(bad).success).toBe(false);
  });

  it("lasts from its start up to its end", () => {
    const silence = { matcher: { rule: "*" }, startsAt: 100, endsAt: 200 };
    expect([99, 100, 199, 200].map((at) => isActive(silence, at))).toEqual([false, true, true, false]);
  });
});

const on = (rule: string, node = "a", some: Partial<Known> = {}): Known => ({
  rule,
  subject: { kind: "node", key: node, node },
  severity: "critical",
  ...some,
});
const whole: Known = {
  rule: "silent-node",
  subject: { kind: "cluster", key: "silent" },
  severity: "critical",
};

describe("inhibition", () => {
  const pressure = on("table-pressure");
  const dropping = on("drops", "a", { cause: "table-full" });
  it.each<[string, Known, Known, boolean]>([
    ["a critical table, time to full", pressure, on("time-to-full"), true],
    [
      "a table that may be critical",
      on("table-pressure", "a", { severity: "warning" }),
      on("time-to-full"),
      false,
    ],
    ["a critical table of another node", pressure, on("time-to-full", "b"), false],
    ["a critical table, that it drops", pressure, dropping, true],
    ["a table that may be critical, that it drops", { ...pressure, severity: "warning" }, dropping, false],
    [
      "a critical table, drops of another cause",
      pressure,
      on("drops", "a", { cause: "ports-exhausted" }),
      false,
    ],
    ["drops of a full table, time to full", dropping, on("time-to-full"), true],
    ["drops of another cause, time to full", on("drops", "a", { cause: "clash" }), on("time-to-full"), false],
    ["drops of a full table, the pressure", dropping, pressure, false],
    ["drops, drops", dropping, dropping, false],
    ["a silent node, all else on it", on("silent-node"), on("pod-flood"), true],
    ["a silent node, itself", on("silent-node"), on("silent-node"), false],
    ["a silent node, another", on("silent-node"), on("pod-flood", "b"), false],
    ["a silent node, what is of no node", on("silent-node"), { ...whole, rule: "fleet-shift" }, false],
    ["a silent cluster, silent nodes", whole, on("silent-node"), true],
    ["a silent cluster, itself", whole, whole, false],
    ["a silent cluster, what nodes that speak say", whole, on("drops"), false],
    ["a silent cluster, what is of no node either", whole, { ...whole, rule: "fleet-shift" }, false],
    ["a silent node, the silent cluster", on("silent-node"), whole, false],
    ["a fleet shift, anything", { ...whole, rule: "fleet-shift" }, on("pod-flood"), false],
  ])("%s", (_, cause, other, expected) => {
    expect(inhibits(cause, other)).toBe(expected);
  });

  it("works through what is itself inhibited, not through what is silenced", () => {
    expect(inhibits(on("silent-node", "a", { muted: "inhibited" }), on("drops"))).toBe(true);
    expect(inhibits(on("silent-node", "a", { muted: "silence" }), on("drops"))).toBe(false);
  });
});

describe("who is told of nothing", () => {
  const silences = [{ matcher: { rule: "drops", cluster: "eu" }, startsAt: 100, endsAt: 200 }];
  const at = (time: number, open: readonly Known[], name = "eu") =>
    mutedBy(on("drops"), { name, open, silences }, time);

  it("is by silence first, then by what is open", () => {
    expect(at(150, [])).toBe("silence");
    expect(at(150, [on("silent-node")])).toBe("silence");
    expect(at(150, [], "us")).toBeUndefined();
    expect(at(99, [])).toBeUndefined();
    expect(at(200, [])).toBeUndefined();
    expect(at(200, [on("silent-node")])).toBe("inhibited");
    expect(at(200, [on("drops"), on("silent-node", "b")])).toBeUndefined();
  });
});
