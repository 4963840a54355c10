import * as fc from "fast-check";
import { test } from "vitest";
import { MAX_LISTED_GROUPS, MAX_LISTED_TALKERS } from "../../../agent/summary/flows.ts";
import { Summary, type SummaryOptions } from "../../../agent/summary/summary.ts";
import { Flows } from "../../../api/wire.ts";
import { type PlainEntry, someEntry } from "../../support/entries.ts";
import { dumped, TAKEN_AT } from "../../support/dumped.ts";
import { expectedTalkers, rowsOf, summed } from "../../support/flow-rows.ts";

const summarize = (entries: readonly PlainEntry[], limits: SummaryOptions["limits"] = {}) => {
  const summary = new Summary({ counters: "since-creation", limits });
  return dumped(summary, entries);
};

test("talkers and groups are what a plain count of the entries gives", ({ expect }) => {
  fc.assert(
    fc.property(fc.array(someEntry, { maxLength: 200 }), (entries) => {
      const { flows } = summarize(entries);
      const { talkers, groups } = rowsOf(flows);
      expect(new Map(talkers.map((row) => [row.source, row]))).toEqual(expectedTalkers(entries));
      expect(summed(groups, "entries")).toBe(entries.length);
      expect(Flows.safeParse(flows).error).toBeUndefined();
    }),
  );
});

test("the peer is the far end after DNAT and the NAT address what that peer sees", ({ expect }) => {
  const { flows } = summarize([{ source: 1, peer: 50, peerPort: 5432, service: 100, natAddress: 200 }]);
  expect(rowsOf(flows).groups).toEqual([
    {
      source: "10.0.0.1",
      peer: "10.0.0.50",
      peerPort: 5432,
      protocol: 6,
      nat: "both",
      natAddress: "10.0.0.200",
      entries: 1,
      unreplied: 1,
    },
  ]);
});

test("a flow that keeps its address and changes its port is SNAT", ({ expect }) => {
  const { flows } = summarize([{ source: 1, peer: 50, sourcePort: 40_000, natPort: 50_001 }]);
  expect(rowsOf(flows).groups[0]).toMatchObject({ nat: "snat", natAddress: "10.0.0.1" });
});

test("ICMP has no peer port, and different ids are one group", ({ expect }) => {
  const { flows } = summarize(
    [7, 8, 9].map((id) => ({ source: 1, peer: 50, protocol: 1, sourcePort: id, peerPort: 0 })),
  );
  expect(rowsOf(flows).groups).toMatchObject([{ peerPort: 0, protocol: 1, entries: 3 }]);
});

test("the composition counts by family, protocol, state, NAT class and status", ({ expect }) => {
  const { counts } = summarize([
    { source: 1, peer: 50, status: 2 | 4 },
    { source: 1, peer: 51, status: 0, state: 1 },
    { source: 1, peer: 52, protocol: 17, ipv6: true, status: 2 | (1 << 14), natAddress: 200, zone: 7 },
  ]);
  expect(counts).toEqual({
    takenAt: TAKEN_AT,
    entries: 3,
    byFamily: { ipv4: 2, ipv6: 1 },
    byProtocol: { "6": 2, "17": 1 },
    byTcpState: { ESTABLISHED: 1, SYN_SENT: 1 },
    byNat: { none: 2, snat: 1, dnat: 0, both: 0 },
    unreplied: 1,
    assured: 1,
    offloaded: 1,
    zones: [7],
  });
});

test("bytes and packets are absent, not 0, where nothing is counted", ({ expect }) => {
  const { flows } = summarize([{ source: 1, peer: 50 }]);
  expect([flows.groups.bytes, flows.groupRemainder.bytes]).toEqual([undefined, undefined]);
});

