import type { World } from "../../api/cli/command.ts";
import { run } from "../../api/cli/run.ts";
import { NOW } from "../support/a-report.ts";
import type { Service } from "../support/service.ts";

export interface Ran {
  code: number;
  out: string;
  err: string;
  /** What was fetched, in order. */
  asked: Asked[];
}

interface Asked {
  url: string;
  headers: Record<string, string>;
  method: string | undefined;
  body: unknown;
  redirect: string | undefined;
}

export interface Around {
  env?: World["env"];
  files?: Record<string, string>;
  /** What the service answers; a connection is refused where there is none. */
  answer?: () => Response | Promise<Response>;
  timeZone?: string;
  width?: number;
  /** What answers, where that depends on what is asked. */
  fetch?: World["fetch"];
  /** Whether the answer takes so long that the user wonders. */
  slow?: boolean;
}

const refused = () =>
  Promise.reject(Object.assign(new TypeError("fetch failed"), { cause: { code: "ECONNREFUSED" } }));

/** Runs a command line, its words parted by spaces, in a world of the test. */
export async function conntrail(line: string | readonly string[], around: Around = {}): Promise<Ran> {
  const { env = {}, files = {}, answer = refused, timeZone = "UTC", width, slow = false, fetch } = around;
  const ran: Ran = { code: -1, out: "", err: "", asked: [] };
  const world: World = {
    argv: typeof line === "string" ? line.split(" ") : line,
    env,
    fetch: async (input, init) => {
      const headers = Object.fromEntries(new Headers(init?.headers));
      ran.asked.push({
        url: addressOf(input),
        headers,
        method: init?.method,
        body: init?.body,
        redirect: init?.redirect,
      });
      return (fetch ?? answer)(input, init);
    },
    readFile: async (path) => {
      const text = files[path];
      if (text === undefined) throw Object.assign(new Error("no such file"), { code: "ENOENT" });
      return text;
    },
    out: (text) => void (ran.out += text),
    err: (text) => void (ran.err += text),
    later: (_, act) => {
      if (slow) act();
      return () => {};
    },
    clock: { now: NOW, timeZone },
    width,
    localToken: "/there/data/local-read.token",
  };
  ran.code = await run(world, "1.2.3");
  return ran;
}

/** Runs one that asks a service of the test, by the very app and its clock. */
export function askedOf(service: Service, token: string, line: string, around: Around = {}): Promise<Ran> {
  const fetch: World["fetch"] = async (input, init) => {
    const { pathname, search } = new URL(addressOf(input));
    const { text, status, headers } = await service.ask(init?.method ?? "GET", `${pathname}${search}`, {
      headers: Object.fromEntries(new Headers(init?.headers)),
      ...(typeof init?.body === "string" && { body: init.body }),
    });
    return new Response(text, { status, headers });
  };
  return conntrail(line, { ...around, env: { CONNTRAIL_TOKEN: token }, fetch });
}

const addressOf = (input: Parameters<typeof fetch>[0]): string =>
  typeof input === "string" || input instanceof URL ? String(input) : input.url;

export const json = (body: unknown, status = 200): (() => Response) => {
  const type = status < 400 ? "application/json" : "application/problem+json";
  return () => new Response(JSON.stringify(body), { status, headers: { "content-type": type } });
};
