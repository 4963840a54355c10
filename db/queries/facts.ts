import type { SQL } from "drizzle-orm";
import type { Db } from "../client.ts";
import { byAddress, holderOf } from "../facts/holders.ts";
import { type Holding, identityOf, type Kept, merged, type Range } from "../facts/holding.ts";
import { NodeBook } from "../facts/node-book.ts";
import { ServiceBook } from "../facts/service-book.ts";
import { readSettings, SettingsBook, type SettingsRow } from "../facts/settings.ts";
import { type OwnerWords, readOwners } from "../facts/words.ts";
import type { Holders } from "../fold/table.ts";
import {
  ALL_NODES,
  type Found,
  holdingsAfter,
  holdingsIn,
  holdingsLike,
  type Listing,
  listingsFrom,
  readHoldings,
  type NodeFrom,
  settingsFrom,
} from "./facts/read.ts";
import {
  removeNodeSettings,
  writeHoldings,
  writeListings,
  writeNodeSettings,
  writeSettings,
} from "./facts/write.ts";

/** What one report says of owners and settings, as decodeDetails gives it. */
export type Statement = {
  nodeId: number;
  /** The window. */
  from: number;
  to: number;
  owners?: unknown;
  host?: unknown;
};

export type Applied = {
  /** To run in one batch, in this order. */
  writes: SQL[];
  /**
   * Where the holder of some address of the node is another than before; in order and without overlaps for each node. What has no end
   * yet ends at FOREVER of facts/holding.ts. Services are left out: flows hardly ever come from their addresses, and one that
   * is met for the first time would change all there is.
   */
  changed: { nodeId: number; from: number; to: number }[];
};

type Heard = { nodeId: number; at: number; words: OwnerWords | undefined; settings: string | undefined };

/** What the statements change of what is known: the same in whatever order they come. Each write happens only where `guard` holds. */
export async function applyStatements(
  db: Db,
  clusterId: number,
  statements: readonly Statement[],
  guard: SQL,
): Promise<Applied> {
  const heard = statements
    .map(({ nodeId, from, owners, host }): Heard => ({
      nodeId,
      at: from,
      words: readOwners(owners),
      settings: readSettings(host),
    }))
    .filter(({ words, settings }) => words !== undefined || settings !== undefined);
  if (heard.length === 0) return { writes: [], changed: [] };
  const listings = await listingsFrom(db, clusterId, earliest(heard));
  const owners = await applyOwners(db, clusterId, heard, listings);
  const settings = await applySettings(db, clusterId, heard, listings);
  return {
    writes: [
      ...writeHoldings(clusterId, owners.rows, guard),
      ...writeSettings(clusterId, settings.contents, guard),
      ...removeNodeSettings(clusterId, settings.removed, guard),
      ...writeNodeSettings(clusterId, settings.written, guard),
      ...writeListings(clusterId, newListings(heard, listings), guard),
    ],
    changed: owners.changed,
  };
}

async function applyOwners(db: Db, clusterId: number, heard: readonly Heard[], listings: readonly Listing[]) {
  const spoken = heard.flatMap(({ nodeId, at, words }) => (words ? [{ nodeId, at, words }] : []));
  const known = await knownHoldings(db, clusterId, spoken);
  const services = new ServiceBook(known.get(ALL_NODES) ?? []);
  const lists = groupBy(
    listings.filter(({ owners }) => owners === 1),
    ({ nodeId }) => nodeId,
  );
  const rows: (Kept & { nodeId: number })[] = [];
  const changed: (Range & { nodeId: number })[] = [];
  for (const [nodeId, said] of groupBy(spoken, ({ nodeId }) => nodeId)) {
    const book = new NodeBook(
      known.get(nodeId) ?? [],
      (lists.get(nodeId) ?? []).map(({ at }) => at),
    );
    for (const { at, words } of said) {
      book.hear(at, { ...words, holdings: words.holdings.filter((holding) => !isService(holding)) });
      for (const service of words.holdings.filter(isService)) services.hear(at, service);
    }
    const changes = book.changes();
    for (const row of changes.rows) rows.push({ ...row, nodeId });
    for (const range of merged(changes.ranges)) changed.push({ nodeId, ...range });
  }
  for (const row of services.changes()) rows.push({ ...row, nodeId: ALL_NODES });
  return { rows, changed };
}

const isService = ({ kind }: Holding): boolean => kind === "service";

