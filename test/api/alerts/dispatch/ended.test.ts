import { test } from "vitest";
import { plain } from "../../../../api/alerts/text/lines.ts";
import { messageOf } from "../../../../api/alerts/text/message.ts";
import { maintain } from "../../../../api/maintain.ts";
import { storeReports } from "../../../../db/queries/reports.ts";
import { DEFAULT_RETENTION } from "../../../../db/tiers.ts";
import { anOutbox, type Outbox } from "../../../support/outbox.ts";
import { aStoredReport, WINDOW_MS } from "../../../support/stored-report.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

async function tick(box: Outbox, ms: number): Promise<void> {
  const { db, clock, log } = box;
  clock.now += ms;
  const retention = DEFAULT_RETENTION;
  await maintain(
    { db, now: () => clock.now, log: (event) => void log.push(event), retention },
    { ms: 60_000 },
  );
  await box.dispatch();
}

/** Windows of a node whose table is so full. */
async function reports(box: Outbox, windows: number, count: number): Promise<void> {
  for (let sequence = 0; sequence < windows; sequence += 1) {
    const from = box.clock.now;
    const some = { clusterId: box.clusterId, sequence, from, table: { count, max: 1_000 } };
    await storeReports(box.db, [aStoredReport(some)]);
    await tick(box, WINDOW_MS);
  }
}

test("what ends because its node is silent for a day is not told as well", async ({ expect }) => {
  const box = await anOutbox();
  await box.channel("c");
  await reports(box, 8, 950);
  for (let minute = 0; minute < 12; minute += 1) await tick(box, MINUTE_MS);
  const told = () =>
    box.chat.came.map(({ alert, at }) => {
      const [title = "", ...lines] = plain(messageOf(alert, "en", at)).split("\n");
      const end = lines.find((line) => line.startsWith("- Ended: ")) ?? "";
      return `${alert.rule} ${title.split(":")[0]} ${end}`.trim();
    });
  expect(told()).toEqual([
    "table-pressure [Conntrail] CRITICAL",
    "silent-node [Conntrail] Warning",
    "silent-node [Conntrail] WORSE (critical)",
  ]);
  await tick(box, 24 * HOUR_MS);
  for (let minute = 0; minute < 5; minute += 1) await tick(box, MINUTE_MS);
  expect(told().slice(3)).toEqual([
    "table-pressure [Conntrail] No longer watched - Ended: not known to be well: the node has sent no reports for a day",
    "silent-node [Conntrail] Still critical",
    "silent-node [Conntrail] No longer watched - Ended: not known to be well: the node has sent no reports for a day",
  ]);
});
