import * as fc from "fast-check";
import { describe, test } from "vitest";
import { formatAddress, readAddress } from "../../../agent/conntrack/address.ts";
import { addressBytes, paddedAddress } from "../../support/rows.ts";
import { ipv6 } from "../../support/some-rows.ts";

/** The canonical text of an address; undefined where the reader saw none, or did not come to its end. */
function read(text: string): string | undefined {
  const bytes = Buffer.from(text);
  const cursor = { bytes, at: 0, end: bytes.length };
  const words = new Int32Array(4);
  const family = readAddress(cursor, words, 0);
  return family === 0 || cursor.at < cursor.end ? undefined : formatAddress(words, 0, family);
}

describe("addresses", () => {
  test.for([
    ["10.244.0.11", "10.244.0.11"],
    ["0.0.0.0", "0.0.0.0"],
    ["255.255.255.255", "255.255.255.255"],
    ["fd00:0244:0000:0000:0000:0000:0000:0011", "fd00:244::11"],
    ["fd00:244::11", "fd00:244::11"],
    ["0000:0000:0000:0000:0000:0000:0000:0000", "::"],
    ["::", "::"],
    ["::1", "::1"],
    ["1::", "1::"],
    ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
    ["1:0:0:2:3:0:0:4", "1::2:3:0:0:4"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
    ["::ffff:10.0.0.1", "::ffff:a00:1"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
    ["FD00::ABCD", "fd00::abcd"],
  ])("%s reads as %s", ([text, canonical], { expect }) => {
    expect(read(text as string)).toBe(canonical);
  });

  test.for([
    "",
    "x",
    "10",
    "10.0.0",
    "10.0.0.256",
    "10.0.0.1000",
    "10..0.1",
    ":",
    ":1",
    "1:",
    "1:2:3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:",
    "1:2:3:4:5:6:7:8:",
    "1:2:3:4:5:6:7:8::",
    "1::2::3",
    "1:::2",
    "1:2:3:4:5:6:7:1.2.3.4",
    "::1.2.3",
    "10.0.0.1x",
    "fd00:0244:0000:0000:0000:0000:0000:00g1",
    "fd00:0244x0000:0000:0000:0000:0000:0011",
    "fd00:0244:0000x0000:0000:0000:0000:0011",
  ])("%j is no address", (text, { expect }) => {
    expect(read(text)).toBeUndefined();
  });

  test("any IPv6 address reads back from its canonical and from its padded form", ({ expect }) => {
    fc.assert(
      fc.property(ipv6, (address) => {
        expect(read(address)).toBe(address);
        expect(read(paddedAddress(address))).toBe(address);
      }),
    );
  });

  test("any IPv4 address reads back", ({ expect }) => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        expect(read(address)).toBe(address);
        expect(addressBytes(address)).toHaveLength(4);
      }),
    );
  });
});