/** All that the statements may change: what holds still or ended after the first of them, and what they mention. */
async function knownHoldings(
  db: Db,
  clusterId: number,
  spoken: readonly { nodeId: number; at: number; words: OwnerWords }[],
): Promise<Map<number, Found[]>> {
  const found = new Map<string, Found>();
  const keyOf = (nodeId: number, holding: Holding) => `${nodeId}\0${identityOf(holding)}`;
  if (spoken.length === 0) return new Map();
  for (const row of await holdingsAfter(db, clusterId, earliest(spoken)))
    found.set(keyOf(row.nodeId, row), row);
  const wanted = new Map<string, { nodeId: number; holding: Holding }>();
  for (const { nodeId, words } of spoken)
    for (const holding of words.holdings) {
      const by = isService(holding) ? ALL_NODES : nodeId;
      const key = keyOf(by, holding);
      if (!found.has(key)) wanted.set(key, { nodeId: by, holding });
    }
  for (const row of await holdingsLike(db, clusterId, [...wanted.values()]))
    found.set(keyOf(row.nodeId, row), row);
  return groupBy(found.values(), ({ nodeId }) => nodeId);
}

async function applySettings(
  db: Db,
  clusterId: number,
  heard: readonly Heard[],
  listings: readonly Listing[],
) {
  const contents = new Map<string, string>();
  const said: (SettingsRow & { nodeId: number })[] = [];
  for (const { nodeId, at, settings } of heard) {
    if (settings === undefined) continue;
    const hash = await sha256(settings);
    contents.set(hash, settings);
    said.push({ nodeId, at, hash });
  }
  const written: (SettingsRow & { nodeId: number })[] = [];
  const removed: { nodeId: number; at: number }[] = [];
  const known = said.length === 0 ? [] : await settingsFrom(db, clusterId, earliest(said));
  const rows = groupBy(known, ({ nodeId }) => nodeId);
  const windows = groupBy(
    listings.filter(({ settings }) => settings === 1),
    ({ nodeId }) => nodeId,
  );
  for (const [nodeId, words] of groupBy(said, ({ nodeId }) => nodeId)) {
    const book = new SettingsBook(
      rows.get(nodeId) ?? [],
      (windows.get(nodeId) ?? []).map(({ at }) => at),
    );
    for (const word of words) book.hear(word);
    const changes = book.changes();
    for (const row of changes.written) written.push({ nodeId, ...row });
    for (const at of changes.removed) removed.push({ nodeId, at });
  }
  const used = new Set(written.map(({ hash }) => hash));
  return { contents: new Map([...contents].filter(([hash]) => used.has(hash))), written, removed };
}

/** Windows that list something, or doubt what was listed, and are not known to: those that doubt list nothing. */
function newListings(heard: readonly Heard[], known: readonly Listing[]) {
  const key = ({ nodeId, at }: { nodeId: number; at: number }) => `${nodeId} ${at}`;
  const before = new Map(known.map((listing) => [key(listing), listing]));
  const listings = new Map<string, { nodeId: number; at: number; owners: boolean; settings: boolean }>();
  for (const { nodeId, at, words, settings } of heard) {
    const other = listings.get(key({ nodeId, at }));
    const owners = words?.complete === true || other?.owners === true;
    const listing = { nodeId, at, owners, settings: settings !== undefined || other?.settings === true };
    if (listing.owners || listing.settings || words?.doubtful) listings.set(key(listing), listing);
  }
  return [...listings.values()].filter((listing) => {
    const { owners = -1, settings = -1 } = before.get(key(listing)) ?? {};
    return Number(listing.owners) > owners || Number(listing.settings) > settings;
  });
}

/** The first instant that is spoken of, by node. */
function earliest(spoken: readonly { nodeId: number; at: number }[]): NodeFrom[] {
  const first = new Map<number, number>();
  for (const { nodeId, at } of spoken) first.set(nodeId, Math.min(at, first.get(nodeId) ?? at));
  return [...first].map(([nodeId, from]) => ({ nodeId, from }));
}

function groupBy<T>(rows: Iterable<T>, keyOf: (row: T) => number): Map<number, T[]> {
  const groups = new Map<number, T[]>();
  for (const row of rows) {
    const group = groups.get(keyOf(row));
    if (group) group.push(row);
    else groups.set(keyOf(row), [row]);
  }
  return groups;
}

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Who held the addresses of each node in a stretch of time; of all nodes of the cluster, or of those. What is to be asked of
 * one node is best asked of one answer: it is worked out then.
 */
export async function holdersIn(
  db: Db,
  clusterId: number,
  range: { from: number; to: number; nodeIds?: readonly number[] },
): Promise<(nodeId: number) => Holders> {
  const texts = groupBy(await holdingsIn(db, clusterId, range), ({ nodeId }) => nodeId);
  const heldBy = (nodeId: number) => byAddress((texts.get(nodeId) ?? []).flatMap(readHoldings));
  const services = heldBy(ALL_NODES);
  return (nodeId) => {
    const own = heldBy(nodeId);
    return (address, from, to) => holderOf({ own, services }, address, { from, to });
  };
}