test("bytes add up both directions over a group", ({ expect }) => {
  const { flows } = summarize([
    { source: 1, peer: 50, bytes: 1_000, packets: 3 },
    { source: 1, peer: 50, bytes: 2 ** 40, packets: 4, sourcePort: 2 },
  ]);
  expect(rowsOf(flows).groups).toMatchObject([{ bytes: 2 ** 40 + 1_000, packets: 7 }]);
});

test.for([MAX_LISTED_GROUPS, MAX_LISTED_GROUPS + 1])(
  "of %i groups the largest 512 are listed",
  (size, { expect }) => {
    const entries = [...Array(size).keys()].flatMap((peer): PlainEntry[] =>
      Array.from({ length: peer === 0 ? 1 : 2 }, () => ({ source: 1, peer: 1_000 + peer })),
    );
    const { flows } = summarize(entries);
    expect(flows.groups.entries).toHaveLength(MAX_LISTED_GROUPS);
    expect(flows.groupRemainder).toMatchObject(
      size > MAX_LISTED_GROUPS ? { groups: 1, entries: 1 } : { groups: 0, entries: 0 },
    );
  },
);

test.for([MAX_LISTED_TALKERS, MAX_LISTED_TALKERS + 1])(
  "of %i sources the largest 512 are listed",
  (size, { expect }) => {
    const { flows } = summarize(
      [...Array(size).keys()].map((source) => ({ source: 1_000 + source, peer: 1 })),
    );
    const left = size - MAX_LISTED_TALKERS;
    expect(flows.talkers.entries).toHaveLength(MAX_LISTED_TALKERS);
    expect(flows.talkerRemainder).toMatchObject({ sources: left, entries: left, unreplied: left });
  },
);

test("a group with few entries and most of the bytes is listed beside 512 larger ones", ({ expect }) => {
  const many = [...Array(600).keys()].flatMap((peer) =>
    [0, 1].map((): PlainEntry => ({ source: 1, peer: 1_000 + peer, bytes: 1 })),
  );
  const { flows } = summarize([...many, { source: 2, peer: 3, bytes: 1_000_000 }]);
  expect(rowsOf(flows).groups.find((row) => row.source === "10.0.0.2")).toMatchObject({
    entries: 1,
    bytes: 1_000_000,
  });
});

test("counters beyond what a number holds exactly still make a report the wire takes", ({ expect }) => {
  const huge = [1, 2].map((peer): PlainEntry => ({ source: 1, peer, bytes: 2 ** 63, packets: 2 ** 63 }));
  const { flows } = summarize(huge);
  expect(Flows.safeParse(flows).error).toBeUndefined();
  expect(flows.groups.bytes).toEqual([Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER]);
});

test("totals hold when there are more groups and addresses than are tracked", ({ expect }) => {
  const entries = [...Array(500).keys()].map((peer): PlainEntry => ({
    source: peer % 7,
    peer: 1_000 + peer,
    natAddress: 200,
    bytes: 10,
  }));
  const { flows } = summarize(entries, { groups: 50, addresses: 60 });
  expect(summed(rowsOf(flows).groups, "entries") + flows.groupRemainder.entries).toBe(500);
  expect(summed(rowsOf(flows).groups, "bytes") + (flows.groupRemainder.bytes ?? 0)).toBe(5_000);
  expect(summed(rowsOf(flows).talkers, "snatEntries") + flows.talkerRemainder.snatEntries).toBe(500);
});

test("nothing of a dump is left in the next", ({ expect }) => {
  const summary = new Summary({ counters: "since-creation" });
  dumped(summary, [{ source: 1, peer: 2, bytes: 5 }]);
  const { counts, flows } = dumped(summary, [{ source: 3, peer: 4 }]);
  expect([counts.entries, flows.addresses, flows.groups.bytes]).toEqual([
    1,
    ["10.0.0.3", "10.0.0.4"],
    undefined,
  ]);
});

test("an empty table is a report of nothing", ({ expect }) => {
  const { counts, flows } = summarize([]);
  expect([counts.entries, flows.addresses, flows.talkerRemainder.entries]).toEqual([0, [], 0]);
});
