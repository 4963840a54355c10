import type { Answer, Outcome } from "../provider.ts";
import { byStatus, later, never } from "./judged.ts";

/** What codes mean that a provider answers with beside a status of 200. */
export type Codes = {
  /** Sent too often: for so long it takes nothing more. */
  tooOften: readonly number[];
  waitMs?: number | undefined;
  /** Codes of a channel that cannot work until somebody mends it, and what is to be mended. */
  toMend: Readonly<Record<number, string>>;
  /** Codes of messages that it will never take. */
  refused: readonly number[];
};

/** A code that is a number, or one written as a text; undefined of anything else. */
export function codeOf(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  return typeof value === "string" && /^-?\d{1,9}$/.test(value) ? Number(value) : undefined;
}

/** What an answer means whose body holds a code that is 0 where the message was taken. Codes nobody knows may pass. */
export function byCode(answer: Answer, code: number | undefined, codes: Codes): Outcome {
  if (code === undefined || (code === 0 && answer.status !== 200)) return byStatus(answer);
  if (code === 0) return { result: "sent" };
  if (codes.tooOften.includes(code)) return later(`too many messages (${code})`, codes.waitMs);
  const toMend = codes.toMend[code];
  if (toMend !== undefined) return never(`${toMend} (${code})`, true);
  if (codes.refused.includes(code)) return never(`the message was refused (${code})`);
  return later(`the provider answered with code ${code}`);
}
