import type { Owners } from "../../api/wire.ts";
import type { Log } from "../log.ts";
import { OwnerBook } from "./book.ts";
import { openOwners, type OwnerDeps, type OwnerPreference } from "./index.ts";
import type { OwnerSource } from "./owner.ts";
import { ownerColumns } from "./rows.ts";

/** A book of owners that is being filled. */
export interface Learning {
  /** Absent where nobody here knows owners. */
  book?: Pick<OwnerBook, "report"> & Pick<OwnerSource, "isCurrent">;
  /** What of them is not known, for the report. */
  unread: readonly string[];
  /** Resolves once nothing more is written to the book. */
  ended: Promise<void>;
}

/** Learns who holds which address until the signal aborts. */
export async function learnOwners(
  preference: OwnerPreference,
  deps: OwnerDeps,
  signal: AbortSignal,
): Promise<Learning> {
  const { source, reason, missing } = await openOwners(preference, deps);
  const level = missing ? "warning" : "info";
  deps.log({ level, event: "owners", source: source?.name ?? "none", reason });
  if (!source) {
    const unread = preference === "none" ? [] : [`owners of addresses: ${reason}`];
    return { unread, ended: Promise.resolve() };
  }
  const book = new OwnerBook(source.name);
  const learnt = doubting(complaining(book, deps.log), source);
  return { book: learnt, unread: [], ended: source.run(book, signal) };
}

/** A book that says in each report whether its source hears of changes. */
function doubting(
  book: Pick<OwnerBook, "report">,
  source: Pick<OwnerSource, "name" | "isCurrent">,
): NonNullable<Learning["book"]> {
  const isCurrent = () => source.isCurrent();
  const doubted = (said: Owners = ownerColumns(source.name, false, [])): Owners => ({
    ...said,
    current: false,
  });
  return {
    isCurrent,
    report: (...scope) => {
      const said = book.report(...scope);
      return isCurrent() ? said : doubted(said);
    },
  };
}

/** A book that says in the log when it has no room for what it is told, or a report none for what it says. */
export function complaining(book: OwnerBook, log: Log): Pick<OwnerBook, "report"> {
  let refused = 0;
  return {
    report: (...scope) => {
      const owners = book.report(...scope);
      if (book.refused > refused || book.leftOut > 0)
        log({ level: "warning", event: "owners-left-out", refused: book.refused, unreported: book.leftOut });
      refused = book.refused;
      return owners;
    },
  };
}
