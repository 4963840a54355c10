import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KeyBook, MANY_LABELS } from "../../../db/fold/key-book.ts";
import { fieldsOf, keyOf } from "../../../db/fold/keys.ts";
import { Labels } from "../../../db/fold/labels.ts";
import { aSegment } from "../../support/stored-report.ts";

describe("labels", () => {
  const odd = fc.constantFrom(
    "",
    "0.0.0.0",
    "127.255.0.1",
    "128.0.0.0",
    "239.255.255.255",
    "240.0.0.0",
    "255.255.255.255",
    "256.1.1.1",
    "1.2.3",
    "1.2.3.4.5",
    "01.2.3.4",
    "1..3.4",
    "1.2.3.4 ",
    "::",
    "::1.2.3.4",
  );

  it("give any address back, and the same number for the same one alone", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(odd, fc.ipV4(), fc.ipV6(), fc.string())), (texts) => {
        const labels = new Labels();
        const numbers = texts.map((text) => labels.ofAddress(text));
        expect(numbers.map((number) => labels.address(number))).toEqual(texts);
        expect(new Set(numbers).size).toBe(new Set(texts).size);
        expect([...Int32Array.from(numbers)]).toEqual(numbers);
      }),
    );
  });

  it("keep no text of an IPv4 address that anybody may use", () => {
    const labels = new Labels();
    for (const text of ["0.0.0.0", "10.1.2.3", "239.255.255.255"]) labels.ofAddress(text);
    expect(labels.size).toBe(0);
    labels.ofAddress("240.0.0.0");
    expect(labels.size).toBe(1);
  });
});

describe("a book of keys", () => {
  const flow = {
    source: "10.0.0.1",
    peer: "2001:db8::1",
    port: 443,
    protocol: 17,
    nat: 3,
    natAddress: "192.168.0.1",
    zone: 7,
  };
  const web = { kind: "pod", namespace: "shop", name: "web-1", workloadKind: "Deployment", workload: "web" };
  const window = {
    start: 0,
    end: 30_000,
    segment: aSegment([{ ...flow, peerPort: 443, nat: "both", entries: 1 }]),
  };

  it("writes keys as keyOf does", () => {
    const book = new KeyBook();
    const numbers = book.window(
      window,
      book.holdersOn("a", () => web),
    );
    const text = (dimension: Parameters<typeof numbers>[0]) =>
      book.text(dimension, numbers(dimension)[0] ?? -1);
    expect(text("flow")).toBe(keyOf("flow", { ...flow, ...web, node: "a" }));
    expect(text("group")).toBe(keyOf("group", { ...flow, ...web }));
    expect(text("edge")).toBe(keyOf("edge", { ...flow, ...web }));
    expect(text("peer")).toBe(keyOf("peer", flow));
    expect(text("owner")).toBe(keyOf("owner", { ...web, node: "a" }));
    expect(text("source")).toBe(keyOf("source", { ...web, address: "10.0.0.1" }));
    expect(text("node")).toBe("a");
  });

  it("forgets texts that no key has any more, and keeps those of the others", () => {
    const book = new KeyBook();
    const holders = book.holdersOn("a", () => web);
    book.window(window, holders)("flow");
    const rows = Array.from({ length: 256 }, (_, i) => i.toString(16));
    let texts = 0;
    for (let part = 0; book.texts <= MANY_LABELS; part++) {
      const groups = rows.map((row) => ({
        source: "10.0.0.1",
        peer: `2001:db8:${part.toString(16)}::${row}`,
        entries: 1,
      }));
      book.window({ ...window, segment: aSegment(groups) }, holders)("peer");
      ({ texts } = book);
    }
    book.keep("peer", Int32Array.of(5, 2));
    expect(texts).toBeGreaterThan(MANY_LABELS);
    expect(book.texts).toBeLessThan(20);
    expect([0, 1].map((number) => fieldsOf("peer", book.text("peer", number)).peer)).toEqual([
      "2001:db8:0::5",
      "2001:db8:0::2",
    ]);
    expect(book.text("flow", 0)).toBe(keyOf("flow", { ...flow, ...web, node: "a" }));
    const again = book.window(
      window,
      book.holdersOn("a", () => web),
    );
    expect(again("flow")).toEqual(Int32Array.of(0));
  });
});
