import * as files from "node:fs/promises";
import type { Dropped } from "../../api/wire.ts";
import type { Log } from "../log.ts";
import { type Parcel, unpack } from "../push.ts";
import { type Disk, roomOf } from "./disk.ts";
import { Ledger } from "./ledger.ts";
import { LIMITS, type Limits } from "./limits.ts";
import { SpoolLocked, type Unlock } from "./lock.ts";
import { openSpool, type Spool } from "./spool.ts";
import { oldestBeyond, only, type Waiting } from "./waiting.ts";

export interface BacklogOptions {
  /** Folder of the spool; without one reports wait in memory alone. */
  folder?: string | undefined;
  lock: (folder: string) => Promise<Unlock>;
  now: () => number;
  log: Log;
  disk?: Disk;
  limits?: Limits;
}

/** Where reports wait: none was asked for, the disk, or memory because the disk fails. */
export type SpoolState = "none" | "working" | "failing";

/** Errors of a read that will not pass: the file is gone, or the disk cannot give it. */
const LOST_FOR_GOOD = new Set(["ENOENT", "EIO", "EISDIR"]);

/**
 * Takes over what an earlier run has left. Throws `SpoolLocked` where the folder is in use by another agent; a folder that
 * cannot be used for any other reason is said in the log and tried again with each report.
 */
export async function openBacklog(options: BacklogOptions): Promise<Backlog> {
  const backlog = new Backlog(options);
  await backlog.open();
  return backlog;
}

/**
 * Reports between their making and their storing by the server. Each one offered ends as exactly one of: stored,
 * waiting, or declared as lost. What is on the disk outlives the process, and so do the declarations.
 */
export class Backlog {
  private readonly options: BacklogOptions;
  private readonly disk: Disk;
  private readonly limits: Limits;
  private readonly ledger: Ledger;
  private spool: Spool | undefined;
  private failing = false;
  /** By sequence, the newest last. */
  private items: Waiting[] = [];
  private last: Promise<unknown> = Promise.resolve();

  constructor(options: BacklogOptions) {
    this.options = options;
    this.disk = options.disk ?? files;
    this.limits = options.limits ?? LIMITS;
    this.ledger = new Ledger(options.now());
  }

  get waiting(): readonly Waiting[] {
    return this.items;
  }

  /** Reports that will not outlive the process. */
  get held(): readonly Waiting[] {
    return this.items.filter(({ name }) => name === undefined);
  }

  get state(): SpoolState {
    if (this.options.folder === undefined) return "none";
    return this.failing ? "failing" : "working";
  }

  /** What the next report is to say of lost ones; said again in each until one of them was stored. */
  get declarations(): Dropped[] {
    return this.ledger.declarations;
  }

  open(): Promise<void> {
    return this.inTurn(async () => {
      try {
        await this.reach();
        await this.expire();
      } catch (error) {
        if (error instanceof SpoolLocked) throw error;
        this.failed(error);
      }
    });
  }

  /** A number that no report of this node and boot has borne: durably so where the disk works. */
  nextSequence(): Promise<number> {
    return this.inTurn(async () => {
      if (this.ledger.exhausted) await this.saved();
      return this.ledger.draw();
    });
  }

  /** Resolves once the report is on the disk, or is held in memory because there is none. */
  offer(parcel: Parcel): Promise<void> {
    return this.inTurn(async () => {
      const { bootId, sequence, encoding, body } = parcel;
      const at = this.options.now();
      this.insert({ bootId, sequence, encoding, bytes: body.length, at, held: parcel });
      await this.expire();
      await this.settle();
      await this.boundMemory();
    });
  }

  /** Declares numbers that never became a report. */
  lose(lost: Dropped): Promise<void> {
    return this.inTurn(async () => {
      this.ledger.lose(lost);
      await this.saved();
    });
  }

  /** The report itself; undefined where it is damaged or gone, which is then declared. Throws where the disk is busy. */
  load(item: Waiting): Promise<Parcel | undefined> {
    return this.inTurn(async () => {
      if (item.held || !this.items.includes(item)) return item.held;
      const { bootId, sequence, encoding } = item;
      const body = await this.read(item);
      const parcel = body && { bootId, sequence, encoding, body };
      if (parcel && (!item.inherited || (await unpack(parcel)))) return parcel;
      await this.condemn([item], "unreadable", "the file is damaged");
      return undefined;
    });
  }

  /** The server has it, and has read what it declares. */
  stored(item: Waiting, parcel: Parcel): Promise<void> {
    return this.inTurn(async () => {
      await this.remove([item]);
      // Dropped while it was on its way, it has arrived all the same.
      this.ledger.forget(only(item));
      if (this.ledger.size > 0)
        for (const range of (await unpack(parcel))?.dropped ?? []) this.ledger.forget(range);
      await this.saved();
    });
  }

  /** The server will never take it. */
  refused(item: Waiting, reason: string): Promise<void> {
    return this.inTurn(() => this.condemn([item], "refused", reason));
  }

  /** Declares what would be lost with the process, and gives the folder back. */
  close(): Promise<void> {
    return this.inTurn(async () => {
      for (const item of this.held) this.ledger.lose({ ...only(item), reason: "failed" });
      await this.saved();
      this.spool?.close();
      this.spool = undefined;
    });
  }

