import type { Owners } from "../../api/wire.ts";
import { canonicalAddress } from "./canonical.ts";
import { type Interval, isSameOwner, isService, settle } from "./claims.ts";
import type { Owner, OwnerSink } from "./owner.ts";
import {
  type Entry,
  isWorthARow,
  mayBeNews,
  ownerColumns,
  type Row,
  rowsWithin,
  type Scope,
  withoutOld,
} from "./rows.ts";

/**
 * Claims on addresses of Pods, containers and hosts. A node runs some hundred Pods in two families; finished ones of a
 * few windows are kept besides, and a file may name the outside world.
 */
export const MAX_CLAIMS = 8_192;
/** Claims of services: 10,000 of them, a very large cluster, in two families. A claim takes some 300 bytes. */
export const MAX_SERVICE_CLAIMS = 20_480;
/** What a report takes (MAX_OWNERS of api/wire/owners.ts). */
export const MAX_ROWS = 16_384;
/**
 * Text that the rows of a report take as JSON, in bytes: a quarter of what the API takes of a whole report once it is
 * inflated (4 MiB), and room for 4,000 Pods with names of 60 characters. All rows with the longest names take 20 MB.
 */
export const MAX_ROW_BYTES = 1_048_576;
/** How long after its end a holding may still be news, and is remembered, in windows: sources notice ends late. */
const KEPT_WINDOWS = 4;
const MAX_NAME = 253;
/** The end of the year 9999, the last instant that the wire takes. */
const MAX_INSTANT = 253_402_300_799_999;

type Source = Owners["source"];

/** Who held which address when, as far as the last few windows need to know. */
export class OwnerBook implements OwnerSink {
  /** Claims not taken: no address, or no room for it. */
  refused = 0;
  /** Rows that did not fit into the last report; those that are news go with the next one. */
  leftOut = 0;

  readonly #source: Source;
  readonly #entries = new Map<string, Entry[]>();
  #services = 0;
  #others = 0;

  constructor(source: Source) {
    this.#source = source;
  }

  /** Of several starts that are named for one holding the earliest counts. */
  hold(text: string, named: Owner, start?: number): void {
    const address = canonicalAddress(text);
    if (address === undefined) return this.#refuse();
    const owner = fitting(named);
    const since = instant(start);
    const entries = this.#entries.get(address);
    const entry = entries?.findLast((entry) => isSameOwner(entry.owner, owner));
    if (!entry || (entry.until ?? MAX_INSTANT) <= (since ?? -1)) {
      if (!this.#count(owner, 1)) return this.#refuse();
      const next = { owner, since, until: undefined, met: false };
      // An array that one is pushed to has room for seventeen, and nearly all addresses have one holder.
      if (entries) entries.push(next);
      else this.#entries.set(address, [next]);
      return;
    }
    entry.owner = owner;
    entry.until = undefined;
    if (since !== undefined) entry.since = Math.min(since, entry.since ?? since);
  }

  /** Of several ends that are named for one holding the earliest counts. */
  release(text: string, owner: Owner, end: number): void {
    const entries = this.#entries.get(canonicalAddress(text) ?? "");
    const entry = entries?.findLast((entry) => isSameOwner(entry.owner, fitting(owner)));
    const until = instant(end);
    if (entry && until !== undefined) entry.until = Math.min(until, entry.until ?? until);
  }

  /** The holdings of an address that are remembered, in the order in which they became known. */
  holdings(text: string): { owner: Owner; since: number | undefined; until: number | undefined }[] {
    const entries = this.#entries.get(canonicalAddress(text) ?? "") ?? [];
    return settle(entries).flatMap(({ since, until, empty }, at) => {
      const owner = entries[at]?.owner;
      return owner && !empty ? [{ owner, since, until }] : [];
    });
  }

  /**
   * What a report says of owners. Complete: all that hold an address now or held it within the window. Else what is new,
   * ended or renamed since the report before, and undefined where nothing is. A holding reported earlier that turns out
   * to be wrong is reported with its end at its start. A service is named once its address was met (`isMet`), and in
   * complete reports while that is so.
   */
  report(
    window: Scope["window"],
    complete: boolean,
    isMet: (address: string) => boolean,
  ): Owners | undefined {
    const horizon = window.from - KEPT_WINDOWS * (window.to - window.from);
    const { rows, services } = this.#news({ window, horizon, complete }, isMet);
    const news = [...rows, ...services];
    const chosen = news.slice(0, Math.min(MAX_ROWS, rowsWithin(news, MAX_ROW_BYTES)));
    this.leftOut = news.length - chosen.length;
    const owners = ownerColumns(this.#source, complete, chosen);
    for (const { entry, interval } of chosen) entry.told = { ...interval, owner: entry.owner };
    if (complete) {
      // What a complete report does not name is over for its reader: it is news again.
      for (const { entry } of news.slice(chosen.length)) delete entry.told;
      this.#forgetMeetings(new Set(chosen.map(({ entry }) => entry)));
    }
    this.#forget(horizon);
    return complete || chosen.length > 0 ? owners : undefined;
  }

  #news(scope: Scope, isMet: (address: string) => boolean): Record<"rows" | "services", Row[]> {
    const news: Record<"rows" | "services", Row[]> = { rows: [], services: [] };
    for (const [address, entries] of this.#entries) {
      for (const entry of entries) if (isService(entry.owner) && !entry.met) entry.met = isMet(address);
      // Most services of a cluster are met by none of its Pods here: nothing is worked out for them.
      if (!entries.some(mayBeNews)) continue;
      const intervals = settle(entries);
      for (const [at, entry] of entries.entries()) {
        const interval = intervals[at] as Interval;
        if (isWorthARow(entry, interval, scope))
          news[isService(entry.owner) ? "services" : "rows"].push({ address, entry, interval });
      }
    }
    return news;
  }

  /** A complete report that does not name a service ends what was said of it, and it is news again when it is met. */
  #forgetMeetings(named: ReadonlySet<Entry>): void {
    for (const entries of this.#entries.values())
      for (const entry of entries) {
        if (!isService(entry.owner)) continue;
        entry.met = false;
        if (!named.has(entry)) delete entry.told;
      }
  }

  #forget(horizon: number): void {
    for (const [address, entries] of this.#entries) {
      const kept = withoutOld(entries, horizon);
      if (kept === entries) continue;
      for (const entry of entries) if (!kept.includes(entry)) this.#count(entry.owner, -1);
      if (kept.length > 0) this.#entries.set(address, kept);
      else this.#entries.delete(address);
    }
  }

  #refuse(): void {
    this.refused += 1;
  }

  /** False where there is no room for one more. */
  #count(owner: Owner, by: 1 | -1): boolean {
    const service = isService(owner);
    if (by > 0 && (service ? this.#services >= MAX_SERVICE_CLAIMS : this.#others >= MAX_CLAIMS)) return false;
    if (service) this.#services += by;
    else this.#others += by;
    return true;
  }
}

/** Names that the wire takes; what is longer than any name of Kubernetes comes from a file. */
const fitting = (owner: Owner): Owner =>
  TEXTS.every((field) => (owner[field]?.length ?? 0) <= MAX_NAME)
    ? owner
    : { ...owner, ...Object.fromEntries(TEXTS.map((field) => [field, owner[field]?.slice(0, MAX_NAME)])) };

const TEXTS = ["name", "namespace", "uid", "workloadKind", "workload"] as const;

const instant = (at: number | undefined): number | undefined =>
  at === undefined || Number.isNaN(at) ? undefined : Math.min(Math.max(Math.trunc(at), 0), MAX_INSTANT);
