import * as z from "zod";
import { RULES } from "../detect/index.ts";
import { fits } from "./pattern.ts";

/** Whether a name or pattern is that of a rule there is. */
export const isOfRules = (pattern: string): boolean => RULES.some(({ name }) => fits(pattern, name));

export const NO_SUCH_RULE = `no such rule; there are ${RULES.map(({ name }) => name).join(", ")}`;

/** What fits none would never take anything. */
export const areOfRules = (patterns: readonly string[] | undefined): boolean =>
  patterns?.every(isOfRules) ?? true;

/** The name of a rule. */
export const RuleName = z.string().refine((text) => RULES.some(({ name }) => name === text), NO_SUCH_RULE);
