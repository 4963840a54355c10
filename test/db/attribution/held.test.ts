import { test } from "vitest";
import { leasesOf } from "../../../db/attribution/held.ts";
import { at, half, halves, pod, row } from "../../support/asked.ts";

const windows = halves(8, [row({ natPort: 1 })], {
  1: { rows: [row({ natPort: 2, opened: 40, closed: 45 }), row({ natPort: 3, opened: 50 })] },
  3: { rows: [row({ natPort: 3, opened: 50, closed: 110 }), row({ natPort: 4, opened: 100 })] },
});
const read = (from: number, to: number) =>
  leasesOf(
    windows.filter((window) => window.from < at(to) && window.to > at(from)),
    { from: at(from), to: at(to) },
    { node: "node-1", holders: () => [pod("web-1", -600)] },
  );
const ports = (from: number, to: number) => read(from, to).map(({ lease }) => lease.natPort);

test("leases of a source over a time are those that may have been in force in it, the latest first", ({
  expect,
}) => {
  expect(ports(0, 240)).toEqual([4, 3, 2, 1]);
  expect(ports(45, 60)).toEqual([3, 2]);
  expect(ports(60, 100)).toEqual([3]);
  expect(ports(111, 120)).toEqual([4]);
  expect(read(0, 240)[1]).toEqual({
    lease: { ...row({ natPort: 3, opened: 50, closed: 110 }), lastSeen: at(110) },
    owners: [{ owner: expect.objectContaining({ name: "web-1" }), reasons: [] }],
  });
  expect(read(0, 240)[3]!.owners[0]!.reasons).toEqual(["opened-unknown"]);
});

test("a lease that a later keyframe lacks has ended by then", ({ expect }) => {
  const later = [
    ...halves(3, [row({ natPort: 1 })]),
    half(3, { events: "lossy" }),
    half(4, { keyframe: [] }),
    ...halves(9).slice(6),
  ];
  const of = (from: number) =>
    leasesOf(later, { from: at(from), to: at(240) }, { node: "node-1", holders: () => [] }).length;
  expect([of(100), of(160)]).toEqual([1, 0]);
});
