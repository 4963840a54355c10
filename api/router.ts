import { OpenAPIHono } from "@hono/zod-openapi";
import type { Db } from "../db/client.ts";
import type { Stored, StoredReport } from "../db/queries/reports.ts";
import type { Scope, Token } from "../db/queries/tokens.ts";
import type { Retention } from "../db/tiers.ts";
import type { HostPolicy } from "./alerts/hosts.ts";
import type { Sealer } from "./alerts/sealed.ts";
import type { Send } from "./alerts/send.ts";
import { invalid, ProblemError } from "./problem.ts";

/** One line of the log. Never a token, never a whole report. */
export interface LogEvent {
  level: "info" | "warning" | "error";
  event: string;
  [field: string]: unknown;
}

/** What messages are sent with. */
export type Messaging = { sealer: Sealer; send: Send; hosts: HostPolicy };

/** All the service needs from its runtime. */
export interface Deps {
  db: Db;
  storeReport: (report: StoredReport) => Promise<Stored>;
  /** Finds a token where look-ups of several requests can be one; without it each request looks for itself. */
  findToken?: ((id: string) => Promise<Token | undefined>) | undefined;
  /** Epoch milliseconds. */
  now: () => number;
  log: (event: LogEvent) => void;
  /** Hash of the one admin token that is configured rather than stored. */
  adminTokenHash?: string | undefined;
  /** How long each tier is kept. Default: DEFAULT_RETENTION. */
  retention?: Retention | undefined;
  /** Told of each report once it is stored. What is done then may outlive the request by `keepAlive`. */
  onStored?: ((report: StoredReport, keepAlive: (work: Promise<void>) => void) => void) | undefined;
  /** What channels are sealed, tried and checked with; where it is not given, there are none to be had. */
  alerting?: (() => Promise<Messaging>) | undefined;
  /** Told that there may be something to send. */
  onNews?: (() => void) | undefined;
  /** How long a body may take to come, in ms. */
  bodyDeadlineMs?: number | undefined;
}

/** Who asks. Without a cluster the token is good for all of them. */
export interface Caller {
  scope: Scope;
  cluster?: { id: number; name: string } | undefined;
}

export interface AppEnv {
  Variables: { deps: Deps; requestId: string; caller: Caller };
}

/** A router whose parameters, when they are wrong, end in a problem. */
export function router(): OpenAPIHono<AppEnv> {
  return new OpenAPIHono<AppEnv>({
    defaultHook: (result) => {
      if (result.success) return;
      // A path that cannot name anything names nothing.
      if (result.target === "param") throw new ProblemError("not-found", "There is no such resource.");
      throw invalid(`The ${result.target} is invalid.`, result.error.issues);
    },
  });
}
