import * as z from "zod";

/** Longer names do not exist: of Kubernetes' they have at most 253 characters, keys of subjects MAX_KEY. */
export const MAX_PATTERN = 512;

/** A name, exactly; or with `*` at its begin, its end or both, which stands for anything. No more than that: it costs nothing to match. */
export const Pattern = z
  .string()
  .min(1, "give a name, or * for any")
  .max(MAX_PATTERN)
  .refine((text) => !text.slice(1, -1).includes("*"), "* may stand only at the begin and at the end");

/** Whether a name is what the pattern says. */
export function fits(pattern: string, name: string): boolean {
  if (pattern === "*") return true;
  const open = pattern.startsWith("*");
  const more = pattern.length > 1 && pattern.endsWith("*");
  const text = pattern.slice(open ? 1 : 0, more ? -1 : undefined);
  if (open && more) return name.includes(text);
  if (open) return name.endsWith(text);
  return more ? name.startsWith(text) : name === text;
}
