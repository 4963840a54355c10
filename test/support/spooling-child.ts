import { writeSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { openHttp } from "../../agent/http.ts";
import { pack, post } from "../../agent/push.ts";
import { Sender } from "../../agent/sender.ts";
import { openBacklog } from "../../agent/spool/backlog.ts";
import { LIMITS } from "../../agent/spool/limits.ts";
import { lockSpool } from "../../agent/spool/lock.ts";
import { aReport } from "./a-report.ts";

/** Spools reports and sends them, as fast as it can, until it is killed; says each number once its spooling returned. */
const [, , folder, url] = process.argv as [string, string, string, string];
/** Small enough that the oldest are dropped now and then. */
const DISK_BYTES = 12 * 4096;

const backlog = await openBacklog({
  folder,
  now: Date.now,
  log: () => {},
  lock: (path) => lockSpool(path, { pid: process.pid }),
  limits: { ...LIMITS, diskBytes: DISK_BYTES },
});
const postTo = openHttp(false);
const sender = new Sender(
  {
    post: (parcel) =>
      post({ postTo, now: Date.now, signal: AbortSignal.timeout(5_000) }, { url, token: "t" }, parcel),
    shrink: async () => undefined,
    sleep: (_ms, signal) => setTimeout(1, undefined, { signal }).catch(() => {}),
    random: Math.random,
    log: () => {},
  },
  backlog,
);
void sender.run();
writeSync(1, "ready\n");
for (;;) {
  const sequence = await backlog.nextSequence();
  const { declarations } = backlog;
  const report = aReport({ sequence, ...(declarations.length > 0 && { dropped: declarations }) });
  await sender.offer(await pack(report));
  writeSync(1, `${sequence}\n`);
}
