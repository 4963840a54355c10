import { freshDb } from "#fresh-db";
import { expect, test } from "vitest";
import type { Db } from "../../../db/client.ts";
import type { Look, Need } from "../../../db/look.ts";
import { HoursCache, loadLook, windowsToJudge } from "../../../db/queries/look.ts";
import type { WindowToJudge } from "../../../db/queries/look.ts";
import { windowsIn } from "../../../db/queries/past-windows.ts";
import type { PastWindow } from "../../../db/queries/past-windows.ts";
import { storeReports } from "../../../db/queries/reports.ts";
import { aTold } from "../../support/folded.ts";
import { ON_WORKERS } from "../../support/on-workers.ts";
import { aCluster, START, WINDOW_MS } from "../../support/stored-report.ts";
import { tick } from "../../support/tick.ts";

const WHOLE: Need = {
  trend: true,
  hours: true,
  peers: true,
  flows: { medianFrom: 1 },
  ports: true,
  ages: true,
  invalid: true,
};
/** Hours of history, each with its own few windows. */
const BEGIN = START - 8 * 3_600_000;
const WINDOWS = ON_WORKERS ? 36 : 50;

/** The trace of two nodes: as many windows before each of some ticks as come in five minutes; one report comes late. */
async function told(db: Db, clusterId: number, seen: (window: WindowToJudge) => Promise<void>) {
  const reports = Array.from({ length: WINDOWS }, (_, at) =>
    ["a", "node-b"].map((node) => ({ ...aTold(node, at, START), clusterId })),
  ).flat();
  const late = reports
    .splice(50, 1)
    .map((report) => ({ ...report, receivedAt: report.to + 8.5 * WINDOW_MS }));
  reports.splice(66, 0, ...late);
  let after = 0;
  for (let at = 0; at < reports.length; at += 22) {
    const some = reports.slice(at, at + 22);
    await storeReports(db, some);
    const page = await windowsToJudge(db, { after, until: Number.MAX_SAFE_INTEGER, limit: 100 });
    await tick(db, Math.max(...some.map(({ to }) => to)) + 1_000);
    for (const window of page) await seen(window);
    after = page.at(-1)?.id ?? after;
  }
}

/** As many hours before as a median needs. */
async function history(db: Db, clusterId: number) {
  const reports = Array.from({ length: 8 }, (_, hour) => ({
    ...aTold("a", hour, BEGIN + hour * 3_600_000),
    clusterId,
    node: { ...aTold("a", 0, 0).node, bootId: "b0071d00-0000-4000-8000-000000000000" },
  }));
  const days = [1, 2].map((day) => ({
    ...aTold("a", day, START - day * 86_400_000),
    clusterId,
    node: { ...aTold("a", 0, 0).node, bootId: "b0071d00-0000-4000-8000-000000000002" },
  }));
  await storeReports(db, [...days, ...reports]);
}

/** There each question takes ten times as long. */
const EACH = ON_WORKERS ? 8 : 1;
const isLookedAt = ({ window, late }: Pick<WindowToJudge, "window" | "late">) =>
  late || (window.from / WINDOW_MS) % EACH === 0;

/** What it was folded from does not show but in the last digits. */
const rounded = (look: Look) =>
  JSON.parse(
    JSON.stringify(look, (_, value: unknown) =>
      typeof value === "number" ? Number(value.toFixed(6)) : value,
    ),
  ) as Look;

test(
  "a look is the same whenever it is taken, live and in any later judgement",
  { timeout: 60_000 },
  async () => {
    const db = await freshDb();
    const clusterId = await aCluster(db);
    await history(db, clusterId);
    await tick(db, START - 60_000);
    const cache = new HoursCache();
    const live: { window: WindowToJudge; look: Look }[] = [];
    await told(db, clusterId, async (window) => {
      if (!isLookedAt(window)) return;
      const look = await loadLook(db, { clusterId, window: window.window, need: WHOLE, cache });
      live.push({ window, look: rounded(look) });
    });
    const judged = live.filter(({ window: { window, late } }) => !late && window.from >= START);
    expect(live.length - judged.length).toBeGreaterThan(0);
    expect(judged.length).toBeGreaterThan((2 * WINDOWS) / EACH - 3);
    const most = judged.at(-1)?.look;
    expect(most?.trend?.length).toBeGreaterThan(1);
    expect(judged.at(-2)?.look.hours?.length).toBe(2);
    const medians = judged.flatMap(({ look }) =>
      look.flows?.parties.flatMap(({ dayMedian }) => dayMedian ?? []),
    );
    expect(medians.length).toBeGreaterThan(0);

    await tick(db, START + 2 * 3_600_000);
    const past: PastWindow[] = [];
    for await (const page of windowsIn(db, clusterId, { from: START, to: START + 3_600_000 }))
      past.push(...page);
    expect(past.filter(({ late }) => late)).toHaveLength(1);
    const later = new Map<string, Look>();
    for (const { window, late, look } of past)
      if (!late && isLookedAt({ window, late }))
        later.set(`${window.node} ${window.from}`, rounded(await look(WHOLE)));
    expect(later.size).toBe(judged.length);
    for (const { window, look } of judged)
      expect(later.get(`${window.window.node} ${window.window.from}`)).toEqual(look);
  },
);
