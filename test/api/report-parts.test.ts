import { test } from "vitest";
import {
  MAX_DROPPED,
  MAX_HOLDERS,
  MAX_KEYFRAME_LEASES,
  MAX_OCCUPIED,
  MAX_OWNERS,
  MAX_SHARES,
  Report,
} from "../../api/wire.ts";
import { aWholeReport, NOW } from "../support/a-report.ts";

type Path = (string | number)[];

/** The whole report in which the value at each path is another; `undefined` takes it away. */
function reportWith(changes: readonly (readonly [Path, unknown])[]): unknown {
  const report = structuredClone(aWholeReport()) as unknown;
  for (const [path, value] of changes) {
    const parent = path.slice(0, -1).reduce((at, step) => (at as Record<string, unknown>)[step], report);
    (parent as Record<string, unknown>)[path.at(-1) ?? ""] = value;
  }
  return report;
}

const complaints = (report: unknown) => Report.safeParse(report).error?.issues.map(({ path }) => path) ?? [];
const at = (text: string): Path => text.split(".").map((step) => (/^\d+$/.test(step) ? Number(step) : step));

test("a report that says something in every part is taken", ({ expect }) => {
  expect(complaints(aWholeReport())).toEqual([]);
});

const wrong: [path: string, value: unknown, complaint?: string][] = [
  ["completeness.opened", "guess"],
  ["completeness.overruns", -1],
  ["completeness.older", 1.5],
  ["dump.overlay.53", 1],
  ["dump.overlay.8472", -1],
  ["flows.talkers.opened", [5]],
  ["flows.talkers.opened.0", 6, "flows.groups.opened"],
  ["flows.groups.closed.2", 2, "flows.groups.closed"],
  ["flows.groupRemainder.opened", 1, "flows.groups.opened"],
  ["flows.talkerRemainder.opened", undefined, "flows.talkers.opened"],
  ["flows.groups.bytes", undefined],
  ["flows.talkers.established.0", 8],
  ["flows.talkers.idle.0", 6],
  ["flows.talkers.closeWait.1", 4],
  ["flows.talkers.established", undefined, "flows.talkers.idle.0"],
  ["flows.groups.zone", [0, 7]],
  ["flows.groups.zone.1", 65_536],
  ["flows.error", { sources: 1 }, "flows.error.groups"],
  ["flows.dialled.port", [1, 2]],
  ["flows.dialled.address.0", 5],
  ["flows.dialled.peer.0", 5],
  ["ages.0.of", "tcp"],
  ["ages.0.entries", Array(18).fill(0)],
  ["ages.0.entries", Array(20).fill(0)],
  ["ages.1", aWholeReport().ages?.[0]],
  ["leases.zone", [0]],
  ["leases.peerPort", [5432]],
  ["leases.closed", [null]],
  ["leases.sourcePort", [0, 1]],
  ["leases.leases", [2, 2]],
  ["leases.leases", [2, 2 ** 53 - 1]],
  ["leases.natPort.1", 64_512],
  ["leases.natPort.0", -1],
  ["leases.sourcePort.2", 5_536],
  ["leases.sourcePort.0", -1025],
  ["leases.opened.0", 2 ** 32 + 1],
  ["leases.opened.0", 0.5],
  ["leases.source.0", 5],
  ["leases.natAddress.1", 5],
  ["leases.peer.1", 5],
  ["leases.omitted", undefined],
  ["keyframe.part", 1],
  ["keyframe.parts", 0],
  ["keyframe.toPort", 1023],
  ["keyframe.fromPort", 65_536],
  ["keyframe.fromPort", 1025, "keyframe.natPort.0"],
  ["keyframe.zone", [0, 0]],
  ["keyframe.peer.0", 5],
  ["ports.used", [], "ports.peer"],
  ["ports.used.0", 6],
  ["ports.natAddress.0", 5],
  ["ports.shares.row.0", 1],
  ["ports.shares.source.0", 5],
  ["ports.shares.used", [7, 0], "ports.shares.row"],
  ["owners.kind.0", "cat"],
  ["owners.name", ["web"]],
  ["owners.uid.0", "x".repeat(254)],
  ["owners.until.0", -1],
  ["counters.statistics.luck", 1],
  ["counters.statistics.drop", -1],
  ["counters.log.tableFull", undefined],
  ["host.sysctls.a", "x".repeat(257)],
  ["host.sysctls.a", 5],
  ["host.kubeProxy", "magic"],
  ["dropped.0.to", 2],
  ["dropped.0.reason", "boredom"],
  ["self.waiting", -1],
];

