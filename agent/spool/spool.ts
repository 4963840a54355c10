import { join } from "node:path";
import type { Log } from "../log.ts";
import type { Parcel } from "../push.ts";
import { type Disk, FOLDER_MODE, makeFolder, roomOf, targetOf, writeSafely } from "./disk.ts";
import { parseState, type State } from "./ledger.ts";
import { LOCK, LOCK_REMAINS, PID_LOCK, type Unlock } from "./lock.ts";
import { type Identity, identityOf, nameOf } from "./name.ts";
import { quarantine, REFUSED, trimQuarantine } from "./quarantine.ts";

const STATE = "state.json";
const OURS = new Set([STATE, LOCK, PID_LOCK, REFUSED]);
/** Names of foreign files worth a log line. */
const MAX_NAMED = 5;

/** A report on the disk. */
export interface Filed extends Identity {
  name: string;
  /** Room it takes. */
  bytes: number;
  /** When it was written, in epoch ms. */
  at: number;
}

export interface SpoolFolder {
  folder: string;
  disk: Disk;
  log: Log;
  lock: (folder: string) => Promise<Unlock>;
}

/** The folder of reports on the disk, one file a report. Throws as the file system does. */
export class Spool {
  private readonly at: SpoolFolder;
  private readonly unlock: Unlock;

  constructor(at: SpoolFolder, unlock: Unlock) {
    this.at = at;
    this.unlock = unlock;
  }

  /** Resolves once the report would outlive a crash of the machine. */
  async write(parcel: Parcel): Promise<string> {
    const { disk, folder } = this.at;
    const name = nameOf(parcel);
    try {
      await writeSafely(disk, folder, name, parcel.body);
    } catch (error) {
      // Its folder may not have been synced: what is not certain is kept in memory, and once is enough.
      await this.remove(name);
      throw error;
    }
    return name;
  }

  read(name: string): Promise<Uint8Array> {
    return this.at.disk.readFile(join(this.at.folder, name));
  }

  /** A file that cannot be removed comes back at the next start, and the server knows it then. */
  async remove(name: string): Promise<void> {
    await this.at.disk.unlink(join(this.at.folder, name)).catch(() => {});
  }

  async quarantine(names: readonly string[], reason: string): Promise<void> {
    const { disk, folder } = this.at;
    for (const name of names) await quarantine(disk, folder, name, reason);
    await trimQuarantine(disk, folder);
  }

  saveState(text: string): Promise<void> {
    return writeSafely(this.at.disk, this.at.folder, STATE, text);
  }

  /** What an earlier run has saved; nothing where there was none, or it is damaged. */
  async state(): Promise<State> {
    const { disk, folder, log } = this.at;
    const none: State = { reserved: 0, dropped: [] };
    const text = await disk.readFile(join(folder, STATE), "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
    });
    if (text === undefined) return none;
    const state = parseState(text);
    if (!state) log({ level: "error", event: "spool-state-damaged", folder });
    return state ?? none;
  }

  /** All reports there are; removes what a killed run left half done. */
  async list(): Promise<Filed[]> {
    const { disk, folder, log } = this.at;
    const found: Filed[] = [];
    const foreign: string[] = [];
    for (const name of await disk.readdir(folder)) {
      const identity = identityOf(name);
      if (identity) found.push({ ...identity, name, ...(await this.sizeAndTime(name)) });
      else if (isRemains(name)) await this.remove(name);
      else if (!OURS.has(name)) foreign.push(name);
    }
    if (foreign.length > 0) {
      const names = foreign.slice(0, MAX_NAMED).join(", ");
      log({ level: "warning", event: "spool-foreign-files", folder, count: foreign.length, names });
    }
    return found;
  }

  close(): void {
    this.unlock();
  }

  /** An empty file takes no room: what we write is never empty. */
  private async sizeAndTime(name: string): Promise<{ bytes: number; at: number }> {
    const { size, mtimeMs } = await this.at.disk.stat(join(this.at.folder, name));
    return { bytes: size === 0 ? 0 : roomOf(size), at: mtimeMs };
  }
}

/** Takes the folder for this process. Throws `SpoolLocked` where it is another's, else as the file system does. */
export async function openSpool(at: SpoolFolder): Promise<Spool> {
  const { disk, folder } = at;
  await makeFolder(disk, folder);
  // One made by somebody else for us is empty; of one in use by others (/tmp, say) the mode is theirs.
  if ((await disk.readdir(folder)).length === 0) await disk.chmod(folder, FOLDER_MODE).catch(() => {});
  return new Spool(at, await at.lock(folder));
}

function isRemains(name: string): boolean {
  const target = targetOf(name);
  const half = target !== undefined && (target === STATE || identityOf(target) !== undefined);
  return half || LOCK_REMAINS.test(name);
}
