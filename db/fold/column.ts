const NONE = new Float64Array(0);

/** Numbers by row. The first that come get the room they need, since most merges end there; later it is doubled. */
class Numbers {
  /** As long as there is room, not as there are rows. */
  all = NONE;
  size = 0;

  /** `first`: what a new row has. */
  grow(size: number, first = 0): void {
    if (size <= this.size) return;
    if (size > this.all.length) {
      const all = new Float64Array(this.size === 0 ? size : Math.max(size, 2 * this.all.length));
      if (this.size > 0) all.set(this.all.subarray(0, this.size));
      this.all = all;
    }
    if (first !== 0) this.all.fill(first, this.size, size);
    this.size = size;
  }

  add(row: number, value: number): void {
    this.all[row] = (this.all[row] ?? 0) + value;
  }

  copy(): Numbers {
    const copy = new Numbers();
    copy.all = this.all.slice();
    copy.size = this.size;
    return copy;
  }

  /** Leaves these rows. */
  keep(rows: Int32Array): void {
    const all = new Float64Array(rows.length);
    for (let i = 0; i < rows.length; i++) all[i] = this.all[rows[i] ?? 0] ?? 0;
    this.all = all;
    this.size = rows.length;
  }
}

/** What one part of a merge says of one measure. */
export type PartColumn = {
  values: ArrayLike<number>;
  rest: number;
  /** As of Table: no row of the part is short of more, and no key without a row has more; undefined: there is none. */
  lack: number;
  miss: number | undefined;
};

/** One measure of the rows of a merge: what they have, and how far the truth may be above it. */
export type Column = {
  readonly values: ArrayLike<number>;
  /** The most that a key may have which is not among the rows; undefined: there is none. */
  readonly unseen: number | undefined;
  /** Makes room for so many rows. */
  grow(size: number): void;
  /** `ids`: which row each value of the part belongs to, each once; there is room for them. */
  add(part: PartColumn, ids: Int32Array): void;
  /** What the row is short of, at most. */
  short(row: number): number;
  /** What all but the listed rows have together. */
  rest(listed: Uint8Array): number;
};

/** A column some of whose rows may be folded away before all parts are there. */
export type PrunableColumn = Column & {
  /** Leaves these rows, in this order; the others join the rest. */
  keep(rows: Int32Array): void;
};

/**
 * Parts that have keys in common add up. A key may have, in each part that lists it, as much more as the part's rows lack, and in
 * each other one what its missing keys have. Only the difference between the two is kept by row, as credit.
 */
export class Sum implements PrunableColumn {
  unseen: number | undefined;
  readonly #values = new Numbers();
  #rest = 0;
  #missed = 0;
  /** Credit of a row that comes now. */
  #start = 0;
  #credit: Numbers | undefined;

  get values(): ArrayLike<number> {
    return this.#values.all;
  }

  grow(size: number): void {
    this.#values.grow(size);
    this.#credit?.grow(size, this.#start);
  }

  add({ values, rest, lack, miss }: PartColumn, ids: Int32Array): void {
    for (let i = 0; i < ids.length; i++) this.#values.add(ids[i] ?? 0, values[i] ?? 0);
    this.#rest += rest;
    this.#missed += miss ?? 0;
    if (miss !== undefined) this.unseen = (this.unseen ?? 0) + miss;
    const credit = (miss ?? 0) - lack;
    if (credit === 0) return;
    const credits = this.#credits();
    for (let i = 0; i < ids.length; i++) credits.add(ids[i] ?? 0, credit);
  }

  short(row: number): number {
    return this.#missed - (this.#credit ? (this.#credit.all[row] ?? 0) : this.#start);
  }

  rest(listed: Uint8Array): number {
    return this.#rest + unlistedSum(this.#values.all, listed);
  }

  keep(rows: Int32Array): void {
    const kept = listing(rows, this.#values.size);
    this.unseen = mostUnlisted(this, kept);
    this.#rest = this.rest(kept);
    const credits = this.#credits();
    this.#values.keep(rows);
    credits.keep(rows);
    // A key that comes later may be one of those that went.
    this.#start = this.#missed - (this.unseen ?? 0);
  }

  #credits(): Numbers {
    this.#credit ??= new Numbers();
    this.#credit.grow(this.#values.size, this.#start);
    return this.#credit;
  }
}

