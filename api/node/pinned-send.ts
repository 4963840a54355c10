import { once } from "node:events";
import http from "node:http";
import type { ClientRequest, IncomingMessage } from "node:http";
import https from "node:https";
import { isGlobalAddress } from "../alerts/global-address.ts";
import type { HostPolicy } from "../alerts/hosts.ts";
import { allowedUrl, readAnswer, SEND_TIMEOUT_MS, type Send, SendError, whyNotSent } from "../alerts/send.ts";

export type Resolved = { address: string; family: number };
/** All addresses of a name, such as `lookup` of node:dns/promises gives with `all`. */
export type Resolve = (host: string) => Promise<Resolved[]>;

/**
 * Sends to an address that was looked at: a name is resolved once, refused if any of its addresses is not of the public internet
 * (unless the operator permits that), and connected to at one of those. Redirects are answers like others; proxies of the
 * environment are not used.
 */
export function pinnedSend(resolve: Resolve, policy: HostPolicy, timeoutMs = SEND_TIMEOUT_MS): Send {
  return async (outgoing, hosts) => {
    const { url, private: mayBePrivate } = allowedUrl(outgoing, hosts, policy);
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      const at = await addressOf(url, resolve, mayBePrivate);
      const request = open(url, at, { headers: outgoing.headers, signal });
      request.end(outgoing.body);
      const [response] = (await once(request, "response", { signal })) as [IncomingMessage];
      const body = await readAnswer(response).finally(() => request.destroy());
      return { status: response.statusCode ?? 0, headers: headersOf(response), body };
    } catch (cause) {
      if (cause instanceof SendError) throw cause;
      throw new SendError(whyNotSent(signal.aborted ? signal.reason : cause), { passing: true, cause });
    }
  };
}

async function addressOf(url: URL, resolve: Resolve, mayBePrivate: boolean): Promise<Resolved> {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const found = await resolve(host).catch((cause: unknown) => {
    throw new SendError("the host's name cannot be resolved", { passing: true, cause });
  });
  const [first] = found;
  if (!first) throw new SendError("the host's name has no address", { passing: true });
  if (!mayBePrivate && !found.every(({ address }) => isGlobalAddress(address)))
    throw new SendError("the host has an address that is not of the public internet", { passing: false });
  return first;
}

/** The name is still what certificates are checked against. */
function open(
  url: URL,
  { address, family }: Resolved,
  { headers, signal }: { headers: Readonly<Record<string, string>>; signal: AbortSignal },
): ClientRequest {
  const { request } = url.protocol === "https:" ? https : http;
  return request(url.href, {
    method: "POST",
    headers: { ...headers },
    signal,
    agent: false,
    lookup: (_host, options, found) =>
      options.all ? found(null, [{ address, family }]) : found(null, address, family),
  });
}

const headersOf = ({ headers }: IncomingMessage): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
