import * as fc from "fast-check";
import { test } from "vitest";
import { FlowMemory } from "../../../agent/summary/flow-memory.ts";

/** Few homes at both ends of the slots, so that runs of keys collide and wrap around. */
const key = fc.record({ a: fc.constantFrom(0, 1, 2, -1, -2), b: fc.nat(6) });
const step = fc.record({ key, remove: fc.boolean() });

test("rows are found as long as they are there, whatever was removed between them", ({ expect }) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), fc.boolean(), (steps, fits) => {
      const memory = new FlowMemory();
      const model = new Map<string, { a: number; b: number }>();
      for (const { key, remove } of steps) {
        const flow = memory.find(key);
        expect(flow >= 0).toBe(model.has(`${key.a} ${key.b}`));
        if (flow < 0) {
          memory.opened[memory.insert(key)] = key.b + 1;
          model.set(`${key.a} ${key.b}`, key);
        } else if (remove) {
          memory.remove(flow);
          model.delete(`${key.a} ${key.b}`);
        }
        if (fits) memory.fit();
        for (const known of model.values()) expect(memory.opened[memory.find(known)]).toBe(known.b + 1);
      }
      expect(memory.size).toBe(model.size);
    }),
  );
});

test("after a spike the rows that are left keep what they had in a smaller memory", ({ expect }) => {
  const memory = new FlowMemory();
  const keys = Array.from({ length: 20_000 }, (_, i) => ({ a: Math.imul(i, 0x9e3779b1), b: i }));
  for (const key of keys) {
    const flow = memory.insert(key);
    memory.groups[flow] = key.b;
    memory.rebase(flow, 2 * key.b, 3 * key.b);
  }
  for (const key of keys.slice(0, 19_000)) memory.remove(memory.find(key));
  const before = memory.groups.length;
  memory.fit();
  const left = keys.slice(19_000).map((key) => memory.find(key));
  expect(memory.groups.length).toBeLessThan(before / 8);
  expect(left.map((flow) => memory.groups[flow])).toEqual(keys.slice(19_000).map(({ b }) => b));
  expect(left.map((flow) => memory.bytes[flow])).toEqual(keys.slice(19_000).map(({ b }) => 2 * b));
});

test.for([2, 3])("of %i flows a memory for two takes two", (flows, { expect }) => {
  const memory = new FlowMemory(2);
  const rows = Array.from({ length: flows }, (_, b) => memory.insert({ a: 5, b }));
  expect(rows).toEqual([0, 1, -1].slice(0, flows));
});
