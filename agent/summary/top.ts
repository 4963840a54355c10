/** Indexes of the `k` largest scores, largest first; equal scores in order of index. Zeros are never among them. */
export function topIndexes(scores: ArrayLike<number>, size: number, k: number): number[] {
  const heap: number[] = [];
  const lower = (a: number, b: number) => compare(scores, a, b) > 0;
  for (let index = 0; index < size; index += 1) {
    if ((scores[index] as number) <= 0) continue;
    if (heap.length < k) {
      heap.push(index);
      siftUp(heap, lower);
    } else if (k > 0 && (scores[index] as number) > (scores[heap[0] as number] as number)) {
      heap[0] = index;
      siftDown(heap, lower);
    }
  }
  return heap.toSorted((a, b) => compare(scores, a, b));
}

/**
 * Up to `k` indexes chosen from several rankings in turn, so that whoever leads by any metric is there:
 * with n rankings at least the first ⌊k / n⌋ of each.
 */
export function interleave(rankings: readonly (readonly number[])[], k: number): number[] {
  const chosen = new Set<number>();
  const longest = Math.max(0, ...rankings.map((ranking) => ranking.length));
  for (let rank = 0; rank < longest; rank += 1) {
    for (const ranking of rankings) {
      const index = ranking[rank];
      if (index !== undefined && chosen.size < k) chosen.add(index);
    }
  }
  return [...chosen];
}

type Lower = (a: number, b: number) => boolean;

const compare = (scores: ArrayLike<number>, a: number, b: number) =>
  (scores[b] as number) - (scores[a] as number) || a - b;

/** The heap keeps the lowest ranked index at its root. */
function siftUp(heap: number[], lower: Lower): void {
  let at = heap.length - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!lower(heap[at] as number, heap[parent] as number)) return;
    swap(heap, at, parent);
    at = parent;
  }
}

function siftDown(heap: number[], lower: Lower): void {
  let at = 0;
  for (;;) {
    const left = 2 * at + 1;
    const right = left + 1;
    let lowest = at;
    if (left < heap.length && lower(heap[left] as number, heap[lowest] as number)) lowest = left;
    if (right < heap.length && lower(heap[right] as number, heap[lowest] as number)) lowest = right;
    if (lowest === at) return;
    swap(heap, at, lowest);
    at = lowest;
  }
}

function swap(heap: number[], a: number, b: number): void {
  const held = heap[a] as number;
  heap[a] = heap[b] as number;
  heap[b] = held;
}
