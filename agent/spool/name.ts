import type { Parcel } from "../push.ts";

/** Which report a file holds. */
export type Identity = Pick<Parcel, "bootId" | "sequence" | "encoding">;

/** Digits of a sequence number in a name: all of the safe integers, so that names sort as numbers do. */
const DIGITS = 16;
/** The last instant of the clock that numbers start from (ECMA-262, 21.4.1.1): room is left above it to count on. */
const MAX_SEQUENCE = 8_640_000_000_000_000;
const SUFFIX = { zstd: "zst", gzip: "gz" } as const;
const NAME = /^(\d{16})-(.+)\.(zst|gz)$/;

/** `<sequence>-<boot id>.zst`: says what a file is without opening it. */
export function nameOf({ bootId, sequence, encoding }: Identity): string {
  return `${String(sequence).padStart(DIGITS, "0")}-${encodeURIComponent(bootId)}.${SUFFIX[encoding]}`;
}

/** The report a file of this name holds; undefined where the name is none that `nameOf` gives. */
export function identityOf(name: string): Identity | undefined {
  const [, digits, boot, suffix] = NAME.exec(name) ?? [];
  if (!digits || !boot || Number(digits) > MAX_SEQUENCE) return undefined;
  try {
    const encoding = suffix === "zst" ? "zstd" : "gzip";
    const identity = { bootId: decodeURIComponent(boot), sequence: Number(digits), encoding } as const;
    return nameOf(identity) === name ? identity : undefined;
  } catch {
    return undefined;
  }
}
