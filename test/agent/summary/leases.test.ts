import { test } from "vitest";
import { Keyframe, type KeyframePart } from "../../../agent/summary/keyframe.ts";
import { LeaseLog, MAX_CHANGES } from "../../../agent/summary/lease-log.ts";
import { Summary, type SummaryOptions } from "../../../agent/summary/summary.ts";
import { dump, dumped, TAKEN_AT } from "../../support/dumped.ts";
import { anEntry, type PlainEntry } from "../../support/entries.ts";
import { leasesOf } from "../../support/leases.ts";

const leased: PlainEntry = {
  source: 1,
  peer: 50,
  natAddress: 200,
  sourcePort: 40_000,
  natPort: 50_001,
  id: 1,
};

function listening(options: SummaryOptions = {}): Summary {
  const summary = new Summary(options);
  summary.configure({ eventsOn: true, timeouts: {} });
  return summary;
}

function tell(summary: Summary, event: "new" | "destroy", plain: PlainEntry, second: number): void {
  const entry = anEntry(plain);
  entry.event = event;
  summary.event(entry, TAKEN_AT + second * 1000 + 7);
}

function changes(summary: Summary): string[] {
  const { flows, leases } = summary.take({ from: TAKEN_AT });
  if (!flows || !leases) throw new Error("no leases were given");
  return leasesOf(flows, leases);
}

test("a lease that began and ended in the window is one row, to the second", ({ expect }) => {
  const summary = listening();
  dump(summary, []);
  tell(summary, "new", leased, 3);
  tell(summary, "destroy", leased, 9);
  expect(changes(summary)).toEqual(["10.0.0.200:50001 6 10.0.0.50:443 10.0.0.1:40000 3 9"]);
  expect(changes(summary)).toEqual([]);
});

test("a lease that ends has the second of its beginning from windows before, or none where nobody knows", ({
  expect,
}) => {
  const summary = listening();
  dump(summary, [{ ...leased, natPort: 50_002, id: 2 }]);
  tell(summary, "new", leased, -100);
  summary.take({ from: TAKEN_AT });
  tell(summary, "destroy", leased, 1);
  tell(summary, "destroy", { ...leased, natPort: 50_002, id: 2 }, 2);
  expect(changes(summary)).toEqual([
    "10.0.0.200:50001 6 10.0.0.50:443 10.0.0.1:40000 -100 1",
    "10.0.0.200:50002 6 10.0.0.50:443 10.0.0.1:40000 null 2",
  ]);
});

test("the kernel's own beginning is worth more than the time of its event", ({ expect }) => {
  const summary = listening();
  dump(summary, []);
  tell(summary, "destroy", { ...leased, startedAt: TAKEN_AT - 5_000 }, 2);
  expect(changes(summary)).toEqual(["10.0.0.200:50001 6 10.0.0.50:443 10.0.0.1:40000 -5 2"]);
});

test("of ICMP the id is the port, and flows without SNAT have no lease", ({ expect }) => {
  const summary = listening();
  dump(summary, []);
  tell(summary, "new", { source: 1, peer: 50, protocol: 1, natAddress: 200, sourcePort: 7, natPort: 9 }, 0);
  tell(summary, "new", { source: 1, peer: 50, sourcePort: 8 }, 0);
  expect(changes(summary)).toEqual(["10.0.0.200:9 1 10.0.0.50:0 10.0.0.1:7 0 null"]);
});

test("a lease whose beginning was lost is found by the next dump", ({ expect }) => {
  const summary = listening();
  dump(summary, []);
  summary.lost();
  dump(summary, [leased]);
  expect(changes(summary)).toEqual(["10.0.0.200:50001 6 10.0.0.50:443 10.0.0.1:40000 null null"]);
});

test.for(["off", "keyframes"] as const)("with leases %s no change is told", (leases, { expect }) => {
  const summary = listening({ leases });
  dump(summary, []);
  tell(summary, "new", leased, 3);
  expect(summary.take({ from: TAKEN_AT }).leases).toBeUndefined();
});

