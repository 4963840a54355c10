import * as fc from "fast-check";
import { hasPorts, type Row, type Tuple } from "./rows.ts";

const byte = fc.integer({ min: 0, max: 255 });
const port = fc.integer({ min: 0, max: 65_535 });
const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const zone = fc.oneof(fc.constant(0), port);
/** A double holds counters up to here exactly. */
const counter = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });

const ipv4 = fc.tuple(byte, byte, byte, byte).map((bytes) => bytes.join("."));
/** The runtime's own URL parser writes the canonical form (WHATWG URL, which follows RFC 5952). */
export const ipv6 = fc
  .array(fc.oneof(fc.constant(0), port), { minLength: 8, maxLength: 8 })
  .map((groups) =>
    new URL(`http://[${groups.map((group) => group.toString(16)).join(":")}]`).hostname.slice(1, -1),
  );

const ICMP = [1, 58];
const STATES: Record<number, number> = { 6: 10, 132: 10 };

function tuple(address: fc.Arbitrary<string>, protocol: number): fc.Arbitrary<Tuple> {
  const tracked = hasPorts(protocol) || ICMP.includes(protocol);
  const ports = tracked ? port : fc.constant(0);
  return fc.record({ src: address, dst: address, sport: ports, dport: ports });
}

const flags = fc.constantFrom(0, 2, 4, 6, 0x4002, 0xc002);

/** Any row the kernel could list, the flags being those that text carries. */
export const someRow: fc.Arbitrary<Row> = fc
  .record({
    family: fc.constantFrom(4 as const, 6 as const),
    protocol: fc.constantFrom(1, 6, 17, 47, 58, 99, 132, 136),
  })
  .chain(({ family, protocol }) => {
    const address = family === 4 ? ipv4 : ipv6;
    const states = STATES[protocol];
    return fc.record(
      {
        family: fc.constant(family),
        protocol: fc.constant(protocol),
        orig: tuple(address, protocol),
        reply: tuple(address, protocol),
        status: flags,
        timeout: fc.integer({ min: -1, max: 2 ** 31 - 1 }),
        state: states === undefined ? fc.constant(-1) : fc.integer({ min: -1, max: states - 1 }),
        zone,
        zoneOrig: zone,
        zoneReply: zone,
        mark: word,
        counters: fc.array(counter, { minLength: 4, maxLength: 4 }),
        event: fc.constant("none" as const),
      },
      {
        requiredKeys: [
          "family",
          "protocol",
          "orig",
          "reply",
          "status",
          "timeout",
          "state",
          "zone",
          "zoneOrig",
          "zoneReply",
          "mark",
          "event",
        ],
      },
    );
  });
