import { identityOf, isSaidAlike, isStronger, type Holding, type Kept } from "./holding.ts";

/**
 * Services, which all nodes say alike, though none of them all the time: one is named where it was met. So no list ends
 * one. Where it is known when a service was made, it has one life, and the earliest end that anybody names counts;
 * an address given to it by others (a load balancer's) may come and go, and is held again where a window after the
 * end says so. That it never held the address is what one node thinks to which the address belongs: not kept.
 */
export class ServiceBook {
  readonly #kept = new Map<string, Kept>();
  readonly #written = new Set<string>();

  constructor(rows: Iterable<Kept>) {
    for (const row of rows) this.#kept.set(identityOf(row), row);
  }

  /** Takes a row of the report of the window that began at `at`. */
  hear(at: number, holding: Holding): void {
    if (holding.until !== null && holding.until <= holding.since) return;
    const key = identityOf(holding);
    const row = this.#kept.get(key);
    const next = row ? joined(row, holding, at) : { ...holding, saidAt: at, absent: false };
    if (row && isSaidAlike(row, next)) return;
    this.#kept.set(key, next);
    this.#written.add(key);
  }

  changes(): Kept[] {
    return [...this.#kept].flatMap(([key, row]) => (this.#written.has(key) ? [row] : []));
  }
}

function joined(row: Kept, holding: Holding, at: number): Kept {
  const isNewer = at > row.saidAt || (at === row.saidAt && isStronger(holding, row));
  const { workloadKind, workload, source } = isNewer ? holding : row;
  return {
    ...row,
    workloadKind,
    workload,
    source,
    saidAt: Math.max(at, row.saidAt),
    until: row.since > 0 ? earliest(row.until, holding.until) : latestWord(row, holding, at),
  };
}

const earliest = (one: number | null, other: number | null): number | null =>
  one === null || other === null ? (one ?? other) : Math.min(one, other);

/** A window that began at the end or later and knows of no end says that it is held again. */
function latestWord(row: Kept, holding: Holding, at: number): number | null {
  if (holding.until === null) return row.until === null || at >= row.until ? null : row.until;
  if (row.until === null) return row.saidAt >= holding.until ? null : holding.until;
  return Math.max(row.until, holding.until);
}
