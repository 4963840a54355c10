import * as z from "zod";

/** The longest way to write an address: a v4-mapped one, in full. */
const MAX_ADDRESS = 45;

const isAddress = (text: unknown): text is string =>
  typeof text === "string" && text.length <= MAX_ADDRESS && (z.regexes.ipv4.test(text) || isIpv6(text));

/** zod knows all forms but those that end in an IPv4 address (RFC 4291, 2.2), which stands for two groups. */
function isIpv6(text: string): boolean {
  const [, head, tail] = /^(.*:)(\d[\d.]*\.\d+)$/.exec(text) ?? [];
  if (head === undefined || tail === undefined) return z.regexes.ipv6.test(text);
  return z.regexes.ipv4.test(tail) && z.regexes.ipv6.test(`${head}0:0`);
}
const wholeUpTo =
  (max: number) =>
  (value: unknown): value is number =>
    Number.isInteger(value) && (value as number) >= 0 && (value as number) <= max;
const isCount = wholeUpTo(Number.MAX_SAFE_INTEGER);

/** What an OpenAPI reader is told of the elements of a column. */
interface Elements<T> {
  is(this: void, value: unknown): value is T;
  complaint: string;
  schema: Record<string, unknown>;
}

const wholeSchema = (maximum: number) => ({ type: "integer", minimum: 0, maximum });
export const addressElements = {
  is: isAddress,
  complaint: "not an IPv4 or IPv6 address",
  schema: { type: "string", maxLength: MAX_ADDRESS },
};
export const wholeElements = (max: number) => ({
  is: wholeUpTo(max),
  complaint: `not a whole number from 0 to ${max}`,
  schema: wholeSchema(max),
});
export const countElements = wholeElements(Number.MAX_SAFE_INTEGER);
export const integerElements = (minimum: number, maximum: number) => ({
  is: (value: unknown): value is number =>
    Number.isInteger(value) && (value as number) >= minimum && (value as number) <= maximum,
  complaint: `not a whole number from ${minimum} to ${maximum}`,
  schema: { type: "integer", minimum, maximum },
});
export const textElements = (maxLength: number) => ({
  is: (value: unknown): value is string => typeof value === "string" && value.length <= maxLength,
  complaint: `not a text of at most ${maxLength} characters`,
  schema: { type: "string", maxLength },
});
export const nullable = <T>({ is, complaint, schema }: Elements<T>) => ({
  is: (value: unknown): value is T | null => value === null || is(value),
  complaint: `${complaint}, nor null`,
  schema: { ...schema, type: [schema["type"], "null"] },
});
export const indexElements = nullable(countElements);

/**
 * An array of at most `max` plain values. Checked in one loop that stops at the first complaint: zod's own array makes
 * objects for each element, which is a fifth of the work of taking a report, and one issue for each that is wrong,
 * which is hundreds of megabytes for the worst body.
 */
export const column = <T>({ is, complaint, schema }: Elements<T>, max: number) =>
  z
    .custom<T[]>()
    .superRefine((values: unknown, check) => {
      if (!Array.isArray(values)) return refuse(check, [], "not an array");
      if (values.length > max)
        return refuse(check, [], `has ${values.length} rows; at most ${max} are taken`);
      const row = values.findIndex((value) => !is(value));
      if (row >= 0) refuse(check, [row], complaint);
    })
    .meta({ type: "array", maxItems: max, items: schema });

/** Counts by name, checked like a column and for the same reason. */
export const countsBy = <Counts extends Record<string, number | undefined>>(
  isName: (name: string) => boolean,
) =>
  z
    .custom<Counts>()
    .superRefine((counts: unknown, check) => {
      if (typeof counts !== "object" || counts === null || Array.isArray(counts))
        return refuse(check, [], "not an object");
      const wrong = Object.entries(counts).find(([name, count]) => !isName(name) || !isCount(count));
      if (wrong) refuse(check, [wrong[0]], isName(wrong[0]) ? countElements.complaint : "is not known");
    })
    .meta({ type: "object", additionalProperties: countElements.schema });

/** Longest name and longest value of {@link textsBy}. */
const MAX_NAME = 128;
const MAX_VALUE = 256;

/** At most `max` short texts by name. */
export const textsBy = (max: number) =>
  z
    .custom<Record<string, string>>()
    .superRefine((texts: unknown, check) => {
      if (typeof texts !== "object" || texts === null || Array.isArray(texts))
        return refuse(check, [], "not an object");
      const pairs = Object.entries(texts);
      if (pairs.length > max) return refuse(check, [], `has ${pairs.length} names; at most ${max} are taken`);
      const wrong = pairs.find(([name, text]) => name.length > MAX_NAME || !isValue(text));
      if (wrong) refuse(check, [wrong[0].slice(0, MAX_NAME)], "is too long, or not a text");
    })
    .meta({ type: "object", additionalProperties: { type: "string", maxLength: MAX_VALUE } });

const isValue = (text: unknown) => typeof text === "string" && text.length <= MAX_VALUE;

/** Words of which each element is one. */
export const elementsOf = <const Word extends string>(words: readonly Word[]) => ({
  is: (value: unknown): value is Word => words.some((word) => word === value),
  complaint: `not one of ${words.join(", ")}`,
  schema: { type: "string", enum: [...words] },
});

/** What depends on the shape of a refused value is not looked at. */
function refuse(check: z.RefinementCtx, path: (string | number)[], message: string): void {
  check.addIssue({ code: "custom", path, message, continue: false });
}
