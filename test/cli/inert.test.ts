import * as fc from "fast-check";
import { test } from "vitest";
import { inert, inertAnswer, inertJson } from "../../api/cli/inert.ts";

/** What a terminal would act upon, written anew here: C0, DEL, C1, marks of direction, joiners, tags, ends of lines. */
const OBEYED = new RegExp(
  [
    "[\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u061c\\u115f\\u1160\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164]",
    "[\\ufe00-\\ufe0f\\ufeff\\ufff9-\\ufffb\\ud800-\\udfff\\u{e0000}-\\u{e0fff}]",
  ].join("|"),
  "u",
);

const hostile = fc.string({
  unit: fc.oneof(
    fc.constantFrom(
      "\u001b",
      "\u009b",
      "\u202e",
      "\u2066",
      "\u200d",
      "\u2028",
      "\u007f",
      "\n",
      "\u{e0041}",
      "\ud800",
    ),
    fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
  ),
});

test("a terminal obeys nothing of a foreign text, and ordinary text is as it was", ({ expect }) => {
  fc.assert(
    fc.property(hostile, (text) => {
      expect(inert(text)).not.toMatch(OBEYED);
    }),
  );
  expect(inert("web-1 Größe 東京 🙂")).toBe("web-1 Größe 東京 🙂");
  expect(inert("\u001b[31mweb\u202e")).toBe("\\u{1b}[31mweb\\u{202e}");
});

const textsIn = (value: unknown): string[] =>
  typeof value === "string"
    ? [value]
    : Object.entries(value ?? {}).flatMap(([name, inner]) => [name, ...textsIn(inner)]);

test("of an answer all texts are inert, and nothing else changes", ({ expect }) => {
  fc.assert(
    fc.property(
      fc.dictionary(hostile, fc.oneof(hostile, fc.integer(), fc.constant(null), fc.array(hostile))),
      (answer) => {
        for (const text of textsIn(inertAnswer(answer))) expect(text).not.toMatch(OBEYED);
      },
    ),
  );
  expect(inertAnswer({ a: [1, null, true, { b: "c\u0007" }] })).toEqual({
    a: [1, null, true, { b: "c\\u{7}" }],
  });
});

test("JSON that a terminal obeys nothing of is the same JSON", ({ expect }) => {
  fc.assert(
    fc.property(fc.jsonValue(), hostile, fc.constantFrom(0, 2), (value, name, space) => {
      const text = JSON.stringify({ [name]: value, name }, null, space);
      const shown = inertJson(text);
      expect(shown.replaceAll("\n", "")).not.toMatch(OBEYED);
      expect(JSON.parse(shown)).toEqual(JSON.parse(text));
    }),
  );
});
