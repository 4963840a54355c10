import { readFile, stat } from "node:fs/promises";
import type { Log } from "../log.ts";
import { isSameOwner } from "./claims.ts";
import { type Complaint, type Item, type Rows, rowsOf } from "./file-rows.ts";
import type { Owner, OwnerSink, OwnerSource } from "./owner.ts";

/** Eight thousand addresses with all that can be said of them. */
export const MAX_BYTES = 1 << 20;
/**
 * The parser of YAML takes some 250 bytes for each character, and the process keeps them: 16 MB for so many characters, 110
 * MB for half a megabyte, which as JSON takes 8 MB.
 */
export const MAX_YAML_CHARACTERS = 1 << 15;
/** A change is known this long after it at the latest. A look at the file's date costs microseconds. */
export const POLL_MS = 5_000;
/** Whatever the file is, its reader has seen what is wrong after so many lines. */
export const MAX_COMPLAINTS = 20;
/** YAML can name a part of itself and use it again; a map of names has little use for that. */
const MAX_ALIASES = 100;

export interface FileDeps {
  now: () => number;
  log: Log;
  /** Resolves after so many ms, or when the signal aborts. */
  sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

/**
 * Owners by a map in a JSON or YAML file. Its date is asked for again and again: notices of the file system miss files
 * that are replaced, as Kubernetes and editors do. While the file is broken or away, what it said last stands.
 */
export function openFile(path: string, deps: FileDeps): OwnerSource {
  let isGood = false;
  return {
    name: "file",
    isCurrent: () => isGood,
    async run(sink, signal) {
      const held = new HeldByFile(sink);
      let seen = "";
      let looked = deps.now();
      while (!signal.aborted) {
        const before = looked;
        looked = deps.now();
        const { stamp, changedAt } = await stampOf(path);
        // A date from elsewhere, or of a file that was written long before it was put there, is no later or earlier than that.
        const at = Math.min(Math.max(changedAt, before), looked);
        isGood &&= stamp === seen;
        if (stamp !== seen) {
          seen = await readOnce(path, { stamp, at }, { held, log: deps.log });
          isGood = seen === stamp && held.isGood;
        }
        if (seen === stamp) sink.listed?.();
        await deps.sleep(POLL_MS, signal);
      }
    },
  };
}

interface Stamp {
  /** Tells one content from another: date, size and file; or why there is none. */
  stamp: string;
  /** When this file was written, or put in its place, by the file system's clock; the distant past where there is none. */
  changedAt: number;
}

const stampOf = (path: string): Promise<Stamp> =>
  stat(path, { bigint: true }).then(
    ({ mtimeNs, ctimeNs, size, ino, dev }) => ({
      stamp: [mtimeNs, ctimeNs, size, ino, dev].join(" "),
      changedAt: Number(ctimeNs / 1_000_000n),
    }),
    (error: NodeJS.ErrnoException) => ({ stamp: `cannot be read (${error.code})`, changedAt: 0 }),
  );

/** Reads the file and tells what came of it; gives the stamp of what was read, or none where it changed meanwhile. */
async function readOnce(
  path: string,
  { stamp, at }: { stamp: string; at: number },
  { held, log }: { held: HeldByFile; log: Log },
): Promise<string> {
  const read = await readRows(path);
  if ((await stampOf(path)).stamp !== stamp) return "";
  if ("rows" in read) {
    held.replace(read.rows, at);
    held.isGood = true;
    log({ level: "info", event: "owners-file-read", file: path, addresses: read.rows.size });
    return stamp;
  }
  held.isGood = false;
  for (const { line, complaint } of read.complaints.slice(0, MAX_COMPLAINTS))
    log({ level: "warning", event: "owners-file-refused", file: path, line, complaint });
  const more = read.complaints.length - MAX_COMPLAINTS;
  if (more > 0)
    log({ level: "warning", event: "owners-file-refused", file: path, complaint: `and ${more} more` });
  return stamp;
}

async function readRows(path: string): Promise<Rows> {
  try {
    const found = await stat(path);
    // To open a pipe waits for its writer, in a thread that the exit of the process then waits for; a device may do worse.
    if (!found.isFile()) return refused("is no regular file; name one, or a link to one");
    const { size } = found;
    if (size > MAX_BYTES) return refused(`has ${size} bytes; at most ${MAX_BYTES} are taken`);
    return await parseOwners(await readFile(path, "utf8"));
  } catch (error) {
    return refused(`cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
  }
}

const refused = (complaint: string): Rows => ({ complaints: [{ line: undefined, complaint }] });

/** Reads the text of such a file. */
export async function parseOwners(text: string): Promise<Rows> {
  const items = jsonItems(text) ?? (await yamlItems(text));
  return Array.isArray(items) ? rowsOf(items) : items;
}

/** Undefined where the text is no map in JSON. */
function jsonItems(text: string): Item[] | undefined {
  try {
    const map = JSON.parse(text) as unknown;
    if (typeof map !== "object" || map === null || Array.isArray(map)) return undefined;
    return Object.entries(map).map(([key, value]) => ({ key, value, line: () => lineOf(text, key) }));
  } catch {
    return undefined;
  }
}

function lineOf(text: string, key: string): number | undefined {
  const at = text.indexOf(JSON.stringify(key));
  return at < 0 ? undefined : text.slice(0, at).split("\n").length;
}

/** The parser of YAML is only loaded where it is needed: it takes memory for as long as the agent runs. */
async function yamlItems(text: string): Promise<Item[] | { complaints: Complaint[] }> {
  if (text.length > MAX_YAML_CHARACTERS)
    return refusedMap(
      `is no map in JSON, and has ${text.length} characters; as YAML at most ${MAX_YAML_CHARACTERS} are taken`,
    );
  const { isMap, isNode, isScalar, LineCounter, parseDocument } = await import("yaml");
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false, uniqueKeys: false });
  const lineAt = (offset: number | undefined) =>
    offset === undefined ? undefined : lineCounter.linePos(offset).line;
  const errors = document.errors.map(({ message, pos }) => ({ line: lineAt(pos[0]), complaint: message }));
  if (errors.length > 0) return { complaints: errors };
  if (!isMap(document.contents))
    return refusedMap("is no map of addresses to names; a map of nothing is written {}");
  try {
    return document.contents.items.map(({ key, value }) => ({
      key: isScalar(key) ? String(key.value) : "",
      value: isNode(value) ? value.toJS(document, { maxAliasCount: MAX_ALIASES }) : value,
      line: () => lineAt(isNode(key) ? key.range?.[0] : undefined),
    }));
  } catch (error) {
    return refusedMap(String(error));
  }
}

const refusedMap = (complaint: string) => ({ complaints: [{ line: undefined, complaint }] });

/** What the sink was told from the file that was good last. */
class HeldByFile {
  /** The file says what is held, as it is now. */
  isGood = false;
  readonly #sink: OwnerSink;
  #rows: ReadonlyMap<string, Owner> | undefined;

  constructor(sink: OwnerSink) {
    this.#sink = sink;
  }

  /** The first file says nothing of since when; what another one changes, changes when it was put there. */
  replace(rows: ReadonlyMap<string, Owner>, at: number): void {
    const before = this.#rows;
    this.#rows = rows;
    for (const [address, owner] of before ?? []) {
      const next = rows.get(address);
      if (!next || !isSameOwner(owner, next)) this.#sink.release(address, owner, at);
    }
    for (const [address, owner] of rows) {
      const last = before?.get(address);
      const goesOn = !before || (last && isSameOwner(last, owner));
      this.#sink.hold(address, owner, goesOn ? undefined : at);
    }
  }
}
