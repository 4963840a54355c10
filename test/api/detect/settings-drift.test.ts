import { describe, expect, test } from "vitest";
import type { Judged, SettingsView, Subject } from "../../../api/detect/rule.ts";
import { isCompared } from "../../../api/detect/settings-compared.ts";
import { viewJudged } from "../../support/verdicts.ts";
import { aClusterView, AT } from "../../support/looks.ts";

const name = (short: string) => `net.netfilter.nf_conntrack_${short}`;
const TIMEOUT = name("tcp_timeout_established");

type Some = Partial<Omit<SettingsView, "sysctls">> & { sysctls: Readonly<Record<string, string>> };
/** Nodes of one cluster, node-0 first. */
const judged = (nodes: readonly Some[], known: readonly Subject[] = [], settings = {}): Judged[] =>
  viewJudged(
    "settings-drift",
    aClusterView([], {
      settings: nodes.map((one, i) => ({ node: `node-${i}`, nodeId: i + 1, since: AT, ...one })),
    }),
    known,
    { settings },
  );
const odd = (nodes: readonly Some[], known: readonly Subject[] = []) =>
  judged(nodes, known).map(({ subject, finding }) => `${subject.node} ${finding.verdict}`);

const set = (short: string, value: string, count = 1): Some[] =>
  Array.from({ length: count }, () => ({ sysctls: { [name(short)]: value } }));

test("a node set otherwise than four fifths of at least five", () => {
  const nodes = (same: number, others: number) => [
    ...set("tcp_timeout_established", "432000", others),
    ...set("tcp_timeout_established", "86400", same),
  ];
  expect(odd(nodes(4, 1))).toEqual(["node-0 bad"]);
  expect(odd(nodes(3, 1))).toEqual([]);
  expect(odd(nodes(8, 2))).toEqual(["node-0 bad", "node-1 bad"]);
  expect(odd(nodes(7, 2))).toEqual([]);
  expect(odd(nodes(10, 0))).toEqual([]);
});

test("says what it has, what the others have, and what it had before", () => {
  const before = { [TIMEOUT]: "86400" };
  const [one] = judged([
    { sysctls: { [TIMEOUT]: "432000" }, before, since: AT - 1 },
    ...set("tcp_timeout_established", "86400", 9),
  ]);
  expect(one).toEqual({
    subject: { kind: "setting", key: `node-0/${TIMEOUT}`, node: "node-0", setting: TIMEOUT },
    finding: {
      verdict: "bad",
      severity: "warning",
      value: 9,
      facts: { setting: TIMEOUT, set: "432000", usual: "86400", nodes: 10, before: "86400", since: AT - 1 },
    },
  });
});

test("says nothing of before where something else was changed", () => {
  const [one] = judged([
    { sysctls: { [TIMEOUT]: "432000" }, before: { [TIMEOUT]: "432000" } },
    ...set("tcp_timeout_established", "86400", 9),
  ]);
  expect(one?.finding).toMatchObject({ verdict: "bad" });
  expect(one?.finding).not.toHaveProperty("facts.before");
});

test("is over when it is set like the others, and undecided while they do not agree", () => {
  const known: Subject[] = [{ kind: "setting", key: `node-0/${TIMEOUT}` }];
  const five = set("tcp_timeout_established", "86400", 5);
  expect(odd(five, known)).toEqual(["node-0 clear"]);
  expect(odd([...five, ...set("tcp_timeout_established", "3600", 5)], known)).toEqual(["node-0 between"]);
  expect(odd(five.slice(0, 4), known)).toEqual(["node-0 between"]);
  // A node that is no more, or has no such setting any more, is not named: then it is clear.
  expect(odd([{ sysctls: {} }, ...five], known)).toEqual([]);
});

test("nodes whose kernel has no such setting are not set otherwise", () => {
  expect(odd([{ sysctls: {} }, ...set("tcp_loose", "1", 9)])).toEqual([]);
});

describe("the limit of entries", () => {
  const sized = (cores: number | undefined, max: number, count = 1): Some[] =>
    Array.from({ length: count }, () => ({ cores, sysctls: { [name("max")]: `${max}` } }));

  test.each<[string, Some[], string[]]>([
    ["a large node with as much a core", [...sized(16, 524_288), ...sized(8, 262_144, 9)], []],
    ["one with as much in all", [...sized(16, 262_144), ...sized(8, 262_144, 9)], []],
    ["one with neither", [...sized(16, 300_000), ...sized(8, 262_144, 9)], ["node-0 bad"]],
    ["a small one with the least that kube-proxy sets", [...sized(2, 131_072), ...sized(8, 262_144, 9)], []],
    ["one whose cores nobody knows", [...sized(undefined, 300_000), ...sized(8, 262_144, 9)], ["node-0 bad"]],
    [
      "nodes of all sizes, one of them with less",
      [...sized(8, 1_000), ...[4, 8, 16, 32, 64].flatMap((n) => sized(n, n * 50_000))],
      ["node-0 bad"],
    ],
    ["of which no two agree", [1, 2, 3, 4, 5, 6].flatMap((n) => sized(8, n * 1_000)), []],
  ])("%s", (_, nodes, expected) => {
    expect(odd(nodes)).toEqual(expected);
  });
});

describe("buckets, of which a kernel makes as many as its memory allows", () => {
  const hashed = (buckets: number, max = 262_144, count = 1): Some[] =>
    Array.from({ length: count }, () => ({
      sysctls: { [name("max")]: `${max}`, [name("buckets")]: `${buckets}` },
    }));

  test("are set otherwise only where they are far too few for the limit", () => {
    const others = [65_536, 131_072, 262_144, 65_536].flatMap((buckets) => hashed(buckets));
    expect(odd([...hashed(32_768), ...others])).toEqual([]);
    expect(odd([...hashed(32_767), ...others])).toEqual(["node-0 bad"]);
    expect(odd([...hashed(1_024), ...hashed(1_024), ...others])).toEqual([]);
  });

  test("count for nothing where the limit is not known", () => {
    const alone: Some[] = [{ sysctls: { [name("buckets")]: "1" } }];
    expect(odd([...alone, ...hashed(65_536, 262_144, 9)])).toEqual([]);
  });
});

test.each([
  ["net.netfilter.nf_conntrack_udp_timeout_stream", true],
  ["net.netfilter.nf_conntrack_generic_timeout", true],
  ["net.netfilter.nf_flowtable_tcp_timeout", true],
  ["net.netfilter.nf_conntrack_tcp_be_liberal", true],
  ["net.netfilter.nf_conntrack_acct", true],
  ["net.netfilter.nf_conntrack_frag6_timeout", false],
  ["net.netfilter.nf_conntrack_expect_max", false],
  ["net.netfilter.nf_conntrack_count", false],
  ["nf_conntrack.hashsize", false],
  ["net.core.rmem_max", false],
  ["net.ipv4.tcp_keepalive_time", false],
])("whether %s is meant to be the same everywhere: %s", (setting, expected) => {
  expect(isCompared(setting)).toBe(expected);
});
