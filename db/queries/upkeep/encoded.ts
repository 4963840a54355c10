import { encodeBucket, SegmentSizeError } from "../../bucket.ts";
import { withFewerKeys } from "../../fold.ts";
import type { Bucket } from "../../fold/table.ts";

/** No table lists more keys than 2^12 by one measure: after so many halvings each has one by each, some 40 kB at most. */
const MOST_HALVINGS = 12;

/** The bytes of a bucket as it is kept: where they would be too many, of as many keys as have room, halved until they do. */
export function encodedToFit(bucket: Bucket): Uint8Array {
  for (let halvings = 0; ; halvings += 1)
    try {
      return encodeBucket(halvings === 0 ? bucket : withFewerKeys(bucket, halvings));
    } catch (error) {
      if (!(error instanceof SegmentSizeError) || halvings === MOST_HALVINGS) throw error;
    }
}
