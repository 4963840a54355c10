import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A request to a chat provider, read as a whole. */
export type Asked = {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  body: string;
};

export type Said = { status: number; headers?: Record<string, string>; body: string };

/** slow: answers after nobody waits any more (never). endless: a body without end. garbage: bytes that are no text. html: a page of a proxy. cut: the connection ends within the answer. */
export type Trouble = Said | "slow" | "endless" | "garbage" | "html" | "cut" | "redirect";

export interface ChatServer<Message> {
  /** http://127.0.0.1:PORT, without a path. */
  url: string;
  /** What it took as the real one would, in order. */
  accepted: Message[];
  /** What it refused, and why. */
  refused: { asked: Asked; why: string }[];
  /** How many requests came. */
  readonly asked: number;
  /** The next requests are answered like this, whatever they hold; then as usual again. */
  troubles: Trouble[];
  close(): Promise<void>;
}

/** What the provider says to a request: it takes it, or refuses it and says why to the test. */
export type Verdict<Message> = { said: Said } & ({ accepted: Message } | { why: string });

/**
 * Plays a chat provider on loopback until it is closed, by `judge`. What it refuses it keeps, so that a test can say that nothing was.
 * Larger bodies than `maxBytes` are cut off: providers do not read on.
 */
export async function playChat<Message>(
  judge: (asked: Asked, index: number) => Verdict<Message>,
  { maxBytes = 1 << 20, port = 0 }: { maxBytes?: number; port?: number } = {},
): Promise<ChatServer<Message>> {
  const accepted: Message[] = [];
  const refused: ChatServer<Message>["refused"] = [];
  const troubles: Trouble[] = [];
  let count = 0;

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length <= maxBytes) chunks.push(chunk);
    });
    request.on("end", () => {
      const { pathname, searchParams } = new URL(request.url ?? "/", "http://chat");
      const asked: Asked = {
        method: request.method ?? "",
        path: pathname,
        query: searchParams,
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
      };
      count += 1;
      const trouble = troubles.shift();
      if (trouble !== undefined) return makeTrouble(response, trouble);
      if (length > maxBytes) {
        refused.push({ asked, why: `${length} bytes` });
        return say(response, { status: 413, body: "" });
      }
      const verdict = judge(asked, count - 1);
      if ("why" in verdict) refused.push({ asked, why: verdict.why });
      else accepted.push(verdict.accepted);
      say(response, verdict.said);
    });
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");

  const close = async () => {
    server.closeAllConnections();
    if (server.listening) await new Promise((done) => server.close(done));
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    accepted,
    refused,
    troubles,
    close,
    get asked() {
      return count;
    },
  };
}

const say = (response: ServerResponse, { status, headers, body }: Said): void => {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(body);
};

function makeTrouble(response: ServerResponse, trouble: Trouble): void {
  if (typeof trouble === "object") return say(response, trouble);
  const troubles: Record<Exclude<Trouble, Said>, () => void> = {
    slow() {},
    endless() {
      response.writeHead(200, { "content-type": "application/json" });
      const more = () => {
        while (!response.destroyed && response.write(" ".repeat(65_536)));
      };
      response.on("drain", more);
      more();
    },
    garbage() {
      const bytes = Uint8Array.from({ length: 512 }, (_, at) => (at * 151 + 128) % 256);
      response.writeHead(200, { "content-type": "application/octet-stream" }).end(bytes);
    },
    html() {
      const page = "<!doctype html><title>Sign in</title><h1>Your network asks you to sign in</h1>";
      response.writeHead(200, { "content-type": "text/html" }).end(page);
    },
    cut() {
      response.writeHead(200, { "content-length": "100" });
      response.write("ok");
      setImmediate(() => response.destroy());
    },
    redirect() {
      response.writeHead(302, { location: "http://169.254.169.254/latest/meta-data/" }).end();
    },
  };
  troubles[trouble]();
}

/** The body as a JSON object, or undefined. */
export function jsonOf({ body }: Asked): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a content type is JSON in UTF-8, as providers ask. */
export const isJson = ({ headers }: Asked): boolean =>
  /^application\/json(; *charset=utf-8)?$/i.test(headers["content-type"] ?? "");
