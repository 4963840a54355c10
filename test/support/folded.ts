import { sql } from "drizzle-orm";
import { maintain } from "../../api/maintain.ts";
import type { Budget } from "../../api/maintain.ts";
import type { LogEvent } from "../../api/router.ts";
import type { Db } from "../../db/client.ts";
import { encodeDetails } from "../../db/details.ts";
import { DEFAULT_RETENTION } from "../../db/tiers.ts";
import type { Retention } from "../../db/tiers.ts";
import { ownersOf } from "./owner-words.ts";
import { aDump, aReportOf, WINDOW_MS } from "./stored-report.ts";

/** Ticks on a database, with a clock that stands still unless it is moved. */
export function upkeepOf(db: Db, { retention = DEFAULT_RETENTION }: { retention?: Retention } = {}) {
  const clock = { now: 0 };
  const log: LogEvent[] = [];
  const deps = { now: () => clock.now, log: (event: LogEvent) => void log.push(event), retention };
  return {
    clock,
    log,
    tick: (now: number, { on = db, ms = 60_000, ...budget }: Partial<Budget> & { on?: Db } = {}) => {
      clock.now = now;
      return maintain({ ...deps, db: on }, { ms, ...budget });
    },
  };
}

const NODE_NAME = sql`coalesce((select name from nodes where id = node_id), '') as node`;

/** All that ticks make of reports, by names rather than ids, as texts that can be compared. */
export async function foldedIn(db: Db): Promise<Record<string, string[]>> {
  const samples = await db.all<Record<string, unknown>>(
    sql`select *, ${NODE_NAME} from samples where tier > 0 order by tier, node, start, sequence`,
  );
  return {
    samples: samples.map((row) => JSON.stringify({ ...row, node_id: 0 })),
    buckets: await texts(
      db,
      sql`select tier, ${NODE_NAME}, start, hex(data) as data from buckets order by tier, node, start`,
    ),
    dirty: await texts(db, sql`select tier, ${NODE_NAME}, start from dirty order by tier, node, start`),
    owners: await texts(
      db,
      sql`select ${NODE_NAME}, address, namespace, name, uid, since, until, absent from owners
        order by address, node, name, since`,
    ),
    settings: await texts(
      db,
      sql`select ${NODE_NAME}, at, (select content from settings where id = settings_id) as content
        from node_settings order by node, at`,
    ),
  };
}

async function texts(db: Db, query: ReturnType<typeof sql>): Promise<string[]> {
  return (await db.all(query)).map((row) => JSON.stringify(row));
}

/** One window of a node whose address 10.0.0.1 goes from Pod to Pod; `at` is its place in the trace. */
export function aTold(node: string, at: number, begin: number) {
  const from = begin + at * WINDOW_MS;
  const pod = `web-${Math.floor(at / 15)}`;
  const since = begin + Math.floor(at / 15) * 15 * WINDOW_MS;
  const listed = at % 10 === 0;
  const owners =
    listed || from === since
      ? ownersOf([{ address: "10.0.0.1", name: pod, uid: pod, since }], listed)
      : undefined;
  const host = listed
    ? { sysctls: { "net.netfilter.nf_conntrack_max": String(1000 + Math.floor(at / 20)) }, unread: [] }
    : undefined;
  return aReportOf(
    [
      { source: "10.0.0.1", entries: 1 + ((at * 7) % 11), opened: at % 4, bytes: 100 * at },
      {
        source: `10.0.${node.length}.${at % 3}`,
        peer: "1.1.1.1",
        entries: 5 + (at % 13),
        opened: 1,
        bytes: 7,
      },
    ],
    {
      node: { name: node },
      sequence: at,
      from,
      // Longer than a minute, and not in step with it.
      to: from + (at % 7 === 3 ? 45_000 : WINDOW_MS),
      table: { count: 10 + ((at * 5) % 17), max: 100 },
      flows: { opened: 1 + (at % 4), closed: at % 2 },
      ...(at % 3 !== 1 && { dump: aDump({ entries: 6 + (at % 13), unreplied: at % 2 }) }),
      details: encodeDetails({ addresses: [], owners, host, self: { cpuMs: 1 } }),
    },
  );
}