  /** One thing at a time: reports are offered while others are sent. */
  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.last.then(work);
    this.last = result.catch(() => {});
    return result;
  }

  /** Opens the folder where that is still to be done, and takes over what is in it. */
  private async reach(): Promise<void> {
    const { folder, log, lock } = this.options;
    if (this.spool || folder === undefined) return;
    const spool = await openSpool({ folder, disk: this.disk, log, lock });
    const found = await this.takeOver(spool).catch((error: unknown) => {
      spool.close();
      throw error;
    });
    const useless = this.items.filter(({ name, bytes }) => name && (bytes === 0 || !found.has(name)));
    await this.condemn(useless, "unreadable", "the file is empty or gone");
  }

  /** Gives the names of the reports that are there. */
  private async takeOver(spool: Spool): Promise<ReadonlySet<string>> {
    const [found, state] = [await spool.list(), await spool.state()];
    this.ledger.adopt(state, Math.max(0, ...found.map(({ sequence }) => sequence)));
    this.spool = spool;
    const known = new Set(this.items.map(({ name }) => name));
    for (const { name, ...filed } of found)
      if (!known.has(name)) this.insert({ ...filed, name, inherited: true });
    // A run that was killed between declaring a report and removing it has left it to us.
    for (const item of found) this.ledger.forget(only(item));
    return new Set(found.map(({ name }) => name));
  }

  /** Brings what is held in memory to the disk, the newest first: it is worth most. */
  private async settle(): Promise<void> {
    if (this.options.folder === undefined) return;
    try {
      await this.reach();
      await this.fileHeld().catch((error: unknown) => this.startAnew(error));
      if (await this.saved()) this.recovered();
    } catch (error) {
      this.failed(error);
    }
  }

  private async fileHeld(): Promise<void> {
    for (const item of this.held.toReversed()) await this.file(item);
  }

  /** A folder that was removed is made again, and locked again: the lock was on what is gone. */
  private async startAnew(error: unknown): Promise<void> {
    if (!this.spool || (error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    const { log, folder } = this.options;
    log({ level: "error", event: "spool-removed", folder, reason: (error as Error).message });
    this.spool.close();
    this.spool = undefined;
    await this.reach();
    await this.fileHeld();
  }

  private async file(item: Waiting): Promise<void> {
    const { spool } = this;
    if (!spool || !item.held) return;
    const bytes = roomOf(item.held.body.length);
    const filed = this.items.filter(({ name }) => name !== undefined);
    await this.drop(oldestBeyond(filed, this.limits.diskBytes - bytes), "size");
    item.name = await spool.write(item.held);
    item.bytes = bytes;
    delete item.held;
  }

  private async boundMemory(): Promise<void> {
    const { held, heldBytes } = this.limits;
    const beyond = oldestBeyond(this.held, heldBytes);
    const rest = this.held.slice(beyond.length);
    await this.drop([...beyond, ...rest.slice(0, Math.max(0, rest.length - held))], "size");
  }

  private expire(): Promise<void> {
    const eldest = this.options.now() - this.limits.ageMs;
    const expired = this.items.filter(({ at }) => at < eldest);
    return this.drop(expired, "age");
  }

  /** Declared before they are removed: a crash between leaves a report that is declared, which the next start puts right. */
  private async drop(items: readonly Waiting[], reason: "age" | "size"): Promise<void> {
    if (items.length === 0) return;
    for (const item of items) this.ledger.lose({ ...only(item), reason });
    const saved = await this.saved();
    await this.remove(items);
    // On a full disk there is room only now.
    if (!saved) await this.saved();
    this.tellDropped(items, reason);
  }

  private async condemn(items: Waiting[], reason: "refused" | "unreadable", why: string): Promise<void> {
    const left = items.filter((item) => this.items.includes(item));
    if (left.length === 0) return;
    for (const item of left) this.ledger.lose({ ...only(item), reason });
    // While that cannot be saved the files stay: the next start finds, and declares, them anew.
    const names = left.flatMap(({ name }) => name ?? []);
    if (await this.saved()) await this.spool?.quarantine(names, why);
    this.items = this.items.filter((item) => !left.includes(item));
    // Of a refused one the sender tells, with what the server said.
    if (reason === "unreadable") this.tellDropped(left, reason);
  }

  private tellDropped(items: readonly Waiting[], reason: Dropped["reason"]): void {
    const span = { from: items[0]?.sequence, to: items.at(-1)?.sequence };
    const { log, folder } = this.options;
    log({ level: "error", event: "report-dropped", count: items.length, reason, ...span, folder });
  }

  private async remove(items: readonly Waiting[]): Promise<void> {
    const gone = new Set(items);
    this.items = this.items.filter((item) => !gone.has(item));
    for (const { name } of items) if (name !== undefined) await this.spool?.remove(name);
  }

  private async read({ name }: Waiting): Promise<Uint8Array | undefined> {
    try {
      return await this.spool?.read(name ?? "");
    } catch (error) {
      if (LOST_FOR_GOOD.has((error as NodeJS.ErrnoException).code ?? "")) return undefined;
      throw error;
    }
  }

  /** Whether what must outlive the process is on the disk. */
  private async saved(): Promise<boolean> {
    const { spool } = this;
    if (!spool) return false;
    try {
      await this.ledger.save((text) => spool.saveState(text));
      return true;
    } catch (error) {
      this.failed(error);
      return false;
    }
  }

  private insert(item: Waiting): void {
    const after = this.items.findLastIndex(({ sequence }) => sequence <= item.sequence);
    this.items.splice(after + 1, 0, item);
  }

  private failed(error: unknown): void {
    if (this.failing) return;
    this.failing = true;
    const { log, folder } = this.options;
    const reason = `${(error as Error).message}; reports wait in memory until it can be written`;
    log({ level: "error", event: "spool-failing", folder, reason });
  }

  private recovered(): void {
    if (!this.failing) return;
    this.failing = false;
    this.options.log({ level: "info", event: "spool-working", folder: this.options.folder });
  }
}