test.for([MAX_CHANGES, MAX_CHANGES + 1])(
  "of %i changes as many are kept as there is room for",
  (all, { expect }) => {
    const log = new LeaseLog();
    for (let change = 0; change < all; change += 1) log.open(change >> 8, (change & 255) << 16, 5);
    expect([log.size, log.omitted]).toEqual([MAX_CHANGES, all - MAX_CHANGES]);
  },
);

test("a lease ends on its row, also when groups have other numbers by then", ({ expect }) => {
  const summary = listening();
  dump(summary, [{ source: 9, peer: 9, id: 9 }]);
  tell(summary, "destroy", { source: 9, peer: 9, id: 9 }, 0);
  summary.take({ from: TAKEN_AT });
  tell(summary, "new", leased, 3);
  dump(summary, [leased]);
  tell(summary, "destroy", leased, 9);
  expect(changes(summary)).toEqual(["10.0.0.200:50001 6 10.0.0.50:443 10.0.0.1:40000 3 9"]);
});

test("a keyframe has every lease in force, those of before too", ({ expect }) => {
  const summary = listening();
  summary.keyframeDue();
  const { flows, keyframe } = dumped(summary, [
    leased,
    { ...leased, natPort: 1, natAddress: 201, id: 3 },
    { source: 3, peer: 4 },
  ]);
  expect(keyframe).toMatchObject({
    takenAt: TAKEN_AT,
    part: 0,
    parts: 1,
    fromPort: 0,
    toPort: 65_535,
    omitted: 0,
  });
  expect(keyframe && leasesOf(flows, keyframe)).toEqual([
    "10.0.0.200:50001 6 10.0.0.50:443 10.0.0.1:40000 null",
    "10.0.0.201:1 6 10.0.0.50:443 10.0.0.1:40000 null",
  ]);
  expect(summary.take({ from: TAKEN_AT }).keyframe).toBeUndefined();
});

/** Dumps and takes until a keyframe of these ports is sent whole. */
function allParts(ports: Uint32Array): KeyframePart[] {
  const keyframe = new Keyframe();
  keyframe.request();
  const parts: KeyframePart[] = [];
  for (let dumps = 0; dumps < 50 && parts.at(-1)?.part !== (parts.at(-1)?.parts ?? 0) - 1; dumps += 1) {
    keyframe.dumpBegins(dumps);
    for (const [lease, port] of ports.entries()) keyframe.add(lease, (port << 16) | 7, 0);
    keyframe.dumpEnds(dumps % 3 !== 1);
    for (let part = keyframe.next(); part; part = keyframe.next()) parts.push(part);
  }
  return parts;
}

test("a table of any size comes in parts that have each lease once, also where dumps fail between", ({
  expect,
}) => {
  const parts = allParts(Uint32Array.from({ length: 400_000 }, (_, i) => (i * 7_919) % 65_536));
  const seen = new Set(parts.flatMap(({ rows }) => [...rows.groups]));
  expect([seen.size, parts.reduce((sum, { rows }) => sum + rows.size, 0)]).toEqual([400_000, 400_000]);
  expect(parts.map(({ part }) => part)).toEqual([...Array(parts.length).keys()]);
  expect(parts.map(({ fromPort }) => fromPort)).toEqual([
    0,
    ...parts.slice(0, -1).map(({ toPort }) => toPort + 1),
  ]);
  expect(parts.at(-1)?.toPort).toBe(65_535);
});

test("a port with more leases than a part holds tells how many are left out", ({ expect }) => {
  const parts = allParts(Uint32Array.from({ length: 200_000 }, (_, i) => (i % 10 ? 4_444 : i % 65_536)));
  const all = parts.reduce((sum, { rows, omitted }) => sum + rows.size + omitted, 0);
  expect([all, Math.max(...parts.map(({ omitted }) => omitted)) > 160_000]).toEqual([200_000, true]);
});
