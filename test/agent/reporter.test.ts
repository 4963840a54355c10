import { test } from "vitest";
import { OwnerBook } from "../../agent/owners/book.ts";
import { KEYFRAME_MS, Reporter, type ReporterDeps } from "../../agent/reporter.ts";
import { Report } from "../../api/wire.ts";
import { aReport } from "../support/a-report.ts";
import { sourceOf, tableOf } from "../support/tables.ts";

const { node, window } = aReport();
const never = new AbortController().signal;
const STEP_MS = window.to - window.from;

/** A reporter on a clock that moves by one window with each report. */
function reporterOf(differing: Partial<ReporterDeps> = {}) {
  const { table, clock } = tableOf(sourceOf([[{ source: 1, peer: 2, natAddress: 9 }]]));
  let sysctls: Record<string, string> = { "net.netfilter.nf_conntrack_max": "100" };
  let cpuMs = 1_000;
  const reporter = new Reporter({
    table,
    identity: async () => node,
    gauges: async () => ({ count: 1, max: 100 }),
    sysctls: async () => ({ sysctls, unread: [] }),
    host: async () => ({ sysctls, unread: [] }),
    counters: { unread: [], read: async () => ({ elapsedMs: STEP_MS, statistics: {} }), close: () => {} },
    dropped: () => [],
    usage: () => ({ cpuMs: (cpuMs += 40), rssBytes: 50_000_000, waiting: 3 }),
    now: () => clock.now,
    ...differing,
  });
  let sequence = 0;
  const prepare = () => reporter.prepare(never);
  return {
    prepare,
    set: (changed: Record<string, string>) => void (sysctls = changed),
    next: async () => {
      await prepare();
      const report = await reporter.report({ from: clock.now - STEP_MS, to: clock.now }, (sequence += 1));
      clock.now += STEP_MS;
      return report;
    },
  };
}

test("the first report says everything, and what the wire takes", async ({ expect }) => {
  const report = await reporterOf().next();
  expect(report).toMatchObject({
    node,
    sequence: 1,
    table: { count: 1, max: 100 },
    dump: { entries: 1 },
    keyframe: { natPort: [40_000], part: 0, parts: 1 },
    host: { sysctls: { "net.netfilter.nf_conntrack_max": "100" } },
    counters: { elapsedMs: STEP_MS },
    self: { cpuMs: 40, rssBytes: 50_000_000, waiting: 3 },
  });
  expect(Report.safeParse(report).error).toBeUndefined();
});

test("taking stock twice before the first report asks for its keyframe once", async ({ expect }) => {
  const { prepare, next } = reporterOf();
  await prepare();
  expect((await next()).keyframe).toMatchObject({ natPort: [40_000] });
  expect((await next()).keyframe).toBeUndefined();
});

test("what does not change is said again with keyframes only", async ({ expect }) => {
  const { next } = reporterOf({
    sysctls: async () => ({ sysctls: { "net.netfilter.nf_conntrack_udp_timeout": "30" }, unread: [] }),
  });
  const reports: Report[] = [];
  for (let at = 0; at <= KEYFRAME_MS; at += STEP_MS) reports.push(await next());
  const said = (part: "keyframe" | "host" | "ages") =>
    reports.flatMap((report, i) => (report[part] ? [i] : []));
  expect(said("host")).toEqual([0, KEYFRAME_MS / STEP_MS]);
  expect(said("keyframe")).toEqual([0, KEYFRAME_MS / STEP_MS]);
  expect(said("ages")).toEqual([0, KEYFRAME_MS / STEP_MS]);
});

test("a setting that changes is said at once", async ({ expect }) => {
  const { next, set } = reporterOf();
  await next();
  expect((await next()).host).toBeUndefined();
  set({ "net.netfilter.nf_conntrack_max": "200" });
  expect((await next()).host?.sysctls).toEqual({ "net.netfilter.nf_conntrack_max": "200" });
  expect((await next()).host).toBeUndefined();
});

const learnt = (book: OwnerBook, isCurrent = () => true): NonNullable<ReporterDeps["owners"]> => ({
  report: (...scope) => book.report(...scope),
  isCurrent,
});

test("a list of owners is not complete while some may be missing, and comes as soon as none is", async ({
  expect,
}) => {
  const book = new OwnerBook("kubernetes");
  let current = false;
  const { next } = reporterOf({ owners: learnt(book, () => current) });
  expect((await next()).owners).toBeUndefined();
  book.hold("10.0.0.1", { kind: "pod", name: "web-1", namespace: "shop" });
  expect((await next()).owners).toMatchObject({ complete: false, name: ["web-1"] });
  current = true;
  expect((await next()).owners).toMatchObject({ complete: true, name: ["web-1"] });
  expect((await next()).owners).toBeUndefined();
});

test("owners of addresses are named, all at first and then what is new", async ({ expect }) => {
  const book = new OwnerBook("file");
  book.hold("10.0.0.1", { kind: "pod", name: "web-1", namespace: "shop" });
  book.hold("10.96.0.1", { kind: "service", name: "unmet", namespace: "shop" });
  book.hold("10.0.0.2", { kind: "service", name: "db", namespace: "shop" });
  const { next } = reporterOf({ owners: learnt(book) });
  const first = await next();
  expect(first.owners).toMatchObject({ source: "file", complete: true });
  expect(first.owners?.name.toSorted()).toEqual(["db", "web-1"]);
  expect((await next()).owners).toBeUndefined();
  book.hold("10.0.0.3", { kind: "pod", name: "web-2", namespace: "shop" });
  expect((await next()).owners).toMatchObject({ complete: false, name: ["web-2"] });
});

test("reports that were lost are declared", async ({ expect }) => {
  const lost = { bootId: node.bootId, from: 3, to: 5, reason: "age" } as const;
  expect((await reporterOf({ dropped: () => [lost] }).next()).dropped).toEqual([lost]);
  expect((await reporterOf().next()).dropped).toBeUndefined();
});
