import * as fc from "fast-check";
import { describe, test } from "vitest";
import { bytesOf, cut, type Dialect, runesOf, spelt } from "../../../../api/alerts/channels/cut.ts";
import { clean, MAX_NAME } from "../../../../api/alerts/channels/inert.ts";
import type { Part } from "../../../../api/alerts/text/text.ts";

const any = fc.string({ unit: "binary", maxLength: 400 });

describe("a name", () => {
  test.for([
    ["web-3", "web-3"],
    ["a\nb\tc", "a b c"],
    ["a\u202Eb\u200Bc\uFEFFd", "abcd"],
    ["\uD800a\uDFFF", "a"],
    ["\u001B[31m", "[31m"],
    ["`code`", "'code'"],
    ["  x  ", "x"],
    ["", "?"],
    ["\u200B", "?"],
    ["流量 😀", "流量 😀"],
  ])("%j is shown as %j", ([name, shown], { expect }) => {
    expect(clean(name!)).toBe(shown);
  });

  test("of as many letters as are shown is whole, one of more loses its middle", ({ expect }) => {
    const name = `${"a".repeat(MAX_NAME - 6)}-x2lqp`;
    expect(clean(name)).toBe(name);
    const longer = clean(`b${name}`);
    expect(Array.from(longer)).toHaveLength(MAX_NAME);
    expect(longer).toMatch(/^ba+…a+-x2lqp$/);
  });

  test("however it is, is on one line, not empty, short, and the same when cleaned again", ({ expect }) => {
    fc.assert(
      fc.property(any, fc.integer({ min: 8, max: 200 }), (name, max) => {
        const shown = clean(name, max);
        expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}`]/u);
        expect(shown.trim()).not.toBe("");
        expect(Array.from(shown).length).toBeLessThanOrEqual(max);
        expect(clean(shown, max)).toBe(shown);
      }),
    );
  });

  test("of ten million letters costs what one of a thousand does", ({ expect }) => {
    expect(Array.from(clean("😀x\u202E".repeat(2_500_000)))).toHaveLength(MAX_NAME);
  });
});

const DIALECTS: Record<string, Dialect> = {
  html: {
    words: (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;"),
    name: (text) => `<code>${text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")}</code>`,
    size: (text) => text.length,
  },
  bytes: { words: (text) => text, name: (text) => `\`${text}\``, size: bytesOf },
  runes: { words: (text) => text.replaceAll("*", "\\*"), name: (text) => `\`${text}\``, size: runesOf },
};

describe.for(Object.keys(DIALECTS))("text that is cut, counted as %s", (name) => {
  const dialect = DIALECTS[name]!;
  const size = dialect.size!;

  test("is never larger than it may be, never broken, and whole where it fits", ({ expect }) => {
    const part = fc.oneof<fc.Arbitrary<Part>[]>(
      fc.string({ unit: fc.constantFrom("<", "&", "*", "a", "é", "流", "😀", " "), maxLength: 30 }),
      fc.record({
        name: fc.string({ unit: fc.constantFrom("<", "&", "*", "a", "流", "😀"), maxLength: 30 }),
      }),
      fc.record({ code: fc.constantFrom("sysctl -w net.netfilter.nf_conntrack_max=524288", "x") }),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 5 }), fc.integer({ min: 4, max: 120 }), (text, max) => {
        const whole = spelt(text, dialect);
        const short = spelt(text, dialect, max);
        if (size(whole) <= max) expect(short).toBe(whole);
        else {
          expect(size(short)).toBeLessThanOrEqual(max);
          expect(short.endsWith("…")).toBe(true);
        }
        expect(short).not.toMatch(/\p{Cs}/u);
        expect(short.match(/<code>/g)?.length).toBe(short.match(/<\/code>/g)?.length);
        if (name === "html") expect(short).not.toMatch(/&(?!amp;|lt;)/);
        expect([...short.matchAll(/`/g)].length % 2).toBe(0);
        expect(short).not.toMatch(/\\…$/);
      }),
    );
  });

  test("at the limit is whole, one less cuts it", ({ expect }) => {
    const text = ["流量 ", { name: "web-<3>" }, " is full"];
    const whole = spelt(text, dialect);
    expect(spelt(text, dialect, size(whole))).toBe(whole);
    const short = spelt(text, dialect, size(whole) - 1);
    expect(short.endsWith("…")).toBe(true);
    expect(size(short)).toBeLessThanOrEqual(size(whole) - 1);
  });
});

test("runes are code points", ({ expect }) => {
  fc.assert(
    fc.property(any, (text) => {
      expect(runesOf(text)).toBe(Array.from(text).length);
    }),
  );
});

test.for([
  ["abcd", 4, "abcd"],
  ["abcde", 4, "abc…"],
  ["ab😀cd", 4, "ab…"],
  ["ab😀cd", 5, "ab😀…"],
  ["ab", 1, "…"],
] as const)("%j in %i units is %j", ([text, max, short], { expect }) => {
  expect(cut(text, max)).toBe(short);
});
