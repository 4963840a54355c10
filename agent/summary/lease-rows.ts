/** Columns of leases: which group holds them, their ports, and the seconds since the epoch; 0 where not known. */
export interface LeaseRows {
  readonly size: number;
  readonly groups: Int32Array;
  /** NAT port << 16 | source port. */
  readonly ports: Uint32Array;
  readonly opened: Uint32Array;
  readonly closed?: Uint32Array;
}

type Groups = Pick<LeaseRows, "size" | "groups">;

/** Marks the groups that rows refer to, so that compaction keeps them. */
export function markGroups({ size, groups }: Groups, used: Uint8Array): void {
  for (let row = 0; row < size; row += 1) {
    const group = groups[row] as number;
    if (group >= 0) used[group] = 1;
  }
}

/** Gives rows the numbers their groups have after compaction, -1 for those that are no more. */
export function moveGroups({ size, groups }: Groups, map: Int32Array): void {
  for (let row = 0; row < size; row += 1) {
    const group = groups[row] as number;
    if (group >= 0) groups[row] = map[group] as number;
  }
}
