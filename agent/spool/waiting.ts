import type { Parcel } from "../push.ts";
import type { Identity } from "./name.ts";

/** A report that waits to be sent: on the disk where it has a `name`, else held in memory. */
export interface Waiting extends Identity {
  /** Room it takes, on the disk or in memory. */
  bytes: number;
  /** When it was offered, in epoch ms. */
  at: number;
  name?: string;
  held?: Parcel;
  /** Written by an earlier run: its bytes are looked at before they are sent. */
  inherited?: true;
}

/** Its own number, as a range. */
export const only = ({ bootId, sequence }: Identity) => ({ bootId, from: sequence, to: sequence });

/** The oldest of `items` that must go for the rest to fit in `bytes`. */
export function oldestBeyond(items: readonly Waiting[], bytes: number): Waiting[] {
  let excess = items.reduce((total, item) => total + item.bytes, -bytes);
  return items.filter((item) => {
    const goes = excess > 0;
    if (goes) excess -= item.bytes;
    return goes;
  });
}
