import { canonicalAddress } from "../db/address.ts";

const MAX_PORT = 65_535;
/** IPv6 in brackets (RFC 3986, 3.2.2): `fd00::9:3306` is an address by itself. */
const FORM = /^(?:\[([^[\]]*)\]|([^:[\]]*))(?::(\d{1,5}))?$/;

/** An address in canonical form, and a port of it or all. */
export interface Peer {
  address: string;
  port: number | undefined;
}

/** `10.0.0.9:3306`, `[fd00::9]:3306`, or without a port; undefined for anything else. */
export function parsePeer(text: string): Peer | undefined {
  const [, v6, v4, digits] = FORM.exec(text) ?? [];
  const address = canonicalAddress(v6 ?? v4 ?? "");
  const port = digits === undefined ? undefined : Number(digits);
  if (address === undefined || address.includes(":") !== (v6 !== undefined)) return undefined;
  return port !== undefined && port > MAX_PORT ? undefined : { address, port };
}
