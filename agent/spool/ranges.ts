import type { Dropped } from "../../api/wire.ts";

type Run = Pick<Dropped, "bootId" | "from" | "to">;

/** `ranges` with one more: sorted, without overlap (the newest reason counts), neighbours of one reason joined. */
export function addRange(ranges: readonly Dropped[], added: Dropped): Dropped[] {
  const sorted = [...withoutRange(ranges, added), added].toSorted(inOrder);
  const joined: Dropped[] = [];
  for (const range of sorted) {
    const last = joined.at(-1);
    if (last && isNext(last, range)) last.to = range.to;
    else joined.push({ ...range });
  }
  return joined;
}

/** `ranges` without the numbers of `taken`, of whatever reason. */
export function withoutRange(ranges: readonly Dropped[], taken: Run): Dropped[] {
  return ranges.flatMap((range) => {
    if (range.bootId !== taken.bootId || range.to < taken.from || range.from > taken.to) return [range];
    const left: Dropped[] = [];
    if (range.from < taken.from) left.push({ ...range, to: taken.from - 1 });
    if (range.to > taken.to) left.push({ ...range, from: taken.to + 1 });
    return left;
  });
}

/**
 * At most `max` ranges, made so by joining those of one boot with the smallest gaps between them. That declares numbers
 * of which nothing is known to be lost; a server that holds their reports knows better, and no loss goes undeclared.
 */
export function atMost(ranges: readonly Dropped[], max: number): Dropped[] {
  const kept = [...ranges];
  while (kept.length > max) {
    const at = smallestGap(kept);
    if (at === undefined) return kept;
    const [first, second] = kept.splice(at, 2) as [Dropped, Dropped];
    kept.splice(at, 0, { ...first, to: second.to });
  }
  return kept;
}

/** Place of the range after which the gap to the next one of its boot is smallest. */
function smallestGap(ranges: readonly Dropped[]): number | undefined {
  let best: { at: number; gap: number } | undefined;
  for (const [i, range] of ranges.entries()) {
    const next = ranges[i + 1];
    if (next?.bootId !== range.bootId) continue;
    const gap = next.from - range.to;
    if (!best || gap < best.gap) best = { at: i, gap };
  }
  return best?.at;
}

const isNext = (last: Dropped, range: Dropped) =>
  last.bootId === range.bootId && last.reason === range.reason && last.to + 1 === range.from;

const inOrder = (a: Dropped, b: Dropped) =>
  a.bootId === b.bootId ? a.from - b.from : a.bootId < b.bootId ? -1 : 1;
