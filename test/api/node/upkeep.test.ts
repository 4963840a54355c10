import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "vitest";
import { NO_HOSTS } from "../../../api/alerts/hosts.ts";
import { startUpkeep } from "../../../api/node/upkeep.ts";
import type { LogEvent } from "../../../api/router.ts";
import { DEFAULT_RETENTION } from "../../../db/tiers.ts";
import { aFolder } from "../../support/api-process.ts";

test("where the thread of the ticks dies, another goes on once it can, until told to stop", async ({
  expect,
}) => {
  const folder = await aFolder();
  // No folder, so that no database can be made in it.
  await writeFile(join(folder, "data"), "");
  const log: LogEvent[] = [];
  const waiting: (() => void)[] = [];
  const stop = new AbortController();
  const logged = (event: LogEvent) => {
    log.push(event);
    waiting.shift()?.();
  };
  const nextEvent = () => new Promise<void>((resolve) => void waiting.push(resolve));
  const config = {
    host: "",
    port: 0,
    databaseUrl: `file:${join(folder, "data", "x.db")}`,
    retention: DEFAULT_RETENTION,
    alerting: { hosts: NO_HOSTS },
    tickMs: 60_000,
  };
  let next = nextEvent();
  const { ended } = startUpkeep(config, logged, stop.signal, 1);
  for (let deaths = 0; deaths < 2; deaths += 1) {
    await next;
    next = nextEvent();
  }
  expect(log[0]).toMatchObject({
    level: "error",
    event: "upkeep-ended",
    error: expect.stringContaining("data"),
  });
  expect(log[1]).toEqual(log[0]);
  await rm(join(folder, "data"));
  while (log.at(-1)?.event === "upkeep-ended") {
    await next;
    next = nextEvent();
  }
  // There are no tables in it.
  expect(log.at(-1)).toMatchObject({ event: "tick-failed", error: expect.stringContaining("upkeep") });
  stop.abort();
  await ended;
}, 30_000);
