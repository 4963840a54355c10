import { describe, test } from "vitest";
import { MAX_ROW_BYTES, OwnerBook } from "../../../agent/owners/book.ts";
import type { Owner } from "../../../agent/owners/owner.ts";

const none = () => false;
const W0 = { from: 90_000, to: 120_000 };
const address = (n: number) => `10.0.${n >> 8}.${n & 255}`;

describe("bytes of owners in a report", () => {
  test.for([false, true])(
    "a report has no more text than the API has room for, complete %s; the rest goes with the next ones",
    (complete, { expect }) => {
      const book = new OwnerBook("file");
      // Two characters of JSON each, or three bytes.
      for (const [text, from] of [
        ['"', 0],
        ["\u4e2d", 2_000],
      ] as const)
        for (let n = from; n < from + 2_000; n++)
          book.hold(address(n), { kind: "external", name: text.repeat(253), namespace: text.repeat(253) }, 1);
      const told = new Set<string>();
      const bytes: number[] = [];
      for (let time = 0; time < 6; time++) {
        const owners = book.report(W0, complete && time === 0, none) ?? { address: [] };
        bytes.push(Buffer.byteLength(JSON.stringify(owners)));
        for (const one of owners.address) told.add(one);
        expect(book.leftOut).toBe(4_000 - told.size);
      }
      expect([told.size, book.leftOut, book.report(W0, false, none)]).toEqual([4_000, 0, undefined]);
      // Names of the columns, and what one row more would have taken.
      expect(Math.max(...bytes) - MAX_ROW_BYTES).toBeLessThanOrEqual(200);
      expect(MAX_ROW_BYTES - (bytes[0] ?? 0)).toBeLessThan(2_000);
    },
  );

  test("what a complete report had no room for is news for the next, though it was told before", ({
    expect,
  }) => {
    const book = new OwnerBook("file");
    const long: Owner = { kind: "external", name: "x".repeat(253), namespace: "y".repeat(253) };
    for (let n = 0; n < 2_500; n++) book.hold(address(n), long, 1);
    while (book.report(W0, false, none));
    const named = book.report(W0, true, none)?.address ?? [];
    const rest = book.report(W0, false, none)?.address ?? [];
    expect([named.length < 2_500, named.length + rest.length]).toEqual([true, 2_500]);
  });
});
