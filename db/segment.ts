export const NAT_CLASSES = ["none", "snat", "dnat", "both"] as const;
export type NatClass = (typeof NAT_CLASSES)[number];

/** The flow groups and talkers of a window, one array a column. Indexes point into `addresses`. */
export type Segment = {
  addresses: readonly string[];
  talkers: {
    source: readonly number[];
    entries: readonly number[];
    snatEntries: readonly number[];
    unreplied: readonly number[];
    peers: readonly number[];
  };
  talkerRemainder: { sources: number; entries: number; snatEntries: number; unreplied: number };
  groups: {
    source: readonly number[];
    peer: readonly number[];
    peerPort: readonly number[];
    protocol: readonly number[];
    nat: readonly NatClass[];
    natAddress: readonly (number | null)[];
    entries: readonly number[];
    unreplied: readonly number[];
    bytes?: readonly number[] | undefined;
    packets?: readonly number[] | undefined;
  };
  groupRemainder: {
    groups: number;
    entries: number;
    unreplied: number;
    bytes?: number | undefined;
    packets?: number | undefined;
  };
};

/** The bytes are not a segment this version can read. */
export class SegmentError extends Error {
  override name = "SegmentError";
}

/** Addresses become canonical (RFC 5952). */
export function encodeSegment(_segment: Segment): Uint8Array {
  throw new Error("not yet");
}

/** Throws SegmentError where the bytes are damaged or of an unknown version. */
export function decodeSegment(_bytes: Uint8Array): Segment {
  throw new Error("not yet");
}
