import * as z from "zod";
import { Problem } from "./problem.ts";

/** Names of clusters are DNS labels (RFC 1123, 2.1), so that they fit host names, paths and file names as they are. */
export const ClusterName = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, "not 1 to 63 lower-case letters, digits and inner hyphens")
  .meta({ example: "prod" });

export const ClusterPath = z.object({ cluster: ClusterName });

/** RFC 3339. */
export const Time = z.string().meta({ format: "date-time", example: "2026-11-21T12:00:00.000Z" });
export const toTime = (at: number) => new Date(at).toISOString();
export const toTimeOrNull = (at: number | null) => (at === null ? null : toTime(at));

export const bearer = [{ bearer: [] }];

export const json = <T extends z.ZodType>(schema: T, description: string) => ({
  description,
  content: { "application/json": { schema } },
});

/**
 * A body described by reference. Given a zod schema, the router would read and parse the body by itself, before and
 * beside `readJson` and without its limits.
 */
export const body = (component: string) => ({
  required: true,
  content: { "application/json": { schema: referTo(component) } },
});

export const referTo = (component: string) => ({ $ref: `#/components/schemas/${component}` });

const PROBLEMS = {
  400: "The body cannot be read",
  401: "No valid token",
  403: "The token has another scope",
  404: "Not there, or not for this token",
  408: "The body came too slowly",
  409: "Already exists, or has changed meanwhile",
  413: "The body is too large, on the wire or inflated",
  415: "Another Content-Type or Content-Encoding",
  422: "Invalid; `errors` lists what is",
  503: "The database cannot answer now",
  507: "The database is full; what is stored can still be read",
} as const;
type ProblemStatus = keyof typeof PROBLEMS;
type ProblemAnswer = {
  description: string;
  content: { "application/problem+json": { schema: typeof Problem } };
};

/** The problems an operation may answer with. */
export function problems<S extends ProblemStatus>(...statuses: S[]): Record<S, ProblemAnswer> {
  const answers = statuses.map((status) => [
    status,
    { description: PROBLEMS[status], content: { "application/problem+json": { schema: Problem } } },
  ]);
  return Object.fromEntries(answers) as Record<S, ProblemAnswer>;
}

/** What reading a JSON body may come to. */
export const bodyProblems = problems(400, 408, 413, 415, 422);
