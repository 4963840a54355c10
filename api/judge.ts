import { SegmentError } from "../db/bucket.ts";
import { coalesced } from "../db/coalesced.ts";
import type { Db } from "../db/client.ts";
import type { Look, Need } from "../db/look.ts";
import { loadLook, windowsToJudge } from "../db/queries/look.ts";
import type { WindowToJudge } from "../db/queries/look.ts";
import { judgedSoFar, moveJudged, whileThere } from "../db/queries/upkeep/judge.ts";
import { countWatches, watchesOfNodes } from "../db/queries/watches.ts";
import { MAX_LIVES_A_CLUSTER } from "./alerts/admission.ts";
import { type Change, judgeWindow, lookAt, wants } from "./alerts/engine.ts";
import type { InForce } from "./alerts/in-force.ts";
import { rulesInForce } from "./judge/in-force.ts";
import { Ledger } from "./judge/ledger.ts";
import { surroundingsOf } from "./judge/surroundings.ts";
import type { Judging } from "./judge/judging.ts";
import { write } from "./judge/write.ts";

/** Windows read at once, and what may be gathered of them before it is written. */
const PAGE_ROWS = 400;
const MAX_GATHERED = 2000;
/** Of so many windows, each of another node, what must be known is read at once; with all flows of each it takes some 50 MB. */
const LOOKS_AT_ONCE = 8;

/** What judging a page did. stopped: there is more, but no time. */
export type Judged = { end: "done" | "more" | "stopped"; windows: number; events: number };

/**
 * Judges the next windows that were looked at, and writes what follows in one batch with how far it came: so nothing is judged twice
 * and nothing is lost. `goesOn` is asked before anything is looked at: where it says no, what was judged so far is written.
 */
export async function judgePage(judging: Judging): Promise<Judged> {
  const { db, lease } = judging;
  const { judged: after, seen: until } = await judgedSoFar(db);
  const windows = after < until ? await windowsToJudge(db, { after, until, limit: PAGE_ROWS }) : [];
  if (windows.length === 0) return { end: "done", windows: 0, events: 0 };
  const page = await pageOf(judging, windows);
  const done = await judgeAll(judging, windows, page);
  const last = windows[done - 1];
  if (!last) return { end: "stopped", windows: 0, events: 0 };
  const { id, clusterId, window } = last;
  const row = { id, clusterId, from: window.from, to: window.to };
  const guard = whileThere(row, lease);
  const written = await write(judging, page.ledger, { guard, first: moveJudged(row, guard) });
  if (!written) return { end: "more", windows: 0, events: 0 };
  const end = done < windows.length ? "stopped" : windows.length < PAGE_ROWS ? "done" : "more";
  return { end: page.full ? "more" : end, windows: done, events: page.ledger.events.length };
}

type Page = {
  ledger: Ledger;
  rules: ReadonlyMap<number, InForce>;
  full: boolean;
  failed: number;
  /** How much more may begin to live in each cluster; read when something does. */
  room: Map<number, number>;
};

async function pageOf({ db, now, rules }: Judging, windows: readonly WindowToJudge[]): Promise<Page> {
  const timely = windows.filter(({ late }) => !late);
  const nodes = new Map(
    timely.map(({ clusterId, window: { nodeId } }) => [`${clusterId} ${nodeId}`, { clusterId, nodeId }]),
  );
  const at = now();
  const ledger = new Ledger(db, at, surroundingsOf(db, at));
  ledger.remember(await watchesOfNodes(db, [...nodes.values()]));
  const clusterIds = [...new Set(timely.map(({ clusterId }) => clusterId))];
  const inForce = await rulesInForce({ db, rules }, clusterIds);
  return { ledger, rules: inForce, full: false, failed: 0, room: new Map() };
}

/** How many of the windows were judged. */
async function judgeAll(judging: Judging, windows: readonly WindowToJudge[], page: Page): Promise<number> {
  for (let done = 0; done < windows.length;) {
    const lot = lotFrom(judging, windows, done, page);
    if (lot.some(({ need }) => need) && !(await judging.goesOn())) return done;
    const looks = await looksOf(judging, lot, page);
    for (const [at, { window }] of lot.entries()) {
      page.full = page.ledger.size >= MAX_GATHERED;
      if (page.full) return done;
      const look = looks[at];
      if (look) await judgeOne(judging, window, look, page);
      done += 1;
    }
  }
  return windows.length;
}

