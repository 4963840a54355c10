import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { Scope } from "../db/queries/tokens.ts";

/** What a header can carry, no longer than is read of one. */
const SENDABLE = /^[\x21-\x7e]{1,512}$/;

/** Whether a token that is configured can be sent, and not be guessed. */
export const isSecret = (text: string) => text.length >= MIN_SECRET && SENDABLE.test(text);

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

export function mintToken(scope: Scope): MintedToken {
  const id = randomBytes(ID_BYTES).toString("hex");
  const token = `ctk_${scope}_${id}_${randomBytes(SECRET_BYTES).toString("base64url")}`;
  return { id, token, hash: hashToken(token) };
}

/** The id within a token of ours, or undefined for any other text. */
export function tokenId(token: string): string | undefined {
  return TOKEN.exec(token)?.[1];
}

/** SHA-256 of `token`, in hexadecimal. In place, for WebCrypto's answer takes ten times as long to come. */
export function hashToken(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

/** Compares two hashes in a time that does not tell where they differ. */
export function sameHash(one: string, other: string): boolean {
  return one.length === other.length && timingSafeEqual(bytes(one), bytes(other));
}

const bytes = (text: string) => new TextEncoder().encode(text);
