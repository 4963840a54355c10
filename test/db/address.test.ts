import * as fc from "fast-check";
import { describe, test } from "vitest";
import * as z from "zod";
import { canonicalAddress } from "../../db/address.ts";

describe("the one spelling of an address", () => {
  test.for([
    ["10.0.0.1", "10.0.0.1"],
    ["255.255.255.255", "255.255.255.255"],
    ["::", "::"],
    ["::1", "::1"],
    ["1::", "1::"],
    ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"],
    ["0:0:1::", "0:0:1::"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
    ["1:0:3:4:5:6:7:8", "1:0:3:4:5:6:7:8"],
    ["::ffff:c0a8:17", "::ffff:192.168.0.23"],
    ["::ffff:192.168.0.23", "::ffff:192.168.0.23"],
    ["64:ff9b::192.0.2.1", "64:ff9b::c000:201"],
    ["::ffff:0:0", "::ffff:0.0.0.0"],
  ])("%s is %s", ([text, canonical], { expect }) => {
    expect(canonicalAddress(text ?? "")).toBe(canonical);
  });

  test.for([
    "",
    "10.0.0",
    "10.0.0.1.2",
    "10.0.0.256",
    "010.0.0.1",
    "10.0.0.1 ",
    "10.0..1",
    ":",
    ":::",
    ":1",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8::",
    "12345::",
    "::g",
    "fe80::1%eth0",
    "::1.2.3",
    "1.2.3.4::",
    "\0::",
  ])("%j is no address", (text, { expect }) => {
    expect(canonicalAddress(text)).toBeUndefined();
  });

  test("any text a report may carry as an address has one, and it is its own", ({ expect }) => {
    const address = fc.oneof(
      fc.stringMatching(z.regexes.ipv4),
      fc.stringMatching(z.regexes.ipv6),
      fc.ipV4(),
      fc.ipV6(),
    );
    const check = fc.property(address, (text) => {
      const canonical = canonicalAddress(text);
      expect(canonical, text).toBeDefined();
      expect(canonicalAddress(canonical ?? "")).toBe(canonical);
    });
    fc.assert(check, { numRuns: 2000 });
  });
});
