import * as fc from "fast-check";
import type { Holders, Owner } from "../../db/fold/table.ts";
import type { NatClass, Segment } from "../../db/segment.ts";

/** Groups of a window with all they had, and a segment that lists some of them. */
export type SomeWindow = { start: number; end: number; groups: TrueGroup[]; segment: Segment };
export type TrueGroup = {
  source: string;
  peer: string;
  port: number;
  nat: NatClass;
  entries: number;
  unreplied: number;
  opened: number;
  closed: number;
  bytes: number;
  packets: number;
};
export type SomeNode = { name: string; windows: SomeWindow[]; holders: Holders };

export const POD_ADDRESSES = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
const MINUTE_MS = 60_000;
const small = fc.nat(20);

const group = fc.record({
  source: fc.constantFrom(...POD_ADDRESSES, "192.0.2.7", "2001:db8::1"),
  peer: fc.constantFrom("10.0.0.1", "198.51.100.1", "198.51.100.2"),
  port: fc.constantFrom(53, 443),
  nat: fc.constantFrom<NatClass>("none", "snat", "dnat", "both"),
  entries: small,
  opened: small,
  closed: small,
  bytes: fc.nat(1000),
  packets: small,
  unreplied: fc.nat(3),
  listed: fc.boolean(),
});
type ListedGroup = TrueGroup & { listed: boolean };

/** Half of them may begin before a slot of a minute and end behind it. */
export const someWindow: fc.Arbitrary<SomeWindow> = fc
  .record({
    start: fc.nat(39).map((halves) => halves * 30_000 - 15_000 * (halves % 2)),
    length: fc.constantFrom(30_000, MINUTE_MS, 150_000),
    groups: fc.uniqueArray(group, {
      maxLength: 6,
      selector: ({ source, peer, port, nat }) => [source, peer, port, nat].join(" "),
    }),
    whole: fc.boolean(),
    sources: fc.subarray([...POD_ADDRESSES, "192.0.2.7", "2001:db8::1"]),
  })
  .map(({ start, length, groups, whole, sources }) => {
    const rows = groups.map((row) => ({
      ...row,
      unreplied: Math.min(row.unreplied, row.entries),
      listed: whole || row.listed,
    }));
    const listed = (source: string) => whole || sources.includes(source);
    return { start, end: start + length, groups: rows, segment: segmentOf(rows, listed) };
  });

/** Pods come to have the addresses of others: `.1` is held by two one after the other, `.2` by one, `.3` by nobody. */
export function someHolders(node: string, change: number): Holders {
  const pod = (name: string, workload: string): Owner => ({
    kind: "pod",
    namespace: "shop",
    name: `${name}-${node}`,
    workloadKind: workload && "Deployment",
    workload,
  });
  return (address, from) => {
    if (address === "10.0.0.2") return pod("cache", "");
    if (address !== "10.0.0.1") return undefined;
    return from < change ? pod("web", "web") : pod("batch", "batch");
  };
}

export const someNodes: fc.Arbitrary<SomeNode[]> = fc
  .array(
    fc.record({
      windows: fc.array(someWindow, { maxLength: 5 }),
      change: fc.nat(20).map((minutes) => minutes * MINUTE_MS),
    }),
    { minLength: 1, maxLength: 3 },
  )
  .map((nodes) =>
    nodes.map(({ windows, change }, i) => ({
      name: `node-${i}`,
      windows,
      holders: someHolders(`node-${i}`, change),
    })),
  );

const AMOUNTS = ["entries", "unreplied", "opened", "closed", "bytes", "packets"] as const;
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
export const isSnat = ({ nat }: { nat: NatClass }): boolean => nat === "snat" || nat === "both";

function segmentOf(rows: readonly ListedGroup[], isListed: (source: string) => boolean): Segment {
  const all = [...new Set(rows.map(({ source }) => source))];
  const sources = all.filter(isListed);
  const groups = rows.filter(({ listed }) => listed);
  const addresses = [
    ...new Set([...sources, ...rows.flatMap(({ source, peer }) => [source, peer]), "192.168.0.1"]),
  ];
  const column = (name: (typeof AMOUNTS)[number]) => groups.map((row) => row[name]);
  const rest = (name: (typeof AMOUNTS)[number]) =>
    sum(rows.filter(({ listed }) => !listed).map((row) => row[name]));
  const of = (source: string) => rows.filter((row) => row.source === source);
  const bySource = (name: (typeof AMOUNTS)[number]) =>
    sources.map((source) => sum(of(source).map((row) => row[name])));
  const others = rows.filter(({ source }) => !isListed(source));
  const left = (name: (typeof AMOUNTS)[number]) => sum(others.map((row) => row[name]));
  const snat = (of: readonly ListedGroup[]) => sum(of.filter(isSnat).map(({ entries }) => entries));
  return {
    addresses,
    talkers: {
      source: sources.map((source) => addresses.indexOf(source)),
      entries: bySource("entries"),
      snatEntries: sources.map((source) => snat(of(source))),
      unreplied: bySource("unreplied"),
      peers: sources.map((source) => new Set(of(source).map(({ peer }) => peer)).size),
      opened: bySource("opened"),
      closed: bySource("closed"),
    },
    talkerRemainder: {
      sources: all.length - sources.length,
      entries: left("entries"),
      snatEntries: snat(others),
      unreplied: left("unreplied"),
      opened: left("opened"),
      closed: left("closed"),
    },
    groups: {
      source: groups.map(({ source }) => addresses.indexOf(source)),
      peer: groups.map(({ peer }) => addresses.indexOf(peer)),
      peerPort: groups.map(({ port }) => port),
      protocol: groups.map(() => 6),
      nat: groups.map(({ nat }) => nat),
      natAddress: groups.map((row) => (isSnat(row) ? addresses.indexOf("192.168.0.1") : null)),
      entries: column("entries"),
      unreplied: column("unreplied"),
      opened: column("opened"),
      closed: column("closed"),
      bytes: column("bytes"),
      packets: column("packets"),
    },
    groupRemainder: {
      groups: rows.length - groups.length,
      entries: rest("entries"),
      unreplied: rest("unreplied"),
      opened: rest("opened"),
      closed: rest("closed"),
      bytes: rest("bytes"),
      packets: rest("packets"),
    },
  };
}
