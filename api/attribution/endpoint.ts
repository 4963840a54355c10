import { canonicalAddress } from "../../db/address.ts";

/** An address as conntrack writes it, and the port that was given with it. */
export type Endpoint = { address: string; port?: number | undefined };

const MAPPED = "::ffff:";
const PORT = /^\d{1,5}$/;
export const MAX_PORT = 65_535;
/** An IPv6 address in brackets, or one without; a port behind it. */
const BRACKETED = /^\[([^\]]{1,100})\](?::(\d{1,5}))?$/;

/** `192.168.50.10`, `192.168.50.10:39510`, `fd00::9` or `[fd00::9]:39510`; undefined for anything else. */
export function parseEndpoint(text: string): Endpoint | undefined {
  const [, inner, bracketedPort] = BRACKETED.exec(text) ?? [];
  if (inner !== undefined) return inner.includes(":") ? endpoint(inner, bracketedPort) : undefined;
  const colon = text.indexOf(":");
  // Of an IPv6 address without brackets nobody can tell where the port begins.
  if (colon === -1 || text.includes(":", colon + 1)) return endpoint(text, undefined);
  return withPort(text.slice(0, colon), text.slice(colon + 1));
}

/** The same where a port is always written behind the last colon, brackets or not: `fd00::9:39510`. */
export function parseWithPort(text: string): Endpoint | undefined {
  if (text.startsWith("[")) return parseEndpoint(text);
  const colon = text.lastIndexOf(":");
  return colon === -1 ? undefined : withPort(text.slice(0, colon), text.slice(colon + 1));
}

function withPort(address: string, port: string): Endpoint | undefined {
  return PORT.test(port) ? endpoint(address, port) : undefined;
}

function endpoint(text: string, portText: string | undefined): Endpoint | undefined {
  const address = parseSeenAddress(text);
  const port = portText === undefined ? undefined : Number(portText);
  if (address === undefined || (port !== undefined && port > MAX_PORT)) return undefined;
  return port === undefined ? { address } : { address, port };
}

/**
 * An address as programs write it: with the interface it was seen on, and, where a socket takes both families, IPv4 within IPv6;
 * the kernel tracks it as IPv4. Undefined where it is none.
 */
export function parseSeenAddress(text: string): string | undefined {
  const [bare = ""] = text.split("%", 1);
  const address = canonicalAddress(bare);
  if (!address?.startsWith(MAPPED)) return address;
  return canonicalAddress(address.slice(MAPPED.length)) ?? address;
}
