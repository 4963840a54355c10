import * as z from "zod";

/** Every kind of problem this service answers with. The slug is part of the contract: clients branch on `type`. */
const KINDS = {
  "bad-body": { status: 400, title: "The body cannot be read" },
  unauthorized: { status: 401, title: "A valid token is required" },
  forbidden: { status: 403, title: "This token may not do that" },
  "not-found": { status: 404, title: "Not found" },
  "body-timeout": { status: 408, title: "The body came too slowly" },
  conflict: { status: 409, title: "Already exists" },
  changed: { status: 409, title: "It is no longer as you think" },
  "too-large": { status: 413, title: "The body is too large" },
  "unsupported-media": { status: 415, title: "The body is in an unsupported form" },
  invalid: { status: 422, title: "The request is invalid" },
  internal: { status: 500, title: "Internal error" },
  misconfigured: { status: 500, title: "The service is misconfigured" },
  "insufficient-storage": { status: 507, title: "There is no room to store it" },
  unavailable: { status: 503, title: "The service cannot answer now" },
} as const;

export type ProblemSlug = keyof typeof KINDS;

/** What is wrong with one part of a body or query; `path` leads to it. */
export interface Complaint {
  path: (string | number)[];
  message: string;
}

interface Extra {
  errors?: readonly Complaint[];
  headers?: Readonly<Record<string, string>>;
}

/** A request that ends in an RFC 9457 problem. `detail` is shown to the caller. */
export class ProblemError extends Error {
  readonly slug: ProblemSlug;
  readonly detail: string;
  readonly extra: Extra;

  constructor(slug: ProblemSlug, detail: string, extra: Extra & ErrorOptions = {}) {
    super(detail, extra);
    this.name = "ProblemError";
    this.slug = slug;
    this.detail = detail;
    this.extra = extra;
  }

  get status() {
    return KINDS[this.slug].status;
  }
}

interface Issue {
  path: readonly PropertyKey[];
  message: string;
  /** What kind zod calls it. */
  code?: string | undefined;
  /** Names that zod did not expect, of which it makes one issue without a path. */
  keys?: readonly string[];
}

/** More of them than this help nobody, and a hostile body can have a hundred thousand. */
export const MAX_COMPLAINTS = 20;
/** Some complaints repeat what they complain of. */
export const MAX_COMPLAINT_LENGTH = 300;

/** The problem of a body or query that is not as it must be, with the first few complaints. */
export function invalid(detail: string, issues: readonly Issue[]): ProblemError {
  const errors = issues
    .flatMap(eachKey)
    .slice(0, MAX_COMPLAINTS)
    .map(({ path, code, message }) => ({
      path: path.map((step) => (typeof step === "number" ? step : bounded(String(step)))),
      // Words to choose from are all needed, and are ours.
      message: code === "invalid_value" ? message : bounded(message),
    }));
  return new ProblemError("invalid", detail, { errors });
}

/** What is cut shows it. */
const bounded = (text: string) =>
  text.length > MAX_COMPLAINT_LENGTH ? `${text.slice(0, MAX_COMPLAINT_LENGTH - 1)}…` : text;

/** A filter with a slip of the pen must not answer another question than was asked. */
function eachKey(issue: Issue): Issue[] {
  if (!issue.keys) return [issue];
  return issue.keys
    .slice(0, MAX_COMPLAINTS)
    .map((key) => ({ path: [...issue.path, key], message: "is not known here" }));
}

/** RFC 9457, with `errors` (section 3, extension members) for bodies and queries. */
export const Problem = z
  .object({
    type: z.string().meta({ example: "urn:conntrail:problem:not-found" }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string().meta({ description: "Id of the request, also in the log." }),
    errors: z
      .array(z.object({ path: z.array(z.union([z.string(), z.int()])), message: z.string() }))
      .optional(),
  })
  .meta({ id: "Problem" });
export type Problem = z.infer<typeof Problem>;

/** The answer to a request that failed with `error`; `instance` is the id of the request. */
export function problemResponse(error: ProblemError, instance: string): Response {
  const { status, title } = KINDS[error.slug];
  const { errors, headers } = error.extra;
  const problem: Problem = {
    type: `urn:conntrail:problem:${error.slug}`,
    title,
    status,
    detail: error.detail,
    instance,
    ...(errors && { errors: errors.map(({ path, message }) => ({ path: [...path], message })) }),
  };
  return new Response(JSON.stringify(problem), {
    status,
    headers: { "content-type": "application/problem+json", ...headers },
  });
}
