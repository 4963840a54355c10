import { describe, expect, test } from "vitest";
import { Report } from "../../api/wire.ts";
import { Fleet, type Simulated } from "./fleet.ts";
import type { ClusterSpec, TroubleSpec } from "./spec.ts";

/** A Wednesday's noon. */
const FROM = Date.UTC(2026, 10, 18, 12);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const SMALL: ClusterSpec = { name: "shop", nodes: 3, pods: 12 };

const sum = (values: readonly number[] = []) => values.reduce((total, value) => total + value, 0);

interface Options {
  seed?: number;
  clusters?: readonly ClusterSpec[];
  trouble?: readonly TroubleSpec[];
  minutes?: number;
  intervalMs?: number;
  node?: number;
}

function simulate({
  seed = 7,
  clusters = [SMALL],
  trouble = [],
  minutes = 10,
  ...asked
}: Options): Simulated[] {
  const fleet = new Fleet({ seed, from: FROM, clusters, trouble });
  return [...fleet.reports({ from: FROM, to: FROM + minutes * MINUTE, intervalMs: 30_000, ...asked })];
}

const openedOf = ({ report: { flows } }: Simulated) =>
  sum(flows?.talkers.opened) + (flows?.talkerRemainder.opened ?? 0);

describe("a fleet", () => {
  test("is the same for the same seed, and another for another", () => {
    const text = (seed: number) => JSON.stringify(simulate({ seed }));
    expect(text(7)).toBe(text(7));
    expect(text(7)).not.toBe(text(8));
  });

  test("has the same node whether one asks for it alone or for all", () => {
    const all = simulate({}).filter(({ report }) => report.node.name === "shop-node-02");
    expect(simulate({ node: 1 })).toEqual(all);
  });

  test("reports every node in every window", () => {
    const reports = simulate({});
    expect(reports).toHaveLength(3 * 20);
    const second = reports.filter(({ report }) => report.node.name === "shop-node-02");
    expect(second.map(({ report }) => report.sequence)).toEqual(
      Array.from({ length: 20 }, (_, at) => at + 1),
    );
    expect(second[1]?.report.window).toEqual({ from: FROM + 30_000, to: FROM + 60_000 });
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])(
    "says what the wire takes, and all of what is so (seed %i)",
    (seed) => {
      const clusters: ClusterSpec[] = [
        { ...SMALL, accounting: seed % 2 === 0, ipv6Share: 0.3, natAddresses: 2, kubeProxy: "nftables" },
        { ...SMALL, name: "media", events: "lossy", tempo: 2 },
        { ...SMALL, name: "batch", events: "off", nodes: 1 },
      ];
      for (const simulated of simulate({ seed, clusters, minutes: 12 })) {
        const { report, model, cluster } = simulated;
        expect(Report.safeParse(report).error?.issues ?? []).toEqual([]);
        expect(report.dump?.entries).toBe(model.entries);
        if (cluster !== "shop") continue;
        expect(openedOf(simulated)).toBe(model.opened);
        expect(sum(report.flows?.groups.closed) + (report.flows?.groupRemainder.closed ?? 0)).toBe(
          model.closed,
        );
      }
    },
  );

  test("keeps within the wire where a window is as long as may be", () => {
    const reports = simulate({ minutes: 30, intervalMs: 300_000 });
    expect(reports).toHaveLength(3 * 6);
    for (const { report } of reports) expect(Report.safeParse(report).error).toBeUndefined();
  });

  test("counts bytes only where the kernel does", () => {
    const bytes = (accounting: boolean) =>
      simulate({ clusters: [{ ...SMALL, accounting }] }).map(({ report }) => sum(report.flows?.groups.bytes));
    expect(sum(bytes(false))).toBe(0);
    expect(sum(bytes(true))).toBeGreaterThan(0);
  });

  test("loses events where it is told to, and says so", () => {
    const reports = simulate({ clusters: [{ ...SMALL, events: "lossy" }], minutes: 30 });
    const lossy = reports.filter(({ report }) => report.completeness.events === "lossy");
    expect(lossy.length).toBeGreaterThan(0);
    expect(lossy.length).toBeLessThan(reports.length / 2);
    for (const { report } of lossy) expect(report.completeness.overruns).toBe(1);
  });

  test("hides its Pods behind two addresses, and reaches the web over both families", () => {
    const [simulated] = simulate({ clusters: [{ ...SMALL, natAddresses: 2, ipv6Share: 0.5 }] }).slice(-1);
    const { addresses, groups } = simulated!.report.flows!;
    const nat = new Set(groups.natAddress.filter((at) => at !== null).map((at) => addresses[at]!));
    const own = simulated!.report.node.addresses;
    expect(own).toHaveLength(2);
    expect([...nat]).toEqual(expect.arrayContaining(own));
    expect(simulated!.report.dump!.byFamily.ipv6).toBeGreaterThan(0);
  });

  test("is busy by day and idle by night and at weekends", () => {
    const openings = (from: number) => {
      const fleet = new Fleet({ seed: 7, from, clusters: [{ ...SMALL, nodes: 1 }] });
      return sum(
        [...fleet.reports({ from, to: from + HOUR, intervalMs: MINUTE })].map(({ model }) => model.opened),
      );
    };
    const [afternoon, night, sunday] = [16, 28, 16 + 4 * 24].map((hour) =>
      openings(FROM + (hour - 12) * HOUR),
    );
    expect(night! / afternoon!).toBeLessThan(0.6);
    expect(sunday! / afternoon!).toBeLessThan(0.8);
  });

  test("skips what nobody asked for: a later window has as many entries", () => {
    const fleet = new Fleet({ seed: 7, from: FROM, clusters: [SMALL] });
    const first = [...fleet.reports({ from: FROM, to: FROM + 5 * MINUTE, intervalMs: MINUTE })];
    const later = FROM + 24 * HOUR;
    const second = [...fleet.reports({ from: later, to: later + 5 * MINUTE, intervalMs: MINUTE })];
    const entries = (of: Simulated[]) => sum(of.map(({ model }) => model.entries));
    expect(entries(second) / entries(first)).toBeGreaterThan(0.7);
    expect(entries(second) / entries(first)).toBeLessThan(1.4);
    for (const { report } of second) expect(Report.safeParse(report).error).toBeUndefined();
  });
});
