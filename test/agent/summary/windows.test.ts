import { test } from "vitest";
import { Summary } from "../../../agent/summary/summary.ts";
import { dump, dumped, TAKEN_AT } from "../../support/dumped.ts";
import { anEntry, type PlainEntry } from "../../support/entries.ts";
import { rowsOf } from "../../support/flow-rows.ts";

const timeouts = { tcpEstablished: 432_000, tcpCloseWait: 60, udp: 30 };

function listening(): Summary {
  const summary = new Summary();
  summary.configure({ eventsOn: true, timeouts });
  return summary;
}

function tell(summary: Summary, event: "new" | "destroy", plain: PlainEntry): void {
  const entry = anEntry(plain);
  entry.event = event;
  summary.event(entry, TAKEN_AT);
}

const take = (summary: Summary) => {
  const { flows, ...rest } = summary.take({ from: TAKEN_AT });
  return { ...rest, ...(flows ? rowsOf(flows) : { talkers: [], groups: [] }) };
};

test("a window without a dump repeats the rows of the last one and has openings of its own", ({ expect }) => {
  const summary = listening();
  dumped(summary, [{ source: 1, peer: 50 }]);
  tell(summary, "new", { source: 2, peer: 50, id: 9 });
  const second = take(summary);
  expect(second.counts).toMatchObject({ takenAt: TAKEN_AT, entries: 1 });
  expect(second.talkers).toMatchObject([
    { source: "10.0.0.1", entries: 1, opened: 0 },
    { source: "10.0.0.2", entries: 0, opened: 1 },
  ]);
  expect(take(summary).talkers).toMatchObject([{ source: "10.0.0.1", entries: 1, opened: 0 }]);
});

test("a group of which nothing is left but ends in the window is listed with them", ({ expect }) => {
  const summary = listening();
  dumped(summary, [{ source: 1, peer: 50 }]);
  take(summary);
  tell(summary, "destroy", { source: 1, peer: 50 });
  dump(summary, []);
  expect(take(summary).groups).toMatchObject([{ source: "10.0.0.1", entries: 0, opened: 0, closed: 1 }]);
});

test("of a dump that failed nothing is shown", ({ expect }) => {
  const summary = listening();
  dumped(summary, [{ source: 1, peer: 50 }]);
  dump(summary, [{ source: 2, peer: 50 }], false);
  expect(take(summary).talkers).toMatchObject([{ source: "10.0.0.1", entries: 1, closed: 0 }]);
});

test("a dump that is not finished when the window ends changes nothing of it", ({ expect }) => {
  const summary = listening();
  dumped(summary, [{ source: 1, peer: 50 }]);
  summary.dumpBegins(TAKEN_AT + 1);
  summary.add(anEntry({ source: 2, peer: 50 }));
  expect(take(summary).talkers).toMatchObject([{ source: "10.0.0.1", entries: 1 }]);
  summary.dumpEnds(true);
  expect(take(summary).talkers).toMatchObject([
    { source: "10.0.0.1", entries: 0, closed: 1 },
    { source: "10.0.0.2", entries: 1, closed: 0 },
  ]);
});

test("before the first whole dump there are no flows, and no leases that would name their addresses", ({
  expect,
}) => {
  const summary = listening();
  tell(summary, "new", { source: 1, peer: 50, natAddress: 200 });
  const first = summary.take({ from: TAKEN_AT });
  expect([first.flows, first.counts, first.leases]).toEqual([undefined, undefined, undefined]);
  dump(summary, [{ source: 1, peer: 50, natAddress: 200 }]);
  expect(summary.take({ from: TAKEN_AT }).leases?.natPort).toEqual([40_000]);
});

test("without events what opened is what two dumps differ in, and absent where there were no two", ({
  expect,
}) => {
  const summary = new Summary();
  expect(dumped(summary, [{ source: 1, peer: 50 }]).opened).toBeUndefined();
  const second = dumped(summary, [{ source: 2, peer: 50 }]);
  expect(second.opened).toBe("dumps");
  expect(rowsOf(second.flows).talkers).toMatchObject([
    { source: "10.0.0.1", entries: 0, opened: 0, closed: 1 },
    { source: "10.0.0.2", entries: 1, opened: 1, closed: 0 },
  ]);
  expect(summary.take({ from: TAKEN_AT }).opened).toBeUndefined();
});

