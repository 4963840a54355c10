import { closeSync, linkSync, openSync, readFileSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FILE_MODE } from "./disk.ts";
import { EWOULDBLOCK, type Flock, loadFlock, LOCK_EX, LOCK_NB } from "./flock.ts";

/** Locked by flock(2). Never renamed or removed: the lock is on the file, not on its name. */
export const LOCK = "lock";
/** Stands for the lock where flock(2) cannot be called. */
export const PID_LOCK = "lock.pid";
/** Names in between, of a process that was killed while it took the lock. */
export const LOCK_REMAINS = /^lock\.pid\.\d+$/;

/** A spool that is somebody's; the message names whose. */
export class SpoolLocked extends Error {
  override name = "SpoolLocked";
}

export interface Locking {
  /** Of this process. */
  pid: number;
  proc?: string;
  /** Gives flock(2), or undefined where it cannot be called. */
  flock?: () => Promise<Flock | undefined>;
}

/** Gives the spool back. */
export type Unlock = () => void;

/** Who a lock file names. A pid alone may be another's by now, so its start (ticks since boot) and the boot go with it. */
type Holder = { pid: number; text: string };

/**
 * Takes the spool for this process, or throws `SpoolLocked`. flock(2) is freed by the kernel however the process ends,
 * and holds across pid namespaces. Without it a file names the holder, found dead by /proc; that cannot see a holder in
 * another pid namespace.
 */
export async function lockSpool(folder: string, locking: Locking): Promise<Unlock> {
  const { pid, proc = "/proc", flock: load = loadFlock } = locking;
  const self = { pid, text: describe(pid, proc) ?? `${pid}` };
  const flock = await load();
  return flock ? lockByKernel(folder, self, { flock, proc }) : lockByFile(folder, self, proc);
}

function lockByKernel(folder: string, self: Holder, { flock, proc }: { flock: Flock; proc: string }): Unlock {
  const path = join(folder, LOCK);
  const fd = openSync(path, "a+", FILE_MODE);
  try {
    if (flock.flock(fd, LOCK_EX | LOCK_NB) < 0) throw refusal(folder, flock.errno(), proc);
    refuseIfHeld(folder, PID_LOCK, self, proc);
    writeFileSync(path, `${self.text}\n`);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return () => closeSync(fd);
}

function refusal(folder: string, errno: number, proc: string): Error {
  const path = join(folder, LOCK);
  if (errno !== EWOULDBLOCK) return new Error(`flock of ${path} failed with errno ${errno}`);
  const text = readText(path) ?? "";
  const pid = Number.parseInt(text, 10);
  if (Number.isNaN(pid)) return locked(folder, "another agent");
  const visible = describe(pid, proc) === text;
  return locked(folder, `the agent with pid ${pid}${visible ? "" : " in another container"}`);
}

function lockByFile(folder: string, self: Holder, proc: string): Unlock {
  refuseIfHeld(folder, LOCK, self, proc);
  const path = join(folder, PID_LOCK);
  const mine = `${path}.${self.pid}`;
  removeStale(folder, self, proc);
  writeFileSync(mine, `${self.text}\n`, { mode: FILE_MODE });
  try {
    // link(2) fails where the name is taken, and what it names is whole from the first moment.
    linkSync(mine, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw locked(folder, "another agent, which started in this moment");
  } finally {
    unlinkSync(mine);
  }
  return () => {
    if (readText(path) === self.text) unlinkSync(path);
  };
}

/** Moved away before it is removed: between the look and the removal another agent may have put its own in place. */
function removeStale(folder: string, self: Holder, proc: string): void {
  const path = join(folder, PID_LOCK);
  const seen = readText(path);
  if (seen === undefined) return;
  refuseIfHeld(folder, PID_LOCK, self, proc);
  const aside = `${path}.${self.pid}`;
  renameSync(path, aside);
  if (readText(aside) !== seen) {
    linkSync(aside, path);
    throw locked(folder, "another agent, which started in this moment");
  }
  unlinkSync(aside);
}

function refuseIfHeld(folder: string, name: string, self: Holder, proc: string): void {
  const text = readText(join(folder, name));
  const pid = Number.parseInt(text ?? "", 10);
  if (Number.isNaN(pid) || pid === self.pid) return;
  if (describe(pid, proc) === text) throw locked(folder, `the agent with pid ${pid}`);
}

/** "pid start boot" of a process that runs now. */
function describe(pid: number, proc: string): string | undefined {
  const stat = readText(join(proc, String(pid), "stat"));
  // The name of the program, in brackets, may hold spaces and brackets; start time is field 22 (proc_pid_stat(5)).
  const start = stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  const boot = readText(join(proc, "sys/kernel/random/boot_id")) ?? "";
  return start && `${pid} ${start} ${boot}`;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}

const locked = (folder: string, holder: string) =>
  new SpoolLocked(
    `The spool ${folder} is in use by ${holder}; stop that one, or give this agent a CONNTRAIL_SPOOL of its own`,
  );
