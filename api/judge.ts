import type { Need } from "../db/look.ts";
import { loadLook, windowsToJudge } from "../db/queries/look.ts";
import type { WindowToJudge } from "../db/queries/look.ts";
import { judgedSoFar, moveJudged, whileThere } from "../db/queries/upkeep/judge.ts";
import { watchesOfNodes } from "../db/queries/watches.ts";
import { judgeWindow, lookAt, wants } from "./alerts/engine.ts";
import type { InForce } from "./alerts/in-force.ts";
import { rulesInForce } from "./judge/in-force.ts";
import { Ledger } from "./judge/ledger.ts";
import { surroundingsOf } from "./judge/surroundings.ts";
import type { Judging } from "./judge/judging.ts";
import { write } from "./judge/write.ts";

/** Windows read at once, and what may be gathered of them before it is written. */
const PAGE_ROWS = 400;
const MAX_GATHERED = 2000;

/** What judging a page did. stopped: there is more, but no time. */
export type Judged = { end: "done" | "more" | "stopped"; windows: number; events: number };

/**
 * Judges the next windows that were looked at, and writes what follows in one batch with how far it came: so nothing is judged twice
 * and nothing is lost. `goesOn` is asked before each look: where it says no, what was judged so far is written.
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

type Page = { ledger: Ledger; rules: ReadonlyMap<number, InForce>; full: boolean };

async function pageOf({ db, now, rules }: Judging, windows: readonly WindowToJudge[]): Promise<Page> {
  const timely = windows.filter(({ late }) => !late);
  const nodes = new Map(
    timely.map(({ clusterId, window: { nodeId } }) => [`${clusterId} ${nodeId}`, { clusterId, nodeId }]),
  );
  const at = now();
  const ledger = new Ledger(db, at, surroundingsOf(db, at));
  ledger.remember(await watchesOfNodes(db, [...nodes.values()]));
  const clusterIds = [...new Set(timely.map(({ clusterId }) => clusterId))];
  return { ledger, rules: await rulesInForce({ db, rules }, clusterIds), full: false };
}

/** How many of the windows were judged. */
async function judgeAll(judging: Judging, windows: readonly WindowToJudge[], page: Page): Promise<number> {
  for (const [done, window] of windows.entries()) {
    page.full = page.ledger.size >= MAX_GATHERED;
    if (page.full || !(await judgeOne(judging, window, page))) return done;
  }
  return windows.length;
}

/** False where there was no time for it. */
async function judgeOne(
  { db, goesOn, hours, onDamaged }: Judging,
  { clusterId, window, late, previousTo }: WindowToJudge,
  { ledger, rules }: Page,
): Promise<boolean> {
  const inCluster = rules.get(clusterId);
  if (late || !inCluster) return true;
  const lives = ledger.lives(clusterId, window.nodeId);
  const need = wants(window, inCluster, lives);
  if (!need) return true;
  if (!(await goesOn())) return false;
  const load = (need: Need) => loadLook(db, { clusterId, window, need, cache: hours, onDamaged });
  const look = await lookAt(load, need, inCluster);
  await ledger.apply(clusterId, window.nodeId, judgeWindow(look, inCluster, lives, previousTo));
  return true;
}