/** Parts that have no key in common, as those of nodes whose name is in it, add up: a key lacks what its own part lacks. */
export class Apart implements PrunableColumn {
  unseen: number | undefined;
  readonly #values = new Numbers();
  #rest = 0;
  #lack: Numbers | undefined;

  get values(): ArrayLike<number> {
    return this.#values.all;
  }

  grow(size: number): void {
    this.#values.grow(size);
    this.#lack?.grow(size);
  }

  add({ values, rest, lack, miss }: PartColumn, ids: Int32Array): void {
    for (let i = 0; i < ids.length; i++) this.#values.add(ids[i] ?? 0, values[i] ?? 0);
    this.#rest += rest;
    this.unseen = larger(this.unseen, miss);
    if (lack === 0) return;
    this.#lack ??= new Numbers();
    this.#lack.grow(this.#values.size);
    for (const id of ids) this.#lack.add(id, lack);
  }

  short(row: number): number {
    return this.#lack?.all[row] ?? 0;
  }

  rest(listed: Uint8Array): number {
    return this.#rest + unlistedSum(this.#values.all, listed);
  }

  keep(rows: Int32Array): void {
    const kept = listing(rows, this.#values.size);
    this.unseen = mostUnlisted(this, kept);
    this.#rest = this.rest(kept);
    this.#values.keep(rows);
    this.#lack?.keep(rows);
  }
}

/** Of slots one after another the most of any one counts: of a row, of what it may have had, and of all others together. */
export class Peak implements Column {
  unseen: number | undefined;
  readonly #values = new Numbers();
  /** The most a row may have had in a slot that lists it, where that is not what it had. */
  #reach: Numbers | undefined;
  /** In how many of the slots that miss keys the row is listed. */
  #sightings: Numbers | undefined;
  #missing = 0;
  #slots: { values: ArrayLike<number>; ids: Int32Array; rest: number }[] = [];

  get values(): ArrayLike<number> {
    return this.#values.all;
  }

  grow(size: number): void {
    for (const numbers of [this.#values, this.#reach, this.#sightings]) numbers?.grow(size);
  }

  add({ values, rest, lack, miss }: PartColumn, ids: Int32Array): void {
    if (lack > 0 && !this.#reach) this.#reach = this.#values.copy();
    raise(this.#values.all, { values, more: 0 }, ids);
    if (this.#reach) raise(this.#reach.all, { values, more: lack }, ids);
    if (miss !== undefined) {
      this.#missing++;
      this.#sightings ??= new Numbers();
      this.#sightings.grow(this.#values.size);
      for (const id of ids) this.#sightings.add(id, 1);
    }
    this.unseen = larger(this.unseen, miss);
    this.#slots.push({ values, ids, rest });
  }

  short(row: number): number {
    const value = this.#values.all[row] ?? 0;
    const elsewhere = (this.#sightings?.all[row] ?? 0) < this.#missing ? (this.unseen ?? 0) : 0;
    return Math.max(this.#reach ? (this.#reach.all[row] ?? 0) : value, elsewhere) - value;
  }

  rest(listed: Uint8Array): number {
    let most = 0;
    for (const { values, ids, rest } of this.#slots) {
      let together = rest;
      for (let i = 0; i < ids.length; i++) if (!listed[ids[i] ?? 0]) together += values[i] ?? 0;
      if (together > most) most = together;
    }
    return most;
  }
}

function raise(
  most: Float64Array,
  { values, more }: { values: ArrayLike<number>; more: number },
  ids: Int32Array,
): void {
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] ?? 0;
    const value = (values[i] ?? 0) + more;
    if (value > (most[id] ?? 0)) most[id] = value;
  }
}

/** The most that any row without a mark, or a key that has no row, may have. */
export function mostUnlisted(column: Column, listed: Uint8Array): number | undefined {
  let { unseen: most } = column;
  for (let row = 0; row < listed.length; row++)
    if (!listed[row]) most = larger(most, (column.values[row] ?? 0) + column.short(row));
  return most;
}

/** A mark at each of the rows. */
export function listing(rows: Iterable<number>, size: number): Uint8Array {
  const listed = new Uint8Array(size);
  for (const row of rows) listed[row] = 1;
  return listed;
}

function unlistedSum(values: ArrayLike<number>, listed: Uint8Array): number {
  let sum = 0;
  for (let row = 0; row < listed.length; row++) if (!listed[row]) sum += values[row] ?? 0;
  return sum;
}

function larger(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || (other !== undefined && other > one) ? other : one;
}
