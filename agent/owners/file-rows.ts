import type { OwnerKind } from "../../api/wire.ts";
import { canonicalAddress } from "./canonical.ts";
import type { Owner } from "./owner.ts";

/** As many as the agent remembers (MAX_CLAIMS of book.ts). */
export const MAX_ROWS = 8_192;
/** Names are texts of the wire (MAX_TEXT). */
const MAX_NAME = 253;

/** One pair of the map. */
export interface Item {
  key: string;
  value: unknown;
  /** Its line, counted from 1; only asked for where something is wrong. */
  line: () => number | undefined;
}

/** What is wrong with a file, and in which line. */
export interface Complaint {
  line: number | undefined;
  complaint: string;
}

export type Rows = { rows: Map<string, Owner> } | { complaints: Complaint[] };

const KINDS: Record<OwnerKind, true> = {
  pod: true,
  host: true,
  service: true,
  container: true,
  external: true,
};
const DETAILS = ["namespace", "uid", "workloadKind", "workload"] as const;
const FIELDS = ["kind", "name", ...DETAILS];

/**
 * Canonical address → owner, from a map of address → name, or address → { name, kind?, namespace?, workloadKind?,
 * workload?, uid? }. A name alone is a host's. One complaint, and the whole map is refused: half of it would give the other
 * half's addresses to nobody.
 */
export function rowsOf(items: readonly Item[]): Rows {
  if (items.length > MAX_ROWS)
    return {
      complaints: [
        { line: undefined, complaint: `has ${items.length} addresses; at most ${MAX_ROWS} are taken` },
      ],
    };
  const rows = new Map<string, Owner>();
  const complaints: Complaint[] = [];
  for (const { key, value, line } of items) {
    const address = canonicalAddress(key);
    const owner = ownerOf(value);
    if (address === undefined) complaints.push({ line: line(), complaint: noAddress(key) });
    else if (rows.has(address)) complaints.push({ line: line(), complaint: `${address} is there twice` });
    else if (typeof owner === "string") complaints.push({ line: line(), complaint: `${address}: ${owner}` });
    else rows.set(address, owner);
  }
  return complaints.length > 0 ? { complaints } : { rows };
}

function noAddress(key: string): string {
  const text = JSON.stringify(key.slice(0, MAX_NAME));
  return key.includes("/")
    ? `${text} is a range; list each address of it, ranges are not supported`
    : `${text} is no IPv4 or IPv6 address`;
}

/** The owner, or what is wrong with it. */
function ownerOf(value: unknown): Owner | string {
  if (typeof value === "string") return ownerOf({ name: value });
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return "neither a name nor a map with a name (quote a name that looks like a number)";
  const fields = value as Record<string, unknown>;
  const unknown = Object.keys(fields).find((field) => !FIELDS.includes(field));
  if (unknown !== undefined) return `${unknown.slice(0, MAX_NAME)} is not one of ${FIELDS.join(", ")}`;
  const wrong = FIELDS.find((field) => fields[field] !== undefined && !isName(fields[field]));
  if (wrong !== undefined) return `${wrong} is not a text of 1 to ${MAX_NAME} characters`;
  const { kind = "host", name, ...details } = fields as Partial<Owner>;
  if (name === undefined) return "has no name";
  if (!Object.hasOwn(KINDS, kind)) return `${kind} is not one of ${Object.keys(KINDS).join(", ")}`;
  return { kind, name, ...details };
}

const isName = (value: unknown): boolean =>
  typeof value === "string" && value.length > 0 && value.length <= MAX_NAME;
