import * as fc from "fast-check";
import { test } from "vitest";
import { type Answer, readAnswers } from "../../../agent/host/nfnetlink.ts";
import { attribute, control, message } from "../../support/ctnetlink-messages.ts";

/** A row of one CPU, as ctnetlink_ct_stat_cpu_fill_info lays it out. */
const row = (cpu: number, ...attributes: number[][]) =>
  message([0, 0, cpu >> 8, cpu & 255, ...attributes.flat()], { type: 0x104 });
const done = control(3, 0);

function read(bytes: number[], enough = false): { answers: Answer[]; last: boolean } {
  const answers: Answer[] = [];
  const last = readAnswers(Uint8Array.from(bytes), (answer) => {
    answers.push(answer);
    return enough;
  });
  return { answers, last };
}

test("the messages of a datagram are handed over with their resource and attributes", ({ expect }) => {
  const { answers, last } = read([...row(1, attribute(2, [0, 0, 1, 0])), ...row(258)]);
  expect(answers).toEqual([
    { family: 0, resource: 1, attributes: new Map([[2, Uint8Array.of(0, 0, 1, 0)]]) },
    { family: 0, resource: 258, attributes: new Map() },
  ]);
  expect(last).toBe(false);
});

test("a message whose length is no multiple of four is followed by the next at one", ({ expect }) => {
  const odd = message([0, 0, 0, 7, 1], { type: 0x104 });
  expect(read([...odd, ...row(8)]).answers).toMatchObject([{ resource: 7 }, { resource: 8 }]);
});

test("the end of the dump is the last that is wanted", ({ expect }) => {
  expect(read([...row(0), ...done, ...row(1)])).toMatchObject({ answers: [{ resource: 0 }], last: true });
});

test("who has seen enough gets no more", ({ expect }) => {
  expect(read([...row(0), ...row(1)], true)).toMatchObject({ answers: [{ resource: 0 }], last: true });
});

test("marks of nesting and byte order are no part of an attribute's type", ({ expect }) => {
  expect([...read(row(0, attribute(0xc002, [7]))).answers[0]!.attributes]).toEqual([[2, Uint8Array.of(7)]]);
});

test.for([
  ["a refusal", control(2, -1), "EPERM"],
  ["a dump that ends with an error", control(3, -5), "errno 5"],
  ["a message longer than its datagram", row(0).slice(0, 18), "cut short"],
  ["a message shorter than its header", [4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], "cut short"],
] as const)("%s is an error", ([, bytes, words], { expect }) => {
  expect(() => read([...bytes])).toThrow(words);
});

test("damaged datagrams are refused or read, never for ever nor outside", ({ expect }) => {
  const whole = [...row(0, attribute(2, [0, 0, 0, 9]), attribute(4, [0, 0, 0, 1])), ...row(1), ...done];
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length), (at, byte, length) => {
      const bytes = whole.with(at, byte).slice(0, length);
      const count = attempt(() => read(bytes).answers.length);
      expect(count).toBeLessThanOrEqual(2 + whole.length / 16);
    }),
    { numRuns: 1_000 },
  );
});

function attempt(count: () => number): number {
  try {
    return count();
  } catch {
    return 0;
  }
}
