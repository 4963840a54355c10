import { section, seal, unseal } from "./segment/frame.ts";
import {
  readAddresses,
  readDialled,
  readGroups,
  readTalkers,
  readUntracked,
  writeAddresses,
  writeDialled,
  writeGroups,
  writeTalkers,
  writeUntracked,
} from "./segment/tables.ts";
import type { Segment } from "./segment/tables.ts";
import { GROUP_OPTIONS, hasOptions, readOptions, TALKER_OPTIONS, writeOptions } from "./segment/window.ts";

export { SegmentError, SegmentSizeError } from "./segment/bytes.ts";
export { NAT_CLASSES } from "./segment/tables.ts";
export type { NatClass, Segment } from "./segment/tables.ts";

const ADDRESSES = 1;
const TALKERS = 2;
const GROUPS = 3;
// 4 held what live entries had moved since they were created, which nothing can add up; it is skipped.
const TALKER_WINDOW = 5;
const GROUP_WINDOW = 6;
const UNTRACKED = 7;
const DIALLED = 8;
/** The largest report allowed (4,096 talkers, 4,096 groups, 12,288 addresses) takes 0.8 MB before compression. */
const MAX_INFLATED_BYTES = 1 << 20;

/** What queries over talkers and flows need of the talkers. */
export type TalkerSegment = Pick<
  Segment,
  "addresses" | "talkers" | "talkerRemainder" | "untracked" | "error"
>;

/** Addresses become canonical (RFC 5952). */
export function encodeSegment(segment: Segment): Uint8Array {
  const { talkers, talkerRemainder, groups, groupRemainder, dialled } = segment;
  return seal(MAX_INFLATED_BYTES, (content) => {
    content.section(ADDRESSES, (to) => writeAddresses(to, segment.addresses));
    content.section(TALKERS, (to) => writeTalkers(to, segment));
    content.section(GROUPS, (to) => writeGroups(to, segment));
    const ofTalkers = { columns: talkers, rest: talkerRemainder, rows: talkers.source.length };
    if (hasOptions(TALKER_OPTIONS, talkers, talkerRemainder))
      content.section(TALKER_WINDOW, (to) => writeOptions(to, TALKER_OPTIONS, ofTalkers));
    const ofGroups = { columns: groups, rest: groupRemainder, rows: groups.source.length };
    if (hasOptions(GROUP_OPTIONS, groups, groupRemainder))
      content.section(GROUP_WINDOW, (to) => writeOptions(to, GROUP_OPTIONS, ofGroups));
    if (segment.untracked !== undefined || segment.error)
      content.section(UNTRACKED, (to) => writeUntracked(to, segment));
    if (dialled) content.section(DIALLED, (to) => writeDialled(to, dialled));
  });
}

/** Throws SegmentError where the bytes are damaged or of an unknown version. */
export function decodeSegment(bytes: Uint8Array): Segment {
  const sections = unseal(bytes, MAX_INFLATED_BYTES);
  const talkers = talkersOf(sections);
  const { addresses } = talkers;
  const { groups, groupRemainder } = readGroups(section(sections, GROUPS), addresses.length);
  const window = sections.get(GROUP_WINDOW);
  if (window)
    readOptions(window, GROUP_OPTIONS, {
      columns: groups,
      rest: groupRemainder,
      rows: groups.source.length,
    });
  const dialled = sections.get(DIALLED);
  return {
    ...talkers,
    groups,
    groupRemainder,
    ...(dialled && { dialled: readDialled(dialled, addresses.length) }),
  };
}

/** The talkers alone, for queries that need no groups. */
export function decodeTalkers(bytes: Uint8Array): TalkerSegment {
  return talkersOf(unseal(bytes, MAX_INFLATED_BYTES));
}

function talkersOf(sections: ReturnType<typeof unseal>): TalkerSegment {
  const addresses = readAddresses(section(sections, ADDRESSES));
  const { talkers, talkerRemainder } = readTalkers(section(sections, TALKERS), addresses.length);
  const window = sections.get(TALKER_WINDOW);
  if (window)
    readOptions(window, TALKER_OPTIONS, {
      columns: talkers,
      rest: talkerRemainder,
      rows: talkers.source.length,
    });
  const untracked = sections.get(UNTRACKED);
  return { addresses, talkers, talkerRemainder, ...(untracked && readUntracked(untracked)) };
}