test("flows of zones stay apart", ({ expect }) => {
  const { flows } = dumped(
    listening(),
    [7, 7, 0].map((zone, id) => ({ source: 1, peer: 50, natAddress: 200, zone, id })),
  );
  const rows = rowsOf(flows).groups.map(({ zone, entries, natAddress }) => [zone, entries, natAddress]);
  expect(rows.toSorted((a, b) => Number(a[0]) - Number(b[0]))).toEqual([
    [0, 1, "10.0.0.200"],
    [7, 2, "10.0.0.200"],
  ]);
});

test("idle time is the timeout less what is left of it, at most an hour unseen by the talkers", ({
  expect,
}) => {
  const left = [432_000, 432_001, 431_995, 431_994, 428_400, 428_401, 0];
  const { ages, flows } = dumped(
    listening(),
    left.map((timeout, id) => ({ source: 1, peer: 50, timeout, id })),
  );
  const [established] = ages ?? [];
  expect(established?.of).toBe("tcp-established");
  expect(established?.entries.slice(0, 2)).toEqual([3, 1]);
  expect(established?.entries.slice(-9)).toEqual([2, 0, 0, 0, 0, 0, 0, 1, 0]);
  expect(rowsOf(flows).talkers).toMatchObject([{ established: 7, idle: 2, closeWait: 0 }]);
  expect(ages?.map(({ of }) => of)).toEqual(["tcp-established", "tcp-close-wait", "udp"]);
});

test("a TCP entry that the kernel keeps for minutes only, as data is on its way, was not idle", ({
  expect,
}) => {
  const summary = new Summary();
  const timeouts = { tcpEstablished: 432_000, tcpUnacknowledged: 300, tcpMaxRetrans: 310 };
  summary.configure({ eventsOn: true, timeouts });
  const { ages, flows } = dumped(
    summary,
    [310, 300, 1, 311].map((timeout, id) => ({ source: 1, peer: 50, timeout, id })),
  );
  expect([ages?.[0]?.entries.at(0), ages?.[0]?.entries.at(-2)]).toEqual([3, 1]);
  expect(rowsOf(flows).talkers).toMatchObject([{ established: 4, idle: 1 }]);
});

test("a timeout of minutes is taken as it is", ({ expect }) => {
  const summary = new Summary();
  summary.configure({ eventsOn: true, timeouts: { tcpEstablished: 300, tcpUnacknowledged: 300 } });
  const { ages } = dumped(summary, [{ source: 1, peer: 50, timeout: 100 }]);
  expect(ages?.[0]?.entries.slice(0, 7)).toEqual([0, 0, 0, 0, 0, 0, 1]);
});

test("what was dialled is told of each peer, and the ports taken towards the fullest", ({ expect }) => {
  const flow = { peer: 50, service: 100, natAddress: 200 };
  const { flows, ports, counts } = dumped(listening(), [
    { ...flow, source: 1, sourcePort: 1 },
    { ...flow, source: 1, sourcePort: 2 },
    { ...flow, source: 2, sourcePort: 3 },
    { source: 3, peer: 60, protocol: 17, peerPort: 4789 },
  ]);
  const named = (column: number[] | undefined) => column?.map((at) => flows.addresses[at]);
  expect([named(flows.dialled?.peer), named(flows.dialled?.address)]).toEqual([
    ["10.0.0.50"],
    ["10.0.0.100"],
  ]);
  expect([ports?.used, ports?.sources, ports?.shares.used]).toEqual([[3], [2], [2, 1]]);
  expect(named(ports?.shares.source)).toEqual(["10.0.0.1", "10.0.0.2"]);
  expect(counts.overlay).toEqual({ "4789": 1 });
});

test("rows keep their sums while the tables shrink after a spike", ({ expect }) => {
  const summary = listening();
  const spike = Array.from({ length: 20_000 }, (_, at): PlainEntry => ({
    source: at,
    peer: 50,
    id: at + 1,
    bytes: 1,
  }));
  dumped(summary, spike);
  const kept = spike.slice(19_990).map((entry) => ({ ...entry, bytes: 5 }));
  dumped(summary, kept);
  expect(take(summary).talkers).toHaveLength(10);
  const last = dumped(
    summary,
    kept.map((entry) => ({ ...entry, bytes: 7 })),
  );
  expect(rowsOf(last.flows).groups.map(({ bytes }) => bytes)).toEqual(Array(10).fill(2));
});
