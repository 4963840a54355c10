import type { Problem } from "../problem.ts";
import type { Question, World } from "./command.ts";
import { inert } from "./inert.ts";

/** Where `npm start` listens. */
export const DEFAULT_URL = "http://127.0.0.1:8787";
/** Above what any single question takes; whoever waits for one has not gone away by then. */
const TIMEOUT_MS = 60_000;
/** Ten thousand lines at once are read from the history of a fleet. */
const BATCH_TIMEOUT_MS = 600_000;
/** Nobody wonders before. */
const WAITING_MS = 1_500;
/** Longest complaint of something that is no service of ours. */
const MAX_COMPLAINT = 300;
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** The question cannot be asked, or is refused; the message says what to do. */
export class CannotAsk extends Error {}

export interface Service {
  url: string;
  token: string | undefined;
  /** The token was not given, but is what this machine's service keeps. */
  kept?: true;
}

/** The service that is meant, and a token for it. Throws `CannotAsk`. */
export async function serviceOf(
  { env, readFile, localToken }: Pick<World, "env" | "readFile" | "localToken">,
  given: { url?: string | undefined; "token-file"?: string | undefined },
): Promise<Service> {
  const url = baseOf(given.url ?? (env["CONNTRAIL_URL"] || DEFAULT_URL), given.url === undefined);
  const file = given["token-file"];
  if (file !== undefined) return { url, token: await tokenIn(file, readFile) };
  const token = env["CONNTRAIL_TOKEN"]?.trim();
  if (token) return { url, token };
  // The token of this machine's service is shown to no other machine.
  if (!LOOPBACK.test(new URL(url).hostname)) return { url, token: undefined };
  return { url, token: await readFile(localToken).then(trimmed, () => undefined), kept: true };
}

function baseOf(text: string, fromVariable: boolean): string {
  const name = fromVariable ? "CONNTRAIL_URL" : "--url";
  const url = URL.parse(text);
  // What it holds is not repeated: there may be a password in it.
  if (!url || !/^https?:$/.test(url.protocol) || url.username + url.password + url.search + url.hash !== "")
    throw new CannotAsk(
      `${name} must be an http or https address without user, password, query or fragment, such as ${DEFAULT_URL}`,
    );
  return url.href.replace(/\/+$/, "");
}

async function tokenIn(file: string, readFile: World["readFile"]): Promise<string> {
  const text = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    throw new CannotAsk(`--token-file: ${file} cannot be read (${error.code ?? error.message})`);
  });
  const token = trimmed(text);
  if (token === undefined) throw new CannotAsk(`--token-file: ${file} holds no token`);
  return token;
}

const trimmed = (text: string): string | undefined => text.trim() || undefined;

/** Asks, and gives the text of the answer. Throws `CannotAsk` where there is none, or a refusal. */
export async function ask(
  world: Pick<World, "fetch" | "err" | "later" | "localToken">,
  service: Service,
  question: Question,
): Promise<string> {
  const { url, token } = service;
  if (token !== undefined && /[^\x21-\x7e]/.test(token))
    throw new CannotAsk("The token holds characters no token has, such as a space or a line end.");
  const { waiting } = question;
  const told = waiting && world.later(WAITING_MS, () => world.err(`${waiting}\n`));
  try {
    const response = await world.fetch(`${url}${question.path}`, requestOf(question, token));
    const text = await response.text();
    if (response.ok && isJson(response)) return text;
    throw new CannotAsk(refusal(response, text, { ...service, localToken: world.localToken }));
  } catch (error) {
    throw error instanceof CannotAsk ? error : new CannotAsk(`${url}: ${unreachable(error as Error)}`);
  } finally {
    if (told) told();
  }
}

const requestOf = ({ body }: Question, token: string | undefined): RequestInit => ({
  method: body ? "POST" : "GET",
  headers: {
    accept: "application/json",
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...(body && { "content-type": body.type }),
  },
  ...(body && { body: body.text }),
  // The token is for the service that was named, and for no other.
  redirect: "manual",
  signal: AbortSignal.timeout(body ? BATCH_TIMEOUT_MS : TIMEOUT_MS),
});

const isJson = (response: Response): boolean =>
  /^application\/(problem\+)?json\b/.test(response.headers.get("content-type") ?? "");

type Asked = Service & Pick<World, "localToken">;

function refusal(response: Response, text: string, asked: Asked): string {
  const { status } = response;
  const { url } = asked;
  const problem = isJson(response) ? problemIn(text) : undefined;
  if (!problem) {
    const location = response.headers.get("location");
    if (location) return `${url} has moved to ${inert(location)}: give that in CONNTRAIL_URL or --url.`;
    return `${url} answered ${status}, and not as Conntrail does: see that CONNTRAIL_URL or --url names its API. ${inert(text.trim()).slice(0, MAX_COMPLAINT)}`.trim();
  }
  const complaints = (problem.errors ?? []).map(({ path, message }) => `\n  ${path.join(".")}: ${message}`);
  const detail = `${problem.detail}${complaints.join("")}`;
  return inertLines(`${detail}${remedyOf(status, asked)}`);
}

const inertLines = (text: string): string => text.split("\n").map(inert).join("\n");

function problemIn(text: string): Problem | undefined {
  try {
    const { detail, errors } = JSON.parse(text) as Partial<Problem>;
    return typeof detail === "string" ? ({ detail, errors } as Problem) : undefined;
  } catch {
    return undefined;
  }
}

const MAKE_ONE = `An administrator makes one: POST /v1/tokens with {"scope":"read"}.`;

function remedyOf(status: number, { token, url, localToken, kept }: Asked): string {
  if (status === 401 && token !== undefined && kept)
    return (
      `\nNo token was given, and ${url} does not know the one in ${localToken}, which is for what npm start starts here.` +
      `\nGive one of scope read in CONNTRAIL_TOKEN, or a file with it as --token-file. ${MAKE_ONE}`
    );
  if (status === 401 && token !== undefined)
    return `\n${url} does not know the token that was given, or no longer. ${MAKE_ONE}`;
  if (status === 401)
    return (
      `\nGive one of scope read in CONNTRAIL_TOKEN, or a file with it as --token-file. ${MAKE_ONE}` +
      `\nThe service that npm start starts here keeps one in ${localToken}, for the user who started it.`
    );
  return status === 403 ? `\nThe token that was given has another scope. ${MAKE_ONE}` : "";
}

/** What may be wrong on the way there, by the code of the error. */
const REMEDIES: Record<string, string> = {
  ECONNREFUSED:
    "nothing listens there. npm start starts a service here; CONNTRAIL_URL or --url says where another is",
  ENOTFOUND: "there is no machine of that name; see CONNTRAIL_URL or --url",
  EAI_AGAIN: "its name cannot be looked up now (DNS)",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is its own; give it in NODE_EXTRA_CA_CERTS",
  SELF_SIGNED_CERT_IN_CHAIN:
    "its certificate is of an authority not known here; give that in NODE_EXTRA_CA_CERTS",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    "its certificate is of an authority not known here; give that in NODE_EXTRA_CA_CERTS",
};

function unreachable(error: Error): string {
  if (error.name === "TimeoutError") return "no answer in time; ask for less, or try again";
  const cause = error.cause as { code?: string; message?: string } | undefined;
  const known = REMEDIES[cause?.code ?? ""];
  return known ?? `cannot be asked: ${inert(cause?.message || error.message)}`;
}