/** A window, and what must be known to judge it; without a need there is nothing to judge. */
type Wanting = { window: WindowToJudge; need?: Need | undefined };

/** The next windows. What one does to the lives of its node says what the next of that node wants: that is of the next lot. */
function lotFrom(judging: Judging, windows: readonly WindowToJudge[], begin: number, page: Page): Wanting[] {
  const lot: Wanting[] = [];
  const nodes = new Set<string>();
  for (const window of windows.slice(begin)) {
    const node = `${window.clusterId} ${window.window.nodeId}`;
    if (nodes.has(node) || nodes.size >= LOOKS_AT_ONCE) break;
    const need = needOf(judging, window, page);
    if (need) nodes.add(node);
    lot.push({ window, need });
  }
  return lot;
}

function needOf(
  { from = 0, onFailed }: Judging,
  { clusterId, window, late }: WindowToJudge,
  page: Page,
): Need | undefined {
  const rules = page.rules.get(clusterId);
  if (late || window.receivedAt < from || !rules) return undefined;
  return attempt(
    () => wants(window, rules, page.ledger.lives(clusterId, window.nodeId)),
    failing(page, onFailed),
  );
}

function looksOf(judging: Judging, lot: readonly Wanting[], page: Page): Promise<(Look | undefined)[]> {
  const db = coalesced(judging.db);
  return Promise.all(
    lot.map(async ({ window, need }) => need && lookOf(judging, { db, window, need }, page)),
  );
}

async function lookOf(
  { hours, onDamaged, onFailed }: Judging,
  { db, window: { clusterId, window }, need }: { db: Db; window: WindowToJudge; need: Need },
  page: Page,
): Promise<Look | undefined> {
  const rules = page.rules.get(clusterId);
  const load = (need: Need) => loadLook(db, { clusterId, window, need, cache: hours, onDamaged });
  try {
    return rules && (await lookAt(load, need, rules));
  } catch (error) {
    if (!isOfData(error)) throw error;
    failing(page, onFailed)(error);
    return undefined;
  }
}

async function judgeOne(
  judging: Judging,
  { clusterId, window, previousTo }: WindowToJudge,
  look: Look,
  page: Page,
): Promise<void> {
  const { ledger, rules } = page;
  const inCluster = rules.get(clusterId);
  if (!inCluster) return;
  const lives = ledger.lives(clusterId, window.nodeId);
  const changes = attempt(
    () => judgeWindow(look, inCluster, lives, previousTo),
    failing(page, judging.onFailed),
  );
  if (changes)
    await ledger.apply(clusterId, window.nodeId, await admitted(judging, clusterId, changes, page));
}

/** Without what would begin to live in a cluster where too much does: names of nodes are of others, who may invent any number of them. */
async function admitted(
  { db, onCrowded }: Judging,
  clusterId: number,
  changes: readonly Change[],
  { room }: Page,
): Promise<readonly Change[]> {
  const begins = ({ before, life }: Change) => !before && life !== undefined;
  const fresh = changes.filter(begins).length;
  if (fresh === 0) return changes;
  const left =
    room.get(clusterId) ?? MAX_LIVES_A_CLUSTER - (await countWatches(db, clusterId, MAX_LIVES_A_CLUSTER));
  room.set(clusterId, Math.max(0, left - fresh));
  if (fresh <= left) return changes;
  onCrowded?.(clusterId);
  let kept = left;
  return changes.filter((change) => !begins(change) || kept-- > 0);
}

/** What reading strange data throws; anything else, such as a lost connection, may be gone by the next tick. */
const isOfData = (error: unknown): boolean => error instanceof SegmentError || error instanceof RangeError;

/** One window that cannot be judged must not hold up all others for ever. The first of a page is told with its error. */
const failing =
  (page: Page, onFailed: Judging["onFailed"]) =>
  (error: unknown): void => {
    page.failed += 1;
    onFailed?.(error, page.failed === 1);
  };

/** Of what has no input and no output. */
function attempt<Answer>(act: () => Answer, onFailed: (error: unknown) => void): Answer | undefined {
  try {
    return act();
  } catch (error) {
    onFailed(error);
    return undefined;
  }
}
