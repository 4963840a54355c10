import { openConntrack } from "./conntrack-cli.ts";
import { openNetlink } from "./netlink.ts";
import { openProcfs } from "./procfs.ts";
import { type Source, SourceError } from "./source.ts";

/** Ways to open a source, the cheapest to read first. */
const OPENERS = [
  { name: "netlink", open: () => openNetlink() },
  { name: "procfs", open: () => openProcfs() },
  { name: "conntrack", open: () => openConntrack() },
] satisfies readonly Opener[];

export interface Opener {
  name: Source["name"];
  open: () => Promise<Source>;
}

/** A source to read from, or why there is none: one reason for each that was tried, in their order. */
export type Opened = { source: Source } | { reasons: SourceError[] };

/** Opens the source of that name, or with "auto" the first that works. */
export async function openSource(
  preference: "auto" | Source["name"],
  openers: readonly Opener[] = OPENERS,
): Promise<Opened> {
  const reasons: SourceError[] = [];
  for (const { name, open } of openers) {
    if (preference !== "auto" && preference !== name) continue;
    try {
      return { source: await open() };
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      reasons.push(error);
    }
  }
  return { reasons };
}
