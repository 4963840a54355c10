import { describe, test } from "vitest";
import { protocolName, protocolNumber } from "../../../agent/conntrack/protocols.ts";
import { stateName, stateNumber, TCP_STATE_NAMES } from "../../../agent/conntrack/states.ts";
import { TCP_STATES } from "../../../api/wire.ts";

describe("names and numbers", () => {
  test("TCP states have the names and the order they have on the wire", ({ expect }) => {
    expect(TCP_STATE_NAMES).toEqual(TCP_STATES);
  });

  test.for([
    [6, "ESTABLISHED", 3],
    [6, "LISTEN", 9],
    [132, "ESTABLISHED", 4],
    [33, "TIMEWAIT", 7],
    [6, "COOKIE_WAIT", -1],
    [17, "ESTABLISHED", -1],
  ] as const)("protocol %i state %s is %i", ([protocol, name, number], { expect }) => {
    expect(stateNumber(protocol, name)).toBe(number);
  });

  test("a state reads back from its name", ({ expect }) => {
    const states = [6, 33, 132].flatMap((protocol) =>
      Array.from({ length: 10 }, (_, i) => [protocol, i] as const),
    );
    expect(states.map(([protocol, i]) => stateNumber(protocol, stateName(protocol, i) ?? ""))).toEqual(
      states.map(([, i]) => i),
    );
  });

  test("a protocol without a tracker goes by its number", ({ expect }) => {
    expect([protocolName(6), protocolName(99), protocolNumber("icmpv6"), protocolNumber("unknown")]).toEqual([
      "tcp",
      "99",
      58,
      undefined,
    ]);
  });
});
