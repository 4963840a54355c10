import type { IncomingMessage } from "node:http";
import { Agent, https, request } from "./builtin-http.ts";

/** What a server said, as far as the agent cares. */
export interface Answer {
  status: number;
  retryAfter: string | undefined;
  text: string;
}

export interface Posting {
  headers: Record<string, string>;
  body: Uint8Array;
  signal: AbortSignal;
}

/** Sends one request and gives the beginning of the answer; rejects where there is none. Follows no redirects. */
export type PostTo = (url: string, posting: Posting) => Promise<Answer>;

/** How much of an answer is read: ours are far smaller, and what else answers may not end. */
const MAX_ANSWER_CHARACTERS = 4_096;

/**
 * A sender of its own connection, kept between windows. Built on node:http, because the built-in fetch takes ten
 * megabytes more from every node.
 * @param secure whether addresses begin with https
 */
export function openHttp(secure: boolean): PostTo {
  const module = secure ? https() : { Agent, request };
  const agent = new module.Agent({ keepAlive: true });
  return (url, { headers, body, signal }) =>
    new Promise((resolve, reject) => {
      const sized = { ...headers, "content-length": body.length };
      const options = { method: "POST", headers: sized, agent, signal };
      const take = (response: IncomingMessage) => void readAnswer(response).then(resolve, reject);
      module.request(url, options, take).on("error", reject).end(body);
    });
}

async function readAnswer(response: IncomingMessage): Promise<Answer> {
  let text = "";
  response.setEncoding("utf8");
  // Leaving the loop before the end closes the connection.
  for await (const chunk of response) {
    text += chunk as string;
    if (text.length >= MAX_ANSWER_CHARACTERS) break;
  }
  return { status: response.statusCode ?? 0, retryAfter: response.headers["retry-after"], text };
}
