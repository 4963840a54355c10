export const SCOPES = ["ingest", "read", "admin"] as const;
export type Scope = (typeof SCOPES)[number];

/** Characters an admin token that is configured must have: enough that nobody guesses it, even in words. */
export const MIN_SECRET = 32;
/** Bytes of randomness in a token: no need for a slow hash, nobody guesses 256 bits. */
const SECRET_BYTES = 32;
const ID_BYTES = 8;
/** 32 bytes are 43 characters of base64url; hexadecimal ids keep `_` unambiguous. */
const TOKEN = /^ctk_(?:ingest|read|admin)_([0-9a-f]{16})_[A-Za-z0-9_-]{43}$/;

export interface MintedToken {
  /** Public: names the token in lists, and finds its row. */
  id: string;
  /** Shown once, stored nowhere. */
  token: string;
  /** What is stored: SHA-256 of the token, in hexadecimal. */
  hash: string;
}

export async function mintToken(scope: Scope): Promise<MintedToken> {
  const id = hex(crypto.getRandomValues(new Uint8Array(ID_BYTES)));
  const token = `ctk_${scope}_${id}_${base64url(crypto.getRandomValues(new Uint8Array(SECRET_BYTES)))}`;
  return { id, token, hash: await hashToken(token) };
}

/** The id within a token of ours, or undefined for any other text. */
export function tokenId(token: string): string | undefined {
  return TOKEN.exec(token)?.[1];
}

/** SHA-256 of `token`, in hexadecimal. */
export async function hashToken(token: string): Promise<string> {
  return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(token))));
}

/** Compares two hashes in a time that does not tell where they differ. */
export function sameHash(one: string, other: string): boolean {
  if (one.length !== other.length) return false;
  let difference = 0;
  for (let at = 0; at < one.length; at++) difference |= one.charCodeAt(at) ^ other.charCodeAt(at);
  return difference === 0;
}

function hex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}

function base64url(bytes: Uint8Array): string {
  const text = btoa(String.fromCharCode(...bytes));
  return text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}
