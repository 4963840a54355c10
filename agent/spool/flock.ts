/** flock(2), which Node does not offer. Negative results are errors. */
export interface Flock {
  flock(fd: number, operation: number): number;
  /** Error number of the last call that failed. */
  errno(): number;
}

/** Operations and error number of Linux (include/uapi/asm-generic/fcntl.h and errno-base.h). */
export const LOCK_EX = 2;
export const LOCK_NB = 4;
export const EWOULDBLOCK = 11;

/** Undefined where koffi is not installed or has no build for this machine. */
export async function loadFlock(load = () => import("koffi")): Promise<Flock | undefined> {
  try {
    const { default: koffi } = await load();
    return {
      flock: koffi.load(null).func("int flock(int, int)"),
      errno: () => koffi.errno(),
    };
  } catch {
    return undefined;
  }
}