for (const [path, value, complaint = path] of wrong)
  test(`a ${path} of ${JSON.stringify(value)?.slice(0, 30)} is complained of`, ({ expect }) => {
    const found = complaints(reportWith([[at(path), value]])).map((path) => path.join("."));
    expect(found).toContain(complaint);
  });

const right: [path: string, value: unknown][] = [
  ["completeness.opened", "dumps"],
  ["leases.natPort.2", 65_535],
  ["leases.natPort.1", 0],
  ["leases.sourcePort.0", -1024],
  ["leases.sourcePort.2", 5_535],
  ["leases.opened.0", -(2 ** 32)],
  ["leases.zone", undefined],
  ["keyframe.fromPort", 0],
  ["ports.used.0", 8],
  ["owners.until.0", NOW - 6_000],
  ["host.sysctls.a", "x".repeat(256)],
  ["dropped.0.to", 3],
  ["flows.error", undefined],
  ["flows.dialled", undefined],
  ["flows.talkers.peers.0", 70],
];

for (const [path, value] of right)
  test(`a ${path} of ${JSON.stringify(value)?.slice(0, 30)} is taken`, ({ expect }) => {
    expect(complaints(reportWith([[at(path), value]]))).toEqual([]);
  });

const columnsOf = (table: object) =>
  Object.entries(table).flatMap(([name, value]) => (Array.isArray(value) ? [name] : []));
const whole = aWholeReport();
const tables: [table: string, columns: string[], max: number][] = [
  ["ports.shares", columnsOf(whole.ports!.shares), MAX_SHARES],
  ["owners", columnsOf(whole.owners!), MAX_OWNERS],
];

/** Columns of owners that take no name. */
const ownerValues: Record<string, unknown> = { address: "10.0.0.1", kind: "pod", since: null, until: null };
const ownerValue = (name: string) => (name in ownerValues ? ownerValues[name] : "name");

test.for(tables)("%s may have as many rows as its limit, and no more", ([table, names, max], { expect }) => {
  const filled = (rows: number) =>
    reportWith(
      names.map((name) => [
        [...at(table), name],
        Array(rows).fill(table === "owners" ? ownerValue(name) : 0),
      ]),
    );
  expect(complaints(filled(max))).toEqual([]);
  expect(complaints(filled(max + 1))).toContainEqual([...at(table), names[0]]);
});

test("a part of a keyframe may have as many leases and holders as its limits, and no more", ({ expect }) => {
  const filled = (holders: number, leases: number) =>
    reportWith([
      ...["source", "natAddress", "peer", "peerPort", "protocol"].map(
        (name) => [["keyframe", name], Array(holders).fill(0)] as const,
      ),
      [
        ["keyframe", "leases"],
        [leases, ...Array(Math.max(0, holders - 1)).fill(0)],
      ],
      [["keyframe", "fromPort"], 0],
      ...["natPort", "sourcePort", "opened"].map(
        (name) => [["keyframe", name], Array(leases).fill(0)] as const,
      ),
    ] as [Path, unknown][]);
  expect(complaints(filled(MAX_HOLDERS, MAX_KEYFRAME_LEASES))).toEqual([]);
  expect(complaints(filled(MAX_HOLDERS + 1, 1))).toContainEqual(["keyframe", "source"]);
  expect(complaints(filled(1, MAX_KEYFRAME_LEASES + 1))).toContainEqual(["keyframe", "natPort"]);
});

test("leases refer to addresses that the flows list: without flows there are none", ({ expect }) => {
  const bare = reportWith([
    [["flows"], undefined],
    [["keyframe"], undefined],
    [["ports"], undefined],
  ]);
  expect(complaints(bare)).toContainEqual(["leases", "source", 0]);
});

test.for([["dropped", MAX_DROPPED, { bootId: "b", from: 1, to: 1, reason: "age" }]] as const)(
  "%s may have %i rows and no more",
  ([name, max, row], { expect }) => {
    expect(complaints(reportWith([[[name], Array(max).fill(row)]]))).toEqual([]);
    expect(complaints(reportWith([[[name], Array(max + 1).fill(row)]]))).toContainEqual([name]);
  },
);

test("occupied ports have as many rows as their limit, and no more", ({ expect }) => {
  const names = ["natAddress", "peer", "peerPort", "protocol", "sources"];
  const filled = (rows: number) =>
    reportWith([
      ...names.map((name) => [["ports", name], Array(rows).fill(0)] as [Path, unknown]),
      [["ports", "used"], Array(rows).fill(9)],
    ]);
  expect(complaints(filled(MAX_OCCUPIED))).toEqual([]);
  expect(complaints(filled(MAX_OCCUPIED + 1))).toContainEqual(["ports", "used"]);
});
