import * as fc from "fast-check";
import { describe, test } from "vitest";
import { jsonLines, JsonList, MAX_OBJECT_BYTES } from "../../../agent/owners/kube-text.ts";

function collecting() {
  const taken: unknown[] = [];
  const sink = { take: (value: unknown) => void taken.push(value), unreadable: () => void taken.push("?") };
  return { taken, sink };
}

/** Cuts bytes at places that are given as shares; each piece is overwritten after its use, as a transport may. */
function pushInPieces(bytes: Uint8Array, cuts: readonly number[], push: (chunk: Uint8Array) => void): void {
  const places = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b);
  let start = 0;
  for (const end of places) {
    const piece = bytes.slice(start, end);
    push(piece);
    piece.fill(0x7b);
    start = end;
  }
}

const cuts = fc.array(fc.nat(), { maxLength: 8 });
const object = fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 4 }).map((value) => {
  const text = JSON.stringify(value);
  return { text, value: JSON.parse(text) as unknown };
});
const garbage = fc
  .uint8Array({ maxLength: 40 })
  .map((bytes) => bytes.map((byte) => (byte === 0x0a ? 0x22 : byte)));

describe("a stream of JSON lines", () => {
  test("gives every line however it is cut, and no garbage costs the line behind it", ({ expect }) => {
    fc.assert(
      fc.property(fc.array(fc.tuple(garbage, object)), cuts, (lines, cuts) => {
        const bytes = Buffer.concat(
          lines.flatMap(([rubbish, { text }]) => [rubbish, Buffer.from(`\n${text}\n`)]),
        );
        const { taken, sink } = collecting();
        pushInPieces(bytes, cuts, jsonLines(sink));
        const wanted = lines.map(([, { value }]) => value);
        const objects = taken.filter((value) => typeof value === "object" && value !== null);
        let next = 0;
        for (const value of objects) if (JSON.stringify(value) === JSON.stringify(wanted[next])) next += 1;
        expect(next).toBe(wanted.length);
      }),
    );
  });

  test("takes the longest object, and not one that is longer", ({ expect }) => {
    const { taken, sink } = collecting();
    const push = jsonLines(sink);
    for (const length of [MAX_OBJECT_BYTES, MAX_OBJECT_BYTES + 1]) {
      const line = Buffer.from(`"${"x".repeat(length - 2)}"\n1\n`);
      for (let at = 0; at < line.length; at += 65_536) push(line.subarray(at, at + 65_536));
    }
    expect(taken.map((value) => (typeof value === "string" ? value.length : value))).toEqual([
      MAX_OBJECT_BYTES - 2,
      1,
      1,
      1,
    ]);
  });
});

describe("a list", () => {
  test("gives its items and its frame however it is cut", ({ expect }) => {
    fc.assert(
      fc.property(fc.array(object), object, cuts, (items, { value: metadata }, cuts) => {
        const frame = { kind: "PodList", metadata };
        const text = JSON.stringify({ ...frame, items: items.map(({ value }) => value), last: '"]}' });
        const { taken, sink } = collecting();
        const list = new JsonList(sink);
        pushInPieces(Buffer.from(text), cuts, (chunk) => list.push(chunk));
        expect(taken).toEqual(items.map(({ value }) => value));
        expect(list.end()).toEqual(JSON.parse(JSON.stringify({ ...frame, items: [], last: '"]}' })));
      }),
    );
  });

  test("never throws, and is none without its end", ({ expect }) => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("{", "}", "[", "]", '"', ",", ":", "\\", "a") }),
        (text) => {
          const list = new JsonList(collecting().sink);
          list.push(Buffer.from(text));
          list.end();
        },
      ),
    );
    const list = new JsonList(collecting().sink);
    list.push(Buffer.from('{"metadata":{"resourceVersion":"1"},"items":[{"a":1},'));
    expect(list.end()).toBeUndefined();
  });
});
