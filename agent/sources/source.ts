import type { Sink } from "../conntrack/entry.ts";
import type { Unreadable } from "../conntrack/unreadable.ts";

export type { Sink } from "../conntrack/entry.ts";

/** What became of one read of the whole table. */
export interface Dump {
  entries: number;
  /** The kernel said that the dump is not of one piece (NLM_F_DUMP_INTR); a text source is not told. */
  interrupted: boolean;
  /** Rows that could not be read, with the first few of them as text. */
  unreadable: Unreadable;
}

/** A way to get entries out of the kernel. */
export interface Source {
  readonly name: "netlink" | "procfs" | "conntrack";
  /** What this source cannot see, one sentence each, for the report's completeness. */
  readonly blind: readonly string[];
  /**
   * Reads the whole table once, yielding to the event loop in between.
   * Throws `SourceError` when the table cannot be read to its end, and whatever `signal` was aborted with.
   */
  dump(sink: Sink, signal: AbortSignal): Promise<Dump>;
  close(): void;
}

/** Why a source is not to be had here, and what to do about it. Also thrown by a dump that fails midway. */
export class SourceError extends Error {
  readonly remedy: string;
  constructor(message: string, remedy: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "SourceError";
    this.remedy = remedy;
  }
}

/** The name of a system error such as ENOENT, undefined for any other error. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
