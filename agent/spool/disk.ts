import type * as files from "node:fs/promises";
import { dirname, join } from "node:path";

/** What the spool needs of a file system: node:fs/promises, or a stand-in that fails where a test wants it to. */
export type Disk = Pick<
  typeof files,
  "chmod" | "mkdir" | "open" | "readdir" | "readFile" | "rename" | "stat" | "unlink" | "writeFile"
>;

/** Reports are of no one else's concern: they hold addresses of the cluster. */
export const FILE_MODE = 0o600;
export const FOLDER_MODE = 0o700;
/** Unit in which common file systems (ext4, xfs) give out room: a report of 1 kB takes 4 of the disk. */
const BLOCK_BYTES = 4096;
const TEMPORARY = ".tmp";

/** What a file takes of the disk. */
export const roomOf = (bytes: number): number => Math.max(1, Math.ceil(bytes / BLOCK_BYTES)) * BLOCK_BYTES;

/** The name of the file that a name was to be given to; undefined where it is not a temporary name. */
export const targetOf = (name: string): string | undefined =>
  name.endsWith(TEMPORARY) ? name.slice(0, -TEMPORARY.length) : undefined;

/**
 * Writes a file so that a crash at any moment, of the machine too, leaves it whole or absent (or as it was): rename(2)
 * replaces at once, and what is synced before it is there after it. Throws as the file system does.
 */
export async function writeSafely(disk: Disk, folder: string, name: string, bytes: Uint8Array | string) {
  const temporary = join(folder, name + TEMPORARY);
  try {
    const file = await disk.open(temporary, "w", FILE_MODE);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await disk.rename(temporary, join(folder, name));
  } catch (error) {
    await disk.unlink(temporary).catch(() => {});
    throw error;
  }
  await syncFolder(disk, folder);
}

/**
 * Makes a folder and those above it that are missing, and throws what the file system says of the one it cannot make. Not
 * by `recursive`: below /proc that of Node never comes back, and it calls a read-only file system a missing folder.
 */
export async function makeFolder(disk: Disk, folder: string): Promise<void> {
  const parent = dirname(folder);
  try {
    await makeOne(disk, folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" || parent === folder) throw error;
    await makeFolder(disk, parent);
    await makeOne(disk, folder);
  }
}

async function makeOne(disk: Disk, folder: string): Promise<void> {
  try {
    await disk.mkdir(folder, { mode: FOLDER_MODE });
  } catch (error) {
    const isThere = (error as NodeJS.ErrnoException).code === "EEXIST";
    if (!isThere || !(await disk.stat(folder)).isDirectory()) throw error;
  }
}

/** The name of a new file is in its folder, which is synced by itself (fsync(2), notes). */
async function syncFolder(disk: Disk, folder: string): Promise<void> {
  const handle = await disk.open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
