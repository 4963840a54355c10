/** How much of what waits is kept. */
export interface Limits {
  /** Room reports may take of the disk. */
  diskBytes: number;
  ageMs: number;
  /** Reports kept in memory, where there is no disk to keep them. */
  held: number;
  heldBytes: number;
}

export const LIMITS: Limits = {
  // 8192 files of one block: 68 hours of 30 s windows of a common node, and a share no disk of a node misses.
  diskBytes: 32 * 1024 * 1024,
  // The server keeps single windows as long; an older one would have no place there.
  ageMs: 48 * 3_600_000,
  // An hour of windows at the default interval; 120 of the common size take 250 kB.
  held: 120,
  // The agent's memory is counted: this is 120 large reports of 32 kB.
  heldBytes: 4 * 1024 * 1024,
};
