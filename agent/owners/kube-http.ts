import type { IncomingMessage } from "node:http";
import { https } from "../builtin-http.ts";
import { textAt } from "./kube-object.ts";

/** How much of a refusal is read: a Status object is some hundred bytes. */
const MAX_REFUSAL_BYTES = 16_384;
/** How much of a refusal's text is worth a log line. */
const MAX_DETAIL = 300;
/** A firewall that forgets idle connections is noticed after this. */
const KEEP_ALIVE_MS = 30_000;

/** The API server said no: over HTTP, or within a watch. */
export class KubeError extends Error {
  readonly status: number;
  readonly retryAfter: string | undefined;
  constructor(status: number, message: string, retryAfter?: string) {
    super(message);
    this.name = "KubeError";
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/**
 * Asks for a path and hands over the body as it comes. Rejects with a KubeError where the server says no, with another
 * error where the connection ends before the body does, and with what `take` throws.
 */
export type KubeGet = (path: string, take: (chunk: Uint8Array) => void, signal: AbortSignal) => Promise<void>;

export interface KubeServer {
  /** From the environment of a Pod: KUBERNETES_SERVICE_HOST and _PORT. */
  host: string;
  port: string;
  tokenPath: string;
  caPath: string;
  readFile: (path: string) => Promise<string>;
}

/**
 * A client of one API server. Token and CA are read for each request, because the kubelet renews their files: a token
 * lives for an hour, a watch for some minutes.
 */
export function openKube({ host, port, tokenPath, caPath, readFile }: KubeServer): KubeGet {
  const { Agent, request } = https();
  const agent = new Agent({ keepAlive: true, keepAliveMsecs: KEEP_ALIVE_MS });
  return async (path, take, signal) => {
    const [token, ca] = await Promise.all([readFile(tokenPath), readFile(caPath)]);
    const headers = { authorization: `Bearer ${token.trim()}`, accept: "application/json" };
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      request({ host, port, path, headers, ca, agent, signal }, resolve).on("error", reject).end();
    });
    if (response.statusCode !== 200) throw await refusal(response);
    // Leaving the loop before the end closes the connection; a body cut short throws.
    for await (const chunk of response) take(chunk as Uint8Array);
  };
}

async function refusal(response: IncomingMessage): Promise<KubeError> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response) {
    pieces.push(chunk as Uint8Array);
    length += (chunk as Uint8Array).length;
    if (length >= MAX_REFUSAL_BYTES) break;
  }
  const status = response.statusCode ?? 0;
  const detail = messageOf(Buffer.concat(pieces).toString("utf8")).slice(0, MAX_DETAIL);
  return new KubeError(
    status,
    `the API server answered ${status}: ${detail}`,
    response.headers["retry-after"],
  );
}

/** The sentence of a Status object, else the text as it is: what stands between may answer in its own words. */
function messageOf(text: string): string {
  try {
    return textAt(JSON.parse(text), "message") ?? text;
  } catch {
    return text;
  }
}
