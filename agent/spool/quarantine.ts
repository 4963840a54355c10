import { join } from "node:path";
import { type Disk, FILE_MODE, makeFolder, roomOf } from "./disk.ts";
import { identityOf } from "./name.ts";

/** Folder, in the spool, of reports the server refused or that cannot be read: kept for whoever asks why. */
export const REFUSED = "refused";
/** Some hundred reports: enough to see a pattern in what is refused, too little to matter on a disk. */
export const MAX_REFUSED_BYTES = 1024 * 1024;
const REASON = ".txt";

/** Moves a report out of the line. What cannot be moved is removed, or it would come back at every start. */
export async function quarantine(disk: Disk, folder: string, name: string, reason: string): Promise<void> {
  const refused = join(folder, REFUSED);
  try {
    await makeFolder(disk, refused);
    await disk.rename(join(folder, name), join(refused, name));
    await disk.writeFile(join(refused, name + REASON), `${reason}\n`, { mode: FILE_MODE });
  } catch {
    await disk.unlink(join(folder, name)).catch(() => {});
  }
}

/** Deletes the oldest until the rest takes no more than `maxBytes`. What is not ours is neither counted nor touched. */
export async function trimQuarantine(disk: Disk, folder: string, maxBytes = MAX_REFUSED_BYTES) {
  const refused = join(folder, REFUSED);
  const names = await disk.readdir(refused).catch(() => []);
  let bytes = 0;
  for (const name of names.filter(isOurs).toSorted().toReversed()) {
    const path = join(refused, name);
    bytes += roomOf((await disk.stat(path).catch(() => ({ size: 0 }))).size);
    if (bytes > maxBytes) await disk.unlink(path).catch(() => {});
  }
}

const isOurs = (name: string) =>
  identityOf(name.endsWith(REASON) ? name.slice(0, -REASON.length) : name) !== undefined;
