import * as fc from "fast-check";
import { test } from "vitest";
import { parseEndpoint, parseQuestion } from "../../../agent/who/question.ts";

const shown = (text: string) => {
  const { address, port } = parseEndpoint(text) ?? {};
  return address && [address.text, port];
};

test.for([
  ["192.168.50.10:39510", ["192.168.50.10", 39_510]],
  ["192.168.50.10", ["192.168.50.10", undefined]],
  ["[fd00::9]:65535", ["fd00::9", 65_535]],
  ["[fd00::9]", ["fd00::9", undefined]],
  ["fd00:0::9", ["fd00::9", undefined]],
  ["::ffff:192.168.50.10", ["192.168.50.10", undefined]],
  ["[::ffff:192.168.50.10]:80", ["192.168.50.10", 80]],
  ["192.168.50.10:65536", undefined],
  ["192.168.50.10:", undefined],
  ["192.168.50:80", undefined],
  ["[fd00::9]:x", undefined],
  ["fd00::g", undefined],
  ["", undefined],
  [":80", undefined],
] as const)("%s", ([text, expected], { expect }) => {
  expect(shown(text)).toEqual(expected);
});

test("any text is an endpoint or none", ({ expect }) => {
  const typed = fc.string({ unit: fc.constantFrom(...Array.from("0123456789abcdef:.[]% ")), maxLength: 80 });
  fc.assert(
    fc.property(fc.oneof(typed, fc.string()), (text) => {
      const { port = 0 } = parseEndpoint(text) ?? {};
      expect(port >= 0 && port <= 65_535).toBe(true);
    }),
  );
});

test("a question has a protocol, of IPv6 its own ICMP, and what a far end is", ({ expect }) => {
  const question = (...args: string[]) => {
    const parsed = parseQuestion(args);
    if (!("question" in parsed)) return parsed;
    const { protocol, port, peer, peerPort } = parsed.question;
    return { protocol, port, peer: peer?.text, peerPort, json: parsed.json };
  };
  expect(question("10.0.0.1:5", "--peer", "10.0.0.9:3306", "--json")).toEqual({
    protocol: 6,
    port: 5,
    peer: "10.0.0.9",
    peerPort: 3306,
    json: true,
  });
  expect(question("10.0.0.1", "--protocol", "UDP")).toMatchObject({ protocol: 17, port: undefined });
  expect(question("10.0.0.1:7", "--protocol", "icmp", "--peer", "10.0.0.9:1")).toMatchObject({
    protocol: 1,
    peer: "10.0.0.9",
    peerPort: undefined,
  });
  expect(question("[fd00::1]:7", "--protocol", "icmp")).toMatchObject({ protocol: 58 });
  expect(question("10.0.0.1", "--protocol", "255")).toMatchObject({ protocol: 255 });
  expect(question("--help")).toEqual({ help: true });
});

test.for([
  [[], "give one address"],
  [["10.0.0.1:5", "10.0.0.2:5"], "give one address"],
  [["nowhere"], '"nowhere" is no address'],
  [["10.0.0.1:5", "--peer", "x"], '--peer is "x"'],
  [["10.0.0.1:5", "--protocol", "256"], '--protocol is "256"'],
  [["10.0.0.1:5", "--at", "5m"], "--at"],
] as const)("%j: what is wrong is said", ([args, complaint], { expect }) => {
  expect(parseQuestion(args)).toEqual({ complaint: expect.stringContaining(complaint) });
});
