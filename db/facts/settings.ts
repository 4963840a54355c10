import { isRecord } from "./words.ts";

/** What changes by itself, and is no setting, should an agent send it. */
const NO_SETTINGS = new Set(["net.netfilter.nf_conntrack_count"]);
const MACHINE = ["cores", "memoryBytes", "kubeProxy", "ciliumBpf"] as const;

/** What a node is set to. What could not be read is absent. */
export type Settings = {
  sysctls: Record<string, string>;
  cores?: number;
  memoryBytes?: number;
  kubeProxy?: string;
  ciliumBpf?: boolean;
};

/**
 * Reads `host` of a report (Host of api/wire/host.ts); undefined where it is none. The same JSON for the same settings. What
 * could not be read is left out with its reasons: they come and go while nothing is set otherwise.
 */
export function readSettings(host: unknown): string | undefined {
  if (!isRecord(host) || !isRecord(host["sysctls"])) return undefined;
  const sysctls = Object.entries(host["sysctls"])
    .filter(([key, value]) => typeof value === "string" && !NO_SETTINGS.has(key))
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  const machine = MACHINE.flatMap((key) => {
    const value = host[key];
    return typeof value === "number" || typeof value === "string" || typeof value === "boolean"
      ? [[key, value]]
      : [];
  });
  return JSON.stringify({ sysctls: Object.fromEntries(sysctls), ...Object.fromEntries(machine) });
}

/** What a node was set to from the window at `at` on, by its hash. */
export type SettingsRow = { at: number; hash: string };

/**
 * The settings of one node over time: a row at each window that says something else than the window before it, the same in
 * whatever order the windows come.
 */
export class SettingsBook {
  readonly #rows: Map<number, string>;
  readonly #before: ReadonlyMap<number, string>;
  /** Windows that say how the node is set. */
  readonly #said: Set<number>;

  /** Of rows all from the last one before the first statement on; of windows all after it. */
  constructor(rows: Iterable<SettingsRow>, said: Iterable<number>) {
    this.#rows = new Map([...rows].map(({ at, hash }) => [at, hash]));
    this.#before = new Map(this.#rows);
    this.#said = new Set(said);
  }

  /** The window that began at `at` says so. Of two that began then the one with the greater hash counts. */
  hear({ at, hash }: SettingsRow): void {
    const known = this.#said.has(at) ? this.#at(at) : undefined;
    if (known !== undefined && known >= hash) return;
    const next = least([...this.#said].filter((other) => other > at));
    const after = next === undefined ? undefined : this.#at(next);
    this.#said.add(at);
    this.#put(at, hash);
    if (next !== undefined && after !== undefined) this.#put(next, after);
  }

  /** Rows to be written, and instants of rows that are to go. */
  changes(): { written: SettingsRow[]; removed: number[] } {
    const written = [...this.#rows].filter(([at, hash]) => this.#before.get(at) !== hash);
    const removed = [...this.#before.keys()].filter((at) => !this.#rows.has(at));
    return { written: written.map(([at, hash]) => ({ at, hash })), removed };
  }

  /** A row, where the window before does not say the same. */
  #put(at: number, hash: string): void {
    if (this.#at(at - 1) === hash) this.#rows.delete(at);
    else this.#rows.set(at, hash);
  }

  #at(at: number): string | undefined {
    let found: [number, string] | undefined;
    for (const row of this.#rows) if (row[0] <= at && row[0] > (found?.[0] ?? -1)) found = row;
    return found?.[1];
  }
}

const least = (numbers: readonly number[]): number | undefined =>
  numbers.length === 0 ? undefined : Math.min(...numbers);
