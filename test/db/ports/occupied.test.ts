import * as fc from "fast-check";
import { expect, test } from "vitest";
import { availableOf, readOccupied } from "../../../db/ports/occupied.ts";

const ADDRESSES = ["192.168.50.10", "203.0.113.9", "10.244.0.11", "10.244.0.12"];
const PORTS = {
  natAddress: [0, 0],
  peer: [1, 1],
  peerPort: [3306, 53],
  protocol: [6, 17],
  zone: [0, 7],
  used: [9, 2],
  sources: [3, 1],
  shares: { row: [0, 1, 0], source: [2, 3, 3], used: [2, 2, 4] },
};

test("rows stand with their shares, the largest first", () => {
  expect(readOccupied(PORTS, ADDRESSES)).toEqual([
    {
      natAddress: "192.168.50.10",
      protocol: 6,
      peer: "203.0.113.9",
      peerPort: 3306,
      zone: 0,
      used: 9,
      sources: 3,
      shares: [
        { source: "10.244.0.12", used: 4 },
        { source: "10.244.0.11", used: 2 },
      ],
    },
    expect.objectContaining({ protocol: 17, zone: 7, shares: [{ source: "10.244.0.12", used: 2 }] }),
  ]);
});

test("a row that is none is passed over, and the others stand", () => {
  const { zone: _zone, ...unzoned } = PORTS;
  const rows = readOccupied({ ...unzoned, natAddress: [9, 0], sources: undefined }, ADDRESSES);
  expect(rows).toMatchObject([{ protocol: 17, zone: 0, sources: 1 }]);
  for (const column of ["peer", "peerPort", "protocol", "used"] as const)
    for (const value of [-1, 0.5, "1", null, 2 ** 53])
      expect(readOccupied({ ...PORTS, [column]: [value, PORTS[column][1]] }, ADDRESSES)).toHaveLength(1);
});

test("whatever stands there, it is read or not, and never a fault", () => {
  const strange = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.array(fc.oneof(fc.nat(5), fc.jsonValue({ maxDepth: 0 }))),
  );
  const columns = Object.keys(PORTS);
  fc.assert(
    fc.property(fc.constantFrom(...columns), strange, fc.boolean(), (column, value, inner) => {
      const ports = inner
        ? { ...PORTS, shares: { ...PORTS.shares, [column]: value } }
        : { ...PORTS, [column]: value };
      for (const row of readOccupied(ports, ADDRESSES) ?? []) {
        expect([row.natAddress, row.peer].every((address) => ADDRESSES.includes(address))).toBe(true);
        const numbers = [
          row.used,
          row.sources,
          row.zone,
          row.peerPort,
          row.protocol,
          ...row.shares.map(({ used }) => used),
        ];
        expect(numbers.every((number) => Number.isSafeInteger(number) && number >= 0)).toBe(true);
      }
    }),
    { numRuns: 300 },
  );
  for (const none of [undefined, null, 5, "ports", [], {}, { used: 3 }])
    expect(readOccupied(none, ADDRESSES)).toBeUndefined();
});

test.for([
  ["tcp", 6, 64_512],
  ["udp", 17, 64_512],
  ["sctp", 132, 64_512],
  ["icmp", 1, 65_536],
  ["icmpv6", 58, 65_536],
] as const)("of %s the kernel has as many to give as it says", ([, protocol, available]) => {
  expect(availableOf(protocol)).toBe(available);
});
