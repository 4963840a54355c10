import { readFileSync } from "node:fs";
import { endianness } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, test } from "vitest";
import { newReception, readDatagram, type Reception } from "../../../agent/conntrack/datagram.ts";
import { TextScanner } from "../../../agent/conntrack/text.ts";
import { attribute, control, type Header, message, payloadOf } from "../../support/ctnetlink-messages.ts";
import { aRow, asRow, comparable, type Row } from "../../support/rows.ts";
import { someRow } from "../../support/some-rows.ts";

interface Received {
  rows: Row[];
  reception: Reception;
}

const US = { sequence: 1, port: 1 };

function receive(bytes: ArrayLike<number>, answersTo?: typeof US): Received {
  const rows: Row[] = [];
  const reception = newReception(Uint8Array.from(bytes), (entry) => rows.push(asRow(entry)), answersTo);
  readDatagram(reception, bytes.length);
  return { rows, reception };
}

const captured = (name: string) => readFileSync(join(import.meta.dirname, "captured", name));
const flow = (header?: Header) => message(payloadOf(aRow()), header);

describe("datagrams of ctnetlink", () => {
  test("any rows read back as they were sent", ({ expect }) => {
    fc.assert(
      fc.property(fc.array(someRow, { maxLength: 5 }), (rows) => {
        const { reception, ...received } = receive(
          rows.flatMap((row) => message(payloadOf(row))),
          US,
        );
        expect(received.rows).toEqual(rows);
        expect(reception.unreadable.lines).toBe(0);
      }),
    );
  });

  test("what a kernel sent is what its procfs printed", (context) => {
    if (endianness() !== "LE") context.skip("the capture is of a little-endian kernel");
    const printed: Row[] = [];
    const scanner = new TextScanner((entry) => printed.push(asRow(entry)));
    scanner.push(captured("procfs.txt"));
    const { rows, reception } = receive(captured("netlink-le.bin"));
    context.expect(rows).toHaveLength(12);
    context.expect(reception).toMatchObject({ entries: 12, done: true, errno: 0, unreadable: { lines: 0 } });
    context.expect(comparable(rows)).toEqual(comparable(printed));
  });

  test.for([
    ["a row of a dump", 0x100, 0x2, "none"],
    ["a new flow", 0x100, 0x600, "new"],
    ["a changed flow", 0x100, 0, "update"],
    ["an ended flow", 0x102, 0, "destroy"],
  ] as const)("%s is known by type and flags", ([, type, flags, event], { expect }) => {
    expect(receive(flow({ type, flags })).rows[0]?.event).toBe(event);
  });

  test("the end of a dump, an interruption, an overrun and an error are each told", ({ expect }) => {
    expect(receive(control(3, 0)).reception).toMatchObject({ done: true, errno: 0, interrupted: false });
    expect(receive(control(3, -4)).reception).toMatchObject({ done: true, errno: 4 });
    expect(receive(flow({ flags: 0x12 })).reception).toMatchObject({ interrupted: true, entries: 1 });
    expect(receive(control(4, 0)).reception).toMatchObject({ overrun: true, done: false });
    expect(receive(control(2, -1)).reception).toMatchObject({ errno: 1, done: false });
    expect(receive(control(1, 0)).reception).toMatchObject({ entries: 0, unreadable: { lines: 0 } });
  });

  test("answers to somebody else are passed over", ({ expect }) => {
    const bytes = [
      ...flow({ sequence: 9 }),
      ...flow({ port: 9 }),
      ...control(3, 0, { sequence: 9 }),
      ...flow(),
    ];
    expect(receive(bytes, US).reception).toMatchObject({ entries: 1, done: false, unreadable: { lines: 0 } });
  });

  test("a message whose end is not on four bytes is followed by padding", ({ expect }) => {
    const odd = message([...payloadOf(aRow()), ...attribute(5, [1, 2, 3]).slice(0, 7)]);
    expect(receive([...odd, ...flow()])).toMatchObject({ rows: [aRow(), aRow()] });
  });

  test("a row without one of its tuples is unreadable and the next is read", ({ expect }) => {
    const half = message(payloadOf(aRow()).slice(0, 4 + 52));
    const { rows, reception } = receive([...half, ...flow()]);
    expect(rows).toEqual([aRow()]);
    expect(reception.unreadable.lines).toBe(1);
    expect(reception.unreadable.samples[0]).toMatch(/^[0-9a-f]+$/);
  });

  test("a message of another kind is unreadable, with five samples at most", ({ expect }) => {
    const { reception } = receive(Array.from({ length: 7 }, () => flow({ type: 0x203 })).flat());
    expect(reception.unreadable.lines).toBe(7);
    expect(reception.unreadable.samples).toHaveLength(5);
    expect(Math.max(...reception.unreadable.samples.map((sample) => sample.length))).toBeLessThanOrEqual(500);
  });

  test("a datagram cut anywhere gives the rows before the cut and says that something is missing", ({
    expect,
  }) => {
    const whole = [...flow(), ...flow()];
    for (let length = 1; length < whole.length; length++) {
      const { rows, reception } = receive(whole.slice(0, length));
      expect(rows).toHaveLength(Math.floor(length / flow().length));
      expect(reception.unreadable.lines).toBe(length === flow().length ? 0 : 1);
    }
  });

  test("bytes behind the datagram's length are never read", ({ expect }) => {
    const whole = [...flow(), ...flow()];
    const rows: Row[] = [];
    const reception = newReception(Uint8Array.from(whole), (entry) => rows.push(asRow(entry)));
    readDatagram(reception, flow().length + 40);
    expect(rows).toHaveLength(1);
  });

  test("mutated messages never throw and never loop", ({ expect }) => {
    const mutation = fc.record({ at: fc.nat(), value: fc.integer({ min: 0, max: 255 }) });
    fc.assert(
      fc.property(
        fc.array(someRow, { minLength: 1, maxLength: 3 }),
        fc.array(mutation),
        (rows, mutations) => {
          const bytes = rows.flatMap((row) => message(payloadOf(row)));
          for (const { at, value } of mutations) bytes[at % bytes.length] = value;
          const { reception } = receive(bytes);
          expect(reception.entries).toBeLessThanOrEqual(bytes.length / 16);
        },
      ),
    );
  });

  test("random bytes never throw and never loop", ({ expect }) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(receive(bytes).reception.entries).toBeLessThanOrEqual(bytes.length / 16);
      }),
    );
  });
});
