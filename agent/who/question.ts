import { parseArgs } from "node:util";
import { formatAddress, readAddress } from "../conntrack/address.ts";
import { isIcmp, protocolNumber, ICMP, ICMPV6 } from "../conntrack/protocols.ts";

/** An address as the rows of the table hold it, and as text. */
export interface Words {
  family: 4 | 6;
  words: Int32Array;
  text: string;
}

/** What somebody saw from outside. */
export interface Question {
  address: Words;
  /** Of ICMP the id; undefined where nobody said. */
  port: number | undefined;
  protocol: number;
  peer: Words | undefined;
  peerPort: number | undefined;
}

const MAX_PORT = 65_535;
const MAX_PROTOCOL = 255;
/** The longest way to write an address is 45 characters, with a port and brackets 53. */
const MAX_TEXT = 64;
const FORM = /^(?:\[([^\]]+)\]|([^:]+)|(.*:.*:.*))(?::(\d{1,5}))?$/;
/** An IPv4 address as a socket of both families shows it. */
const MAPPED = /^::ffff:(?=\d+\.)/i;

/** `192.168.50.10:39510`, `[fd00::9]:39510`, or an address alone; undefined for anything else. */
export function parseEndpoint(text: string): { address: Words; port: number | undefined } | undefined {
  // Of an IPv6 address without brackets nobody can tell where a port begins.
  const bare = text.indexOf(":") !== text.lastIndexOf(":") && !text.startsWith("[");
  const [, inner, plain, , digits] = bare ? [text, text] : (FORM.exec(text) ?? []);
  const address = wordsOf(inner ?? plain ?? "");
  const port = digits === undefined ? undefined : Number(digits);
  return address && (port ?? 0) <= MAX_PORT ? { address, port } : undefined;
}

function wordsOf(text: string): Words | undefined {
  if (text.length > MAX_TEXT) return undefined;
  const bytes = new TextEncoder().encode(text.replace(MAPPED, ""));
  const words = new Int32Array(4);
  const cursor = { bytes, at: 0, end: bytes.length };
  const family = readAddress(cursor, words, 0);
  if (family === 0 || cursor.at < cursor.end) return undefined;
  return { family, words, text: formatAddress(words, 0, family) };
}

/** What the command line asks, the help it asks for, or what is wrong with it. */
export type Parsed = { question: Question; json: boolean } | { help: true } | { complaint: string };

export function parseQuestion(args: readonly string[]): Parsed {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        peer: { type: "string" },
        protocol: { type: "string", default: "tcp" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", default: false, short: "h" },
      },
    });
    return values.help ? { help: true } : asked(positionals, values);
  } catch (error) {
    return { complaint: (error as Error).message };
  }
}

interface Values {
  peer?: string | undefined;
  protocol: string;
  json: boolean;
}

function asked([text, ...more]: readonly string[], { peer: peerText, protocol: name, json }: Values): Parsed {
  if (text === undefined || more.length > 0)
    return { complaint: "give one address with its port, such as who 192.168.50.10:39510" };
  const seen = parseEndpoint(text);
  if (!seen) return { complaint: `"${text}" is no address and port, such as 192.168.50.10:39510` };
  const peer = peerText === undefined ? undefined : parseEndpoint(peerText);
  if (peerText !== undefined && !peer)
    return { complaint: `--peer is "${peerText}"; give an address and port, such as 10.0.0.9:3306` };
  const protocol = protocolOf(name, seen.address.family);
  if (protocol === undefined)
    return { complaint: `--protocol is "${name}"; give tcp, udp, icmp, sctp, ... or a number from 0 to 255` };
  const question = {
    ...seen,
    protocol,
    peer: peer?.address,
    peerPort: isIcmp(protocol) ? undefined : peer?.port,
  };
  return { question, json };
}

function protocolOf(text: string, family: 4 | 6): number | undefined {
  const number = /^\d{1,3}$/.test(text) ? Number(text) : protocolNumber(text.toLowerCase());
  if (number === undefined || number > MAX_PROTOCOL) return undefined;
  // People say icmp of both; the kernel does not.
  return number === ICMP && family === 6 ? ICMPV6 : number;
}
