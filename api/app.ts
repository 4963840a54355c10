import type { OpenAPIHono } from "@hono/zod-openapi";
import { HTTPException } from "hono/http-exception";
import { routePath } from "hono/route";
import { innermost, isDatabaseFailure, isDatabaseFull } from "../db/failure.ts";
import { ProblemError, problemResponse } from "./problem.ts";
import { router } from "./router.ts";
import type { AppEnv, Deps } from "./router.ts";
import { routes } from "./routes/index.ts";

export type { Deps, LogEvent } from "./router.ts";

const RETRY_AFTER_S = "5";
/** Room is made by people, or by a tick that deletes what is too old. */
const RETRY_WHEN_FULL_S = "60";
const FULL =
  "The database or its disk is full: make room there, or keep less of what is old. Agents keep their reports " +
  "until then; there is no need to restart anything.";
/** Answers are for programs: nothing in them may run, be framed, be guessed at or be kept. */
const HEADERS = [
  ["cache-control", "no-store"],
  ["content-security-policy", "default-src 'none'; frame-ancestors 'none'"],
  ["referrer-policy", "no-referrer"],
  ["x-content-type-options", "nosniff"],
] as const;

/** The service, on any runtime that gives it its dependencies. */
export function createApp(deps: Deps): OpenAPIHono<AppEnv> {
  const app = router();
  app.use(async (c, next) => {
    const startedAt = deps.now();
    const requestId = crypto.randomUUID();
    c.set("deps", deps);
    c.set("requestId", requestId);
    await next();
    for (const [name, value] of HEADERS) c.res.headers.set(name, value);
    c.res.headers.set("x-request-id", requestId);
    const { status } = c.res;
    deps.log({
      level: status < 500 ? "info" : "error",
      event: "request",
      method: c.req.method,
      route: routePath(c, -1),
      status,
      ms: deps.now() - startedAt,
      requestId,
      ...(status >= 500 && c.error && { error: innermost(c.error).toString() }),
    });
  });
  for (const group of routes) app.route("/", group);
  app.notFound((c) =>
    problemResponse(new ProblemError("not-found", "There is no such path."), c.var.requestId),
  );
  app.onError((error, c) => problemResponse(toProblem(error), c.var.requestId));
  return app;
}

function toProblem(error: Error): ProblemError {
  if (error instanceof ProblemError) return error;
  if (isDatabaseFailure(error) && isDatabaseFull(error))
    return new ProblemError("insufficient-storage", FULL, { headers: { "retry-after": RETRY_WHEN_FULL_S } });
  if (isDatabaseFailure(error))
    return new ProblemError("unavailable", "The database cannot answer now.", {
      headers: { "retry-after": RETRY_AFTER_S },
    });
  if (error instanceof HTTPException && error.status < 500)
    return new ProblemError("bad-body", error.message);
  return new ProblemError("internal", "Something went wrong here; the log has the details.");
}
