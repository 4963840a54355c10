import { describe, expect, test } from "vitest";
import type { Report } from "../../api/wire.ts";
import { Report as Wire } from "../../api/wire.ts";
import { Fleet } from "./fleet.ts";
import type { ClusterSpec, TroubleKind, TroubleSpec } from "./spec.ts";

const FROM = Date.UTC(2026, 10, 18, 12);
const MINUTE = 60_000;
const CLUSTER: ClusterSpec = { name: "shop", nodes: 3, pods: 12, tableMax: 4_096 };
const [BEGINS, ENDS] = [FROM + 5 * MINUTE, FROM + 25 * MINUTE];

/** The reports of the node in trouble and of its neighbour, with what was really wrong. */
function inTrouble(kind: TroubleKind, more: Partial<TroubleSpec> = {}) {
  const spec: TroubleSpec = { kind, cluster: "shop", node: 1, from: BEGINS, to: ENDS, ...more };
  const fleet = new Fleet({ seed: 5, from: FROM, clusters: [CLUSTER], trouble: [spec] });
  const asked = { from: FROM, to: FROM + 30 * MINUTE, intervalMs: MINUTE };
  const all = [...fleet.reports(asked)].map(({ report }) => report);
  for (const report of all) expect(Wire.safeParse(report).error?.issues ?? []).toEqual([]);
  const of = (name: string) => all.filter(({ node }) => node.name === name);
  return { truth: fleet.truth[0]!, reports: of("shop-node-02"), others: of("shop-node-03"), fleet };
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const during = (reports: Report[]) =>
  reports.filter(({ window }) => window.from >= BEGINS && window.to <= ENDS);
const before = (reports: Report[]) => reports.filter(({ window }) => window.to <= BEGINS);
const statistic = (reports: Report[], name: "insertFailed" | "drop" | "clashResolve") =>
  sum(reports.map(({ counters }) => counters?.statistics[name] ?? 0));

/** Of one group of flows, by its peer: the source and what it has of a column. */
function towards(report: Report, peer: string, column: "entries" | "opened" | "unreplied") {
  const { addresses, groups } = report.flows!;
  return groups.peer.flatMap((at, row) =>
    addresses[at] === peer
      ? [{ source: addresses[groups.source[row]!]!, value: groups[column]?.[row] ?? 0 }]
      : [],
  );
}

function expectCulprit({ truth, fleet }: ReturnType<typeof inTrouble>, source: string, at: number) {
  const owner = fleet.whoHeld("shop", 1, source, at)?.owner;
  expect(truth.pods.map(({ name }) => name)).toContain(owner?.name);
}

describe("trouble shows in the numbers it should", () => {
  test("a Pod that floods through SNAT opens most flows of its node", () => {
    const found = inTrouble("snat-flood", { rate: 50 });
    for (const report of during(found.reports)) {
      const [flood, ...rest] = towards(report, found.truth.peer!, "opened");
      expect(rest).toEqual([]);
      expect(flood!.value).toBe(50 * 60);
      expectCulprit(found, flood!.source, report.window.from);
    }
    expect(before(found.reports).flatMap((report) => towards(report, found.truth.peer!, "opened"))).toEqual(
      [],
    );
    expect(found.others.flatMap((report) => towards(report, found.truth.peer!, "opened"))).toEqual([]);
  });

  test("a leak fills the table, and then packets are dropped and the log says why", () => {
    const { reports, others } = inTrouble("table-leak");
    const fill = reports.map(({ table }) => table.count! / table.max!);
    expect(Math.max(...before(reports).map(({ table }) => table.count! / table.max!))).toBeLessThan(0.2);
    expect(Math.max(...fill)).toBeGreaterThan(0.99);
    expect(Math.max(...fill)).toBeLessThanOrEqual(1);
    expect(statistic(before(reports), "drop")).toBe(0);
    expect(statistic(during(reports), "drop")).toBeGreaterThan(0);
    expect(sum(during(reports).map(({ counters }) => counters!.log!.tableFull))).toBeGreaterThan(0);
    expect(fill.at(-1)).toBeLessThan(0.2);
    expect(statistic(others, "drop")).toBe(0);
  });

  test("towards a peer whose ports run out no more flows begin, and inserts fail", () => {
    const found = inTrouble("ports-exhausted", { ports: 1_000 });
    // At the end of the last window it is over.
    const last = during(found.reports).at(-2)!;
    const [held] = towards(last, found.truth.peer!, "entries");
    expect(held!.value).toBe(1_000);
    expectCulprit(found, held!.source, last.window.from);
    expect(last.ports!.used[0]).toBe(1_000);
    expect(statistic(before(found.reports), "insertFailed")).toBe(0);
    expect(statistic([last], "insertFailed")).toBe(300);
    expect(statistic([last], "drop")).toBe(300);
  });

  test("half-open flows are unreplied, and in SYN_SENT", () => {
    const found = inTrouble("half-open", { rate: 20 });
    const last = during(found.reports).at(-1)!;
    const [dead] = towards(last, found.truth.peer!, "unreplied");
    expect(dead!.value).toBeGreaterThan(2_000);
    expect(last.dump!.byTcpState.SYN_SENT).toBeGreaterThanOrEqual(dead!.value);
    expectCulprit(found, dead!.source, last.window.from);
  });

  test("a silent node says nothing, and comes back with another boot", () => {
    const { reports, others, truth } = inTrouble("silent-node");
    expect(during(reports)).toEqual([]);
    expect(during(others)).toHaveLength(20);
    const [first, back] = [reports[0]!, reports.find(({ window }) => window.from >= ENDS)!];
    expect(back.node.bootId).not.toBe(first.node.bootId);
    expect(back.sequence).toBe(1);
    expect(back.owners?.complete).toBe(true);
    expect(truth.pods).toEqual([]);
  });

  test("a setting that drifts is told at once, and when it is put back", () => {
    const sysctl = ["net.netfilter.nf_conntrack_tcp_timeout_established", "600"] as const;
    const { reports, others } = inTrouble("sysctl-drift", { sysctl });
    const value = (report: Report) => report.host?.sysctls[sysctl[0]];
    expect(value(during(reports)[0]!)).toBe("600");
    expect(value(reports.find(({ window }) => window.from === ENDS)!)).toBe("432000");
    expect(others.map(value)).not.toContain("600");
  });

  test("races of DNS fail inserts and resolve clashes", () => {
    const { reports } = inTrouble("dns-race", { rate: 10 });
    expect(statistic(before(reports), "clashResolve")).toBe(0);
    expect(statistic(during(reports), "clashResolve")).toBe(20 * 120);
    expect(statistic(during(reports), "insertFailed")).toBe(20 * 24);
  });
});
