import { OwnerBook } from "../owners/book.ts";
import { openOwners, type OwnerDeps, type OwnerPreference } from "../owners/index.ts";
import type { Holding } from "./answer.ts";

/** Kubernetes lists the Pods of a node in a tenth of a second, Docker asks for each container. */
const LIST_MS = 5_000;

export interface Holders {
  holdings: (address: string) => readonly Holding[];
  /** Why owners are not known, or not all of them. */
  unknown?: string;
}

/** Who holds which address, by one list. */
export async function listHolders(preference: OwnerPreference, deps: OwnerDeps): Promise<Holders> {
  const { source, reason } = await openOwners(preference, deps);
  if (!source) return { holdings: () => [], unknown: `owners of addresses: ${reason}` };
  const book = new OwnerBook(source.name);
  const enough = new AbortController();
  let listed = false;
  const stop = () => {
    listed = true;
    enough.abort();
  };
  const sink = {
    hold: book.hold.bind(book),
    release: book.release.bind(book),
    listed: stop,
  };
  const term = deps.deadline(LIST_MS);
  await source.run(sink, AbortSignal.any([enough.signal, term]));
  const unknown = `owners of addresses: ${source.name} did not tell all of them within ${LIST_MS / 1000} s`;
  return { holdings: (address) => book.holdings(address), ...(!listed && { unknown }) };
}
