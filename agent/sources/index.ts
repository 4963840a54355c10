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

/** A source to read from, if there is one, and why each that was tried before it could not be had, in their order. */
export interface Opened {
  source?: Source;
  reasons: SourceError[];
}

/** Opens the source of that name, or with "auto" the first that works. */
export async function openSource(
  preference: "auto" | Source["name"],
  openers: readonly Opener[] = OPENERS,
): Promise<Opened> {
  const reasons: SourceError[] = [];
  for (const { name, open } of openers) {
    if (preference !== "auto" && preference !== name) continue;
    try {
      return { source: await open(), reasons };
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      reasons.push(error);
    }
  }
  return { reasons };
}
