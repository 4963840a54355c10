import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Db } from "../../db/client.ts";
import { openLibsql } from "../../db/libsql.ts";
import { makeHistory, type Size } from "./attribution/history.ts";
import { liveFigures } from "./attribution/live.ts";
import { cold, inOneBatch, inProcess, overHttp } from "./attribution/lookups.ts";
import type { Figure } from "./figure.ts";
import { startServer, stopServer } from "./server.ts";

/** Each node has its windows of nine of the 72 hours: of all it would be eight times as many bytes. */
const WHOLE: Size = { nodes: 1_000, copies: 44 };
const QUICK: Size = { nodes: 100, copies: 9 };

/** How fast, how often rightly, and at what cost in bytes it is told who was behind an address and port; beside ulogd2's log. */
export async function benchAttribution({ quick }: { quick: boolean }): Promise<Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), "conntrail-bench-"));
  try {
    const path = join(folder, "leases.db");
    const size = quick ? QUICK : WHOLE;
    const history = await within(path, (db) => makeHistory(db, size));
    const { bytes, opened } = history.leases;
    const figures: Figure[] = [
      {
        name: `windows of 30 s of ${size.nodes.toLocaleString("en-US")} nodes over 72 h`,
        value: history.windows,
        unit: "windows",
      },
      { name: "database", value: (await stat(path)).size / 1e6, unit: "MB" },
      { name: "stored, a lease, its part of keyframes among it", value: bytes / opened, unit: "bytes" },
      ...(await asking(path, () => cold(history))),
      ...(await asking(path, async () => [...(await overHttp(history)), ...(await inOneBatch(history))])),
      ...(await within(path, (db) => inProcess(db, history))),
    ];
    await rm(path);
    return [...figures, ...(await liveFigures(folder))];
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function within<Result>(path: string, act: (db: Db) => Promise<Result>): Promise<Result> {
  const database = await openLibsql({ url: `file:${path}` });
  await database.migrate();
  try {
    return await act(database.db);
  } finally {
    database.close();
  }
}

/** No tick while questions are measured. */
async function asking(path: string, measure: () => Promise<Figure[]>): Promise<Figure[]> {
  const server = await startServer(path, { CONNTRAIL_TICK: "10m" });
  try {
    return await measure();
  } finally {
    await stopServer(server);
  }
}
