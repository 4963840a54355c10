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
const isIndex = (value: unknown): value is number | null => value === null || isCount(value);

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
export const indexElements = {
  is: isIndex,
  complaint: "neither a whole number nor null",
  schema: { ...countElements.schema, type: ["integer", "null"] },
};

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
