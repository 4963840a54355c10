import type { IncomingMessage } from "node:http";
import { request } from "../builtin-http.ts";

/** An inspection takes some 10 kB, a list 2 kB a container: more than this is not worth the agent's memory. */
export const MAX_ANSWER_CHARACTERS = 8 << 20;
/** An event carries the labels of its container, which together stay far below. */
export const MAX_EVENT_CHARACTERS = 1 << 18;
/** The daemon answers in milliseconds, or after a while of hard work. */
export const TIMEOUT_MS = 20_000;

/** The daemon answered, but not as asked. */
export class DockerError extends Error {
  override readonly name = "DockerError";
}

/** The Engine API over its socket, without a version in the path, so that each daemon speaks its own. */
export interface DockerApi {
  /** The JSON answer to a GET; undefined for 404. Rejects where there is none. */
  get(path: string): Promise<unknown>;
  /** Objects of an endless answer, one a line, from when the daemon has begun it. Throws when it breaks, ends when it ends. */
  stream(path: string): Promise<AsyncIterable<unknown>>;
}

export interface DockerAsking {
  /** Ends all requests. */
  signal: AbortSignal;
  /** A signal that aborts after so many ms. */
  deadline: (ms: number) => AbortSignal;
}

export function dockerApi(socketPath: string, { signal, deadline }: DockerAsking): DockerApi {
  return {
    async get(path) {
      const within = AbortSignal.any([signal, deadline(TIMEOUT_MS)]);
      const response = await answer(socketPath, path, within);
      const text = await wholeText(response);
      if (response.statusCode === 404) return undefined;
      return JSON.parse(accepted(response, path, text));
    },
    async stream(path) {
      const response = await begun(path, deadline(TIMEOUT_MS), (late) =>
        answer(socketPath, path, AbortSignal.any([signal, late])),
      );
      if (response.statusCode !== 200) accepted(response, path, await wholeText(response));
      return objects(response);
    },
  };
}

/** An answer without an end has to begin in time. */
async function begun<T>(
  path: string,
  deadline: AbortSignal,
  ask: (late: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController();
  const giveUp = () => late.abort(new DockerError(`${path} was not answered in ${TIMEOUT_MS / 1000} s`));
  deadline.addEventListener("abort", giveUp, { once: true });
  try {
    return await ask(late.signal);
  } catch (error) {
    throw late.signal.aborted ? late.signal.reason : error;
  } finally {
    deadline.removeEventListener("abort", giveUp);
  }
}

function answer(socketPath: string, path: string, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    // One connection each, so that none is left open; a socket of the same machine costs nothing to open.
    request({ socketPath, path, signal, agent: false, headers: { host: "docker" } }, resolve)
      .on("error", reject)
      .end();
  });
}

function accepted({ statusCode }: IncomingMessage, path: string, text: string): string {
  if (statusCode === 200) return text;
  throw new DockerError(`${path} was answered ${statusCode}: ${text.slice(0, 200).trim()}`);
}

async function wholeText(response: IncomingMessage): Promise<string> {
  let text = "";
  for await (const piece of response.setEncoding("utf8")) {
    text += piece as string;
    // Leaving the loop before the end closes the connection.
    if (text.length > MAX_ANSWER_CHARACTERS) throw new DockerError("the answer is longer than is taken");
  }
  return text;
}

async function* objects(response: IncomingMessage): AsyncGenerator {
  let rest = "";
  for await (const piece of response.setEncoding("utf8")) {
    const lines = (rest + (piece as string)).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > MAX_EVENT_CHARACTERS) throw new DockerError("an event is longer than is taken");
    for (const line of lines) if (line.trim() !== "") yield JSON.parse(line) as unknown;
  }
}
