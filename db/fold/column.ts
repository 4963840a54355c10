/** What one part of a merge says of one measure. */
export type PartColumn = {
  values: readonly number[];
  rest: number;
  /** As of Table: no row of the part is short of more, and no key without a row has more; undefined: there is none. */
  lack: number;
  miss: number | undefined;
};

/** One measure of the rows of a merge: what they have, and how far the truth may be above it. */
export type Column = {
  readonly values: readonly number[];
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
  values: number[] = [];
  unseen: number | undefined;
  #rest = 0;
  #missed = 0;
  #credit: number[] | undefined;
  /** Credit of a row that comes now. */
  #start = 0;

  grow(size: number): void {
    extend(this.values, size, 0);
    if (this.#credit) extend(this.#credit, size, this.#start);
  }

  add({ values, rest, lack, miss }: PartColumn, ids: Int32Array): void {
    for (let i = 0; i < ids.length; i++) addTo(this.values, ids[i], values[i]);
    this.#rest += rest;
    this.#missed += miss ?? 0;
    if (miss !== undefined) this.unseen = (this.unseen ?? 0) + miss;
    const credit = (miss ?? 0) - lack;
    if (credit === 0) return;
    this.#credit ??= this.values.map(() => this.#start);
    for (const id of ids) addTo(this.#credit, id, credit);
  }

  short(row: number): number {
    return this.#missed - (this.#credit?.[row] ?? 0);
  }

  rest(listed: Uint8Array): number {
    return this.#rest + unlistedSum(this.values, listed);
  }

  keep(rows: Int32Array): void {
    const kept = listing(rows, this.values.length);
    this.unseen = mostUnlisted(this, kept);
    this.#rest = this.rest(kept);
    this.values = pick(this.values, rows);
    // A key that comes later may be one of those that went.
    this.#start = this.#missed - (this.unseen ?? 0);
    this.#credit = this.#credit ? pick(this.#credit, rows) : Array.from(rows, () => 0);
  }
}

/** Parts that have no key in common, as those of nodes whose name is in it, add up: a key lacks what its own part lacks. */
export class Apart implements PrunableColumn {
  values: number[] = [];
  unseen: number | undefined;
  #rest = 0;
  #lack: number[] | undefined;

  grow(size: number): void {
    extend(this.values, size, 0);
    if (this.#lack) extend(this.#lack, size, 0);
  }

  add({ values, rest, lack, miss }: PartColumn, ids: Int32Array): void {
    for (let i = 0; i < ids.length; i++) addTo(this.values, ids[i], values[i]);
    this.#rest += rest;
    this.unseen = larger(this.unseen, miss);
    if (lack === 0) return;
    this.#lack ??= this.values.map(() => 0);
    for (const id of ids) addTo(this.#lack, id, lack);
  }

  short(row: number): number {
    return this.#lack?.[row] ?? 0;
  }

  rest(listed: Uint8Array): number {
    return this.#rest + unlistedSum(this.values, listed);
  }

  keep(rows: Int32Array): void {
    const kept = listing(rows, this.values.length);
    this.unseen = mostUnlisted(this, kept);
    this.#rest = this.rest(kept);
    this.values = pick(this.values, rows);
    if (this.#lack) this.#lack = pick(this.#lack, rows);
  }
}

/** Of slots one after another the most of any one counts: of a row, of what it may have had, and of all others together. */
export class Peak implements Column {
  values: number[] = [];
  unseen: number | undefined;
  /** The most a row may have had in a slot that lists it. */
  #reach: number[] = [];
  /** In how many of the slots that miss keys the row is listed. */
  #sightings: number[] = [];
  #missing = 0;
  #slots: { values: readonly number[]; ids: Int32Array; rest: number }[] = [];

  grow(size: number): void {
    for (const column of [this.values, this.#reach, this.#sightings]) extend(column, size, 0);
  }

  add({ values, rest, lack, miss }: PartColumn, ids: Int32Array): void {
    const misses = miss === undefined ? 0 : 1;
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i] ?? 0;
      const value = values[i] ?? 0;
      if (value > (this.values[id] ?? 0)) this.values[id] = value;
      if (value + lack > (this.#reach[id] ?? 0)) this.#reach[id] = value + lack;
      addTo(this.#sightings, id, misses);
    }
    this.#missing += misses;
    this.unseen = larger(this.unseen, miss);
    this.#slots.push({ values, ids, rest });
  }

  short(row: number): number {
    const elsewhere = (this.#sightings[row] ?? 0) < this.#missing ? (this.unseen ?? 0) : 0;
    return Math.max(this.#reach[row] ?? 0, elsewhere) - (this.values[row] ?? 0);
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

function unlistedSum(values: readonly number[], listed: Uint8Array): number {
  let sum = 0;
  for (let row = 0; row < listed.length; row++) if (!listed[row]) sum += values[row] ?? 0;
  return sum;
}

function larger(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || (other !== undefined && other > one) ? other : one;
}

function extend(values: number[], size: number, value: number): void {
  while (values.length < size) values.push(value);
}

function addTo(values: number[], row = 0, value = 0): void {
  values[row] = (values[row] ?? 0) + value;
}

const pick = (values: readonly number[], rows: Int32Array) => Array.from(rows, (row) => values[row] ?? 0);
