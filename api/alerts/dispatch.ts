import type { Db } from "../../db/client.ts";
import type { LogEvent } from "../router.ts";
import type { Sealer } from "./sealed.ts";
import type { Send } from "./send.ts";

export type DispatchDeps = {
  db: Db;
  /** Epoch ms. */
  now: () => number;
  log: (event: LogEvent) => void;
  send: Send;
  sealer: Sealer;
  /** Address of the service, for links; without a slash at its end. */
  publicUrl?: string | undefined;
  /** From 0 up to 1. */
  random: () => number;
};

export type DispatchBudget = {
  /** Begins nothing new after so many ms. */
  ms: number;
  /** Sends no more messages than this. Default: as many as there are. */
  calls?: number | undefined;
  signal?: AbortSignal | undefined;
};

/** What was done, and when there is more to do, in epoch ms; undefined: nothing waits. */
export type Dispatched = { sent: number; failed: number; dead: number; nextDueAt?: number | undefined };

/**
 * Sends what is to be told and is due. Several may be at it at once, also of other processes: a message is sent by one of them. Where it
 * is killed, the next goes on; at most the message under way is sent again. Never throws.
 */
export async function dispatch(_deps: DispatchDeps, _budget: DispatchBudget): Promise<Dispatched> {
  return Promise.resolve({ sent: 0, failed: 0, dead: 0 });
}
