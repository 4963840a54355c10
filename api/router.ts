import { OpenAPIHono } from "@hono/zod-openapi";
import type { Db } from "../db/client.ts";
import type { ReportStore } from "./ingest.ts";
import { ProblemError } from "./problem.ts";
import type { Complaint } from "./problem.ts";
import type { Scope } from "./tokens.ts";

/** One line of the log. Never a token, never a whole report. */
export interface LogEvent {
  level: "info" | "warning" | "error";
  event: string;
  [field: string]: unknown;
}

/** All the service needs from its runtime. */
export interface Deps {
  db: Db;
  reports: ReportStore;
  /** Epoch milliseconds. */
  now(): number;
  log(event: LogEvent): void;
  /** Hash of the one admin token that is configured rather than stored. */
  adminTokenHash?: string | undefined;
  /** How long a body may take to come, in ms. */
  bodyDeadlineMs: number;
}

/** Who asks. Without a cluster the token is good for all of them. */
export interface Caller {
  scope: Scope;
  cluster?: string | undefined;
}

export interface AppEnv {
  Variables: { deps: Deps; requestId: string; caller: Caller };
}

/** Issues listed in one problem; more of them help nobody. */
const MAX_COMPLAINTS = 20;

interface Issue {
  path: readonly PropertyKey[];
  message: string;
}

export function complaints(issues: readonly Issue[]): Complaint[] {
  return issues.slice(0, MAX_COMPLAINTS).map(({ path, message }) => ({
    path: path.map((step) => (typeof step === "number" ? step : String(step))),
    message,
  }));
}

export function invalid(issues: readonly Issue[], what: string): ProblemError {
  const some = issues.length > MAX_COMPLAINTS ? `${issues.length} errors, the first ${MAX_COMPLAINTS} listed` : "";
  return new ProblemError("invalid", some ? `${what} is invalid: ${some}.` : `${what} is invalid.`, {
    errors: complaints(issues),
  });
}

/** A router whose parameters, when they are wrong, end in a problem. */
export function router(): OpenAPIHono<AppEnv> {
  return new OpenAPIHono<AppEnv>({
    defaultHook: (result) => {
      if (result.success) return;
      // A path parameter that cannot exist names nothing.
      if (result.target === "param") throw new ProblemError("not-found", "There is no such thing.");
      throw invalid(result.error.issues, `The ${result.target}`);
    },
  });
}
