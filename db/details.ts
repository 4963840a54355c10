import { ByteReader, SegmentError } from "./segment/bytes.ts";
import { AddressBytes, findInTable } from "./segment/find-leases.ts";
import type { FoundLease, LeaseFilter } from "./segment/find-leases.ts";
import { section, seal, unseal } from "./segment/frame.ts";
import { readChanges, readKeyframe, readPlace, writeChanges, writeKeyframe } from "./segment/leases.ts";
import type { LeaseChanges, LeaseKeyframe } from "./segment/leases.ts";
import { readAddresses, writeAddresses } from "./segment/tables.ts";

export type { FoundLease, LeaseFilter } from "./segment/find-leases.ts";
export type { LeaseChanges, LeaseKeyframe, LeaseTable } from "./segment/leases.ts";

/**
 * What a report says beside its flows. The small parts are kept as they came, as JSON: what they mean is the business
 * of those who ask for them.
 */
export type Details = {
  /** Those that leases and the keyframe refer to, and no others. */
  addresses: readonly string[];
  leases?: LeaseChanges | undefined;
  keyframe?: LeaseKeyframe | undefined;
} & { [name in Part]?: unknown };

const ADDRESSES = 1;
const LEASES = 2;
const KEYFRAME = 3;
/** Tags of the parts in JSON. Append only. */
const PARTS = {
  ports: 10,
  ages: 11,
  owners: 12,
  counters: 13,
  host: 14,
  dropped: 15,
  self: 16,
  overlay: 17,
} as const;
type Part = keyof typeof PARTS;
export const PART_NAMES = Object.keys(PARTS) as Part[];

/** A body of a report is no longer than this (MAX_INFLATED_BYTES of the API), and here it takes less room. */
const MAX_INFLATED_BYTES = 4 << 20;

const TO_BYTES = new TextEncoder();
const TO_TEXT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

/** Undefined where there is nothing to keep. Throws RangeError where a number is none that can be kept. */
export function encodeDetails(details: Details): Uint8Array | undefined {
  const { addresses, leases, keyframe } = details;
  const parts = PART_NAMES.filter((name) => details[name] !== undefined);
  if (!leases && !keyframe && parts.length === 0) return undefined;
  return seal(MAX_INFLATED_BYTES, (content) => {
    if (addresses.length > 0) content.section(ADDRESSES, (to) => writeAddresses(to, addresses));
    if (leases) content.section(LEASES, (to) => writeChanges(to, leases));
    if (keyframe) content.section(KEYFRAME, (to) => writeKeyframe(to, keyframe));
    for (const name of parts)
      content.section(PARTS[name], (to) => to.raw(TO_BYTES.encode(JSON.stringify(details[name]))));
  });
}

/** Throws SegmentError where the bytes are damaged or of an unknown version. */
export function decodeDetails(bytes: Uint8Array): Details {
  const sections = unseal(bytes, MAX_INFLATED_BYTES);
  const addresses = sections.has(ADDRESSES) ? readAddresses(section(sections, ADDRESSES)) : [];
  const leases = sections.get(LEASES);
  const keyframe = sections.get(KEYFRAME);
  const details: Details = { addresses, ...partsOf(sections, PART_NAMES) };
  if (leases) details.leases = readChanges(leases, addresses.length);
  if (keyframe) details.keyframe = readKeyframe(keyframe, addresses.length);
  return details;
}

/** These parts alone: leases, which are most of it, are not looked at. Throws as decodeDetails does. */
export function decodeParts<Name extends Part>(
  bytes: Uint8Array,
  names: readonly Name[],
): { [name in Name]?: unknown } {
  return partsOf(unseal(bytes, MAX_INFLATED_BYTES), names);
}

/** `ports`, and the addresses it refers to by their places; without leases. Undefined where it is not there. Throws as decodeDetails does. */
export function decodePorts(bytes: Uint8Array): { ports: unknown; addresses: string[] } | undefined {
  const sections = unseal(bytes, MAX_INFLATED_BYTES);
  const { ports } = partsOf(sections, ["ports"]);
  if (ports === undefined) return undefined;
  const addresses = sections.has(ADDRESSES) ? readAddresses(section(sections, ADDRESSES)) : [];
  return { ports, addresses };
}

/** The leases of a window, inflated: for those who look for several in it. */
export type OpenedLeases = {
  addresses: AddressBytes | undefined;
  changes: Uint8Array | undefined;
  keyframe: Uint8Array | undefined;
  /** What it takes of memory, about. */
  bytes: number;
};

/** What a window says of the leases that were looked for; what the window has nothing of is absent. */
export type FoundLeases = {
  changes?: { rows: FoundLease[]; omitted: number };
  keyframe?: { rows: FoundLease[]; omitted: number } & ReturnType<typeof readPlace>;
};

/** Throws SegmentError where the bytes are damaged or of an unknown version. */
export function openLeases(bytes: Uint8Array): OpenedLeases {
  const sections = unseal(bytes, MAX_INFLATED_BYTES);
  const addresses = sections.get(ADDRESSES);
  const bytesOf = (tag: number) => {
    const part = sections.get(tag);
    // A copy: what is cut out would keep all of the details in memory.
    return part && Uint8Array.from(part.raw(part.left));
  };
  const [changes, keyframe] = [bytesOf(LEASES), bytesOf(KEYFRAME)];
  const size = (addresses?.left ?? 0) + (changes?.length ?? 0) + (keyframe?.length ?? 0);
  return { addresses: addresses && new AddressBytes(addresses), changes, keyframe, bytes: size };
}

/**
 * Looks for leases in a window that began at `from`, epoch ms. Of changes and keyframe each only the first row beyond the limit is
 * there, which tells that there are more. Throws SegmentError where the bytes are damaged.
 */
export function findLeases(
  { addresses = new AddressBytes(new ByteReader(Uint8Array.of(0))), changes, keyframe }: OpenedLeases,
  from: number,
  filter: LeaseFilter,
  limit = Number.POSITIVE_INFINITY,
): FoundLeases {
  const found: FoundLeases = {};
  if (changes)
    found.changes = findInTable(new ByteReader(changes), addresses, { filter, from, limit, ends: true });
  if (keyframe) {
    const reader = new ByteReader(keyframe);
    const place = readPlace(reader);
    found.keyframe = { ...place, ...findInTable(reader, addresses, { filter, from, limit, ends: false }) };
  }
  return found;
}

function partsOf<Name extends Part>(
  sections: ReturnType<typeof unseal>,
  names: readonly Name[],
): { [name in Name]?: unknown } {
  const parts: { [name in Name]?: unknown } = {};
  for (const name of names) {
    const part = sections.get(PARTS[name]);
    if (part) parts[name] = readJson(part);
  }
  return parts;
}

function readJson(from: ByteReader): unknown {
  try {
    return JSON.parse(TO_TEXT.decode(from.raw(from.left)));
  } catch (cause) {
    throw new SegmentError("a part of the segment is no JSON", { cause });
  }
}
