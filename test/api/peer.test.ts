import * as fc from "fast-check";
import { expect, test } from "vitest";
import { parsePeer } from "../../api/peer.ts";

test("an address and a port are read as they are written, IPv6 in brackets", () => {
  const port = fc.option(fc.nat(65_535), { nil: undefined });
  const tail = (value: number | undefined) => (value === undefined ? "" : `:${value}`);
  fc.assert(
    fc.property(fc.ipV4(), fc.ipV6(), port, (v4, v6, port) => {
      expect(parsePeer(v4 + tail(port))).toEqual({ address: v4, port });
      expect(parsePeer(`[${v6}]${tail(port)}`)?.port).toBe(port);
      // Without brackets nobody knows where the address ends.
      expect(parsePeer(v6 + tail(port))).toBeUndefined();
    }),
  );
});

test("any other text is none, and never a fault", () => {
  const part = fc.constantFrom("[", "]", ":", "::", ".", "10", "fd00", "%", "65536", "\u0000", " ");
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(part).map((parts) => parts.join("")),
      ),
      (text) => {
        expect(parsePeer(text)?.port ?? 0).toBeLessThanOrEqual(65_535);
      },
    ),
  );
});
