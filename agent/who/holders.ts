import { stat } from "node:fs/promises";
import { OwnerBook } from "../owners/book.ts";
import type { Log } from "../log.ts";
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
  const complaints: string[] = [];
  const enough = new AbortController();
  const log: Log = (line) => {
    if (line.event !== "owners-file-refused") return deps.log(line);
    complaints.push([line["file"], line["line"], line["complaint"]].filter(Boolean).join(": "));
    // A file that is wrong now is still so in a moment.
    enough.abort();
  };
  const { source, reason } = await openOwners(preference, { ...deps, log });
  if (!source) return { holdings: () => [], unknown: `owners of addresses: ${reason}` };
  const book = new OwnerBook(source.name);
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
  if (complaints.length > 0)
    return { holdings: () => [], unknown: `owners of addresses: ${complaints.join("; ")}` };
  const unknown = `owners of addresses: ${source.name} did not tell all of them within ${LIST_MS / 1000} s`;
  const stands = await standsSince(preference);
  const holdings = (address: string) =>
    book.holdings(address).map((holding) => ({ ...holding, since: holding.since ?? stands }));
  return { holdings, ...(!listed && { unknown }) };
}

/** A file says the same since it was put there, epoch ms; by its date after it was read. Undefined of what is no file. */
async function standsSince(preference: OwnerPreference): Promise<number | undefined> {
  if (!preference.startsWith("file:")) return undefined;
  return stat(preference.slice("file:".length)).then(
    ({ ctimeMs }) => Math.ceil(ctimeMs),
    () => undefined,
  );
}
