import * as fc from "fast-check";
import { describe, test } from "vitest";
import { newReception, readDatagram, type Reception } from "../../../agent/conntrack/datagram.ts";
import { ABSENT, type Entry } from "../../../agent/conntrack/entry.ts";
import { attribute, type Extras, message, nest, payloadOf } from "../../support/ctnetlink-messages.ts";
import { aRow, asRow, type Row } from "../../support/rows.ts";
import { someRow } from "../../support/some-rows.ts";

const NS_PER_MS = 1_000_000n;

/** Fails a read behind the end of the datagram, which a plain view of a larger buffer would let through. */
class GuardedView extends DataView<ArrayBuffer> {
  end = 0;
  #guard(at: number, size: number): number {
    if (at + size > this.end) throw new RangeError(`read of ${size} at ${at}, behind ${this.end}`);
    return at;
  }
  override getUint8 = (at: number) => super.getUint8(this.#guard(at, 1));
  override getUint16 = (at: number, little?: boolean) => super.getUint16(this.#guard(at, 2), little);
  override getUint32 = (at: number, little?: boolean) => super.getUint32(this.#guard(at, 4), little);
  override getInt32 = (at: number, little?: boolean) => super.getInt32(this.#guard(at, 4), little);
}

/** Behind every datagram lies what could be taken for more of it. */
const BEHIND = message(payloadOf(aRow()));

function receive(bytes: readonly number[], sink: (entry: Entry) => void = () => {}): Reception {
  const memory = Uint8Array.from([...bytes, ...BEHIND]);
  const view = new GuardedView(memory.buffer);
  view.end = bytes.length;
  const reception = { ...newReception(memory, sink), view };
  readDatagram(reception, bytes.length);
  return reception;
}

function extrasOf(bytes: number[]): { id: number; startedAt: number }[] {
  const all: { id: number; startedAt: number }[] = [];
  receive(bytes, ({ id, startedAt }) => all.push({ id, startedAt }));
  return all;
}

const withExtras = (extras: Extras) => message(payloadOf(aRow(), extras));
const without = (...types: number[]) => {
  const parts: number[] = [];
  const payload = payloadOf(aRow(), { startedNs: 5_000_000n });
  for (let at = 4; at < payload.length;) {
    const size = payload[at]! | (payload[at + 1]! << 8);
    const stop = at + ((size + 3) & ~3);
    if (!types.includes(payload[at + 2]! | ((payload[at + 3]! & 0x3f) << 8)))
      parts.push(...payload.slice(at, stop));
    at = stop;
  }
  return message([...payload.slice(0, 4), ...parts]);
};

describe("id and start of an entry", () => {
  const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
  const ms = fc.integer({ min: 1, max: 4_102_444_800_000 });

  test("any of them read back as they were sent", ({ expect }) => {
    fc.assert(
      fc.property(word, ms, (id, startedAt) => {
        const bytes = withExtras({ id, startedNs: BigInt(startedAt) * NS_PER_MS });
        expect(extrasOf(bytes)).toEqual([{ id, startedAt }]);
      }),
    );
  });

  test("are absent where the kernel sends none, also after a row that had them", ({ expect }) => {
    expect(extrasOf([...withExtras({ id: 7, startedNs: 9_000_000n }), ...without(12, 20)])).toEqual([
      { id: 7, startedAt: 9 },
      { id: 0, startedAt: ABSENT },
    ]);
  });

  test("a start of 0, of a flow not confirmed yet, is no start", ({ expect }) => {
    expect(extrasOf(withExtras({ id: 1, startedNs: 0n }))).toEqual([{ id: 1, startedAt: ABSENT }]);
  });

  test.for([
    ["an id of three bytes", attribute(12, [1, 2, 3])],
    ["a start longer than its nest", attribute(20, [40, 0, 1, 0, 0, 0, 0, 0])],
  ] as const)("%s makes the row unreadable", ([, part], { expect }) => {
    const { entries, unreadable } = receive(message([...payloadOf(aRow()), ...part]));
    expect({ entries, lines: unreadable.lines }).toEqual({ entries: 0, lines: 1 });
  });

  test("a start of seven bytes is not read", ({ expect }) => {
    const short = nest(20, attribute(1, [1, 2, 3, 4, 5, 6, 7]));
    expect(extrasOf(message([...payloadOf(aRow()), ...short]))[0]?.startedAt).toBe(ABSENT);
  });
});

/** Every number the decoder acts on, some it does not know, each with and without the marks of nesting and byte order. */
const attributeType = fc
  .tuple(fc.oneof(fc.integer({ min: 0, max: 28 }), fc.integer({ min: 0, max: 0x3fff })), fc.boolean())
  .map(([type, nested]) => (nested ? type | 0x8000 : type));
const bytes = (maxLength: number) => fc.array(fc.integer({ min: 0, max: 255 }), { maxLength });

/** Attributes in attributes, at the bottom of which lie bytes of any kind. */
const { garbage } = fc.letrec<{ garbage: number[] }>((tie) => ({
  garbage: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    bytes(20),
    fc
      .array(fc.tuple(attributeType, tie("garbage")), { maxLength: 4 })
      .map((parts) => parts.flatMap(([type, payload]) => attribute(type, payload))),
  ),
}));

/** Length fields that do not say the truth, written over an attribute's or a message's own. */
const lie = fc.record({ at: fc.nat(), length: fc.constantFrom(0, 1, 3, 4, 5, 15, 16, 17, 0x7fff, 0xffff) });

function lieIn(bytes: number[], lies: { at: number; length: number }[]): number[] {
  for (const { at, length } of lies) {
    const place = (at % bytes.length) & ~3;
    [bytes[place], bytes[place + 1]] = [length & 255, length >> 8];
  }
  return bytes;
}

describe("attributes of any kind", () => {
  /** No reception takes more rows than its bytes have room for, and what is not read is counted. */
  const sound = (datagram: number[], { entries, unreadable, errno }: Reception): boolean =>
    entries + unreadable.lines <= datagram.length / 16 + 1 && (entries + unreadable.lines > 0 || errno >= 0);

  test("nests of garbage are neither thrown over, nor looped in, nor read outside of", ({ expect }) => {
    fc.assert(
      fc.property(fc.constantFrom(2, 10, 3), fc.array(garbage, { maxLength: 6 }), (family, parts) => {
        const datagram = message([family, 0, 0, 0, ...parts.flat()]);
        expect(sound(datagram, receive(datagram))).toBe(true);
      }),
    );
  });

  test("garbage behind a row's own attributes leaves the row or makes it unreadable", ({ expect }) => {
    fc.assert(
      fc.property(someRow, garbage, (row, part) => {
        const rows: Row[] = [];
        const reception = receive(message([...payloadOf(row), ...part]), (entry) => rows.push(asRow(entry)));
        expect(reception.entries + reception.unreadable.lines).toBe(1);
      }),
    );
  });

  test("attributes that nobody knows change nothing", ({ expect }) => {
    const unknown = fc.integer({ min: 28, max: 0x3fff });
    fc.assert(
      fc.property(someRow, fc.array(fc.tuple(unknown, bytes(40)), { maxLength: 4 }), (row, parts) => {
        const rows: Row[] = [];
        const tail = parts.flatMap(([type, payload]) => attribute(type, payload));
        receive(message([...payloadOf(row), ...tail]), (entry) => rows.push(asRow(entry)));
        expect(rows).toEqual([row]);
      }),
    );
  });

  test("lengths that lie are neither thrown over, nor looped in, nor read outside of", ({ expect }) => {
    fc.assert(
      fc.property(
        fc.array(someRow, { minLength: 1, maxLength: 3 }),
        fc.array(lie, { maxLength: 4 }),
        (rows, lies) => {
          const datagram = lieIn(
            rows.flatMap((row) => message(payloadOf(row, { startedNs: 9_000_000n }))),
            lies,
          );
          expect(sound(datagram, receive(datagram))).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });

  test("a datagram cut at any byte reads nothing behind the cut", ({ expect }) => {
    fc.assert(
      fc.property(someRow, fc.nat(), (row, cut) => {
        const whole = message(payloadOf(row, { startedNs: 9_000_000n }));
        const datagram = whole.slice(0, 1 + (cut % (whole.length - 1)));
        expect(receive(datagram)).toMatchObject({ entries: 0, unreadable: { lines: 1 } });
      }),
    );
  });
});

describe("a datagram in the middle of a buffer", () => {
  test("is read from where it starts to where it ends", ({ expect }) => {
    const ports: number[] = [];
    const rows = [1, 2, 3].map((sport) =>
      message(payloadOf(aRow({ orig: { src: "10.0.0.1", dst: "10.0.0.2", sport, dport: 9 } }))),
    );
    const reception = newReception(Uint8Array.from(rows.flat()), ({ origSport }) => ports.push(origSport));
    readDatagram(reception, rows[1]!.length, rows[0]!.length);
    expect(ports).toEqual([2]);
  });

  test("an acknowledgement and a refusal say which request it answers", ({ expect }) => {
    const ack = message([0, 0, 0, 0], { type: 2, sequence: 41 });
    expect(receive(ack)).toMatchObject({ acknowledged: 41, errno: 0, entries: 0, unreadable: { lines: 0 } });
    const refusal = message([255, 255, 255, 255], { type: 2, sequence: 42 });
    expect(receive(refusal)).toMatchObject({ acknowledged: 42, errno: 1 });
  });
});
