import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";
import { maintain } from "../../api/maintain.ts";
import { mintToken } from "../../api/tokens.ts";
import { openLibsql } from "../../db/libsql.ts";
import { clusterByName } from "../../db/queries/clusters.ts";
import { insertToken } from "../../db/queries/tokens.ts";
import { DEFAULT_RETENTION } from "../../db/tiers.ts";
import { progressBar } from "./demo/progress.ts";
import { erasOf, fleetOf, FULL, TINY } from "./demo/script.ts";
import { isFree, type Service, startService } from "./demo/service.ts";
import { Fleet } from "./fleet.ts";
import { fill } from "./history/fill.ts";
import { TAIL_WINDOW_MS } from "./history/make.ts";
import { inParallel, Poster } from "./post.ts";
import type { FleetOptions, Truth } from "./spec.ts";

const FAILED = 1;
const USAGE_ERROR = 2;
const POSTS_AT_ONCE = 8;
/** Reports of a window come a little after its end, as those of agents do. */
const LATE_MS = 1_000;
/** Whatever is not folded by then the service folds later. */
const FOLD_MS = 20_000;

const HELP = `Usage: npm run demo -- [options]

Starts the service on a database of its own, with the history of three simulated clusters,
and goes on with it live until Ctrl-C.

  --seed N       another fleet (7)
  --keep         goes on with the history that is there, instead of a fresh one
  --folder PATH  where the database is (data/demo); it is deleted first, without --keep
  --tiny         a few hours of two nodes a cluster
  -h, --help     this text

CONNTRAIL_PORT and CONNTRAIL_HOST say where it listens (127.0.0.1:8787). With CONNTRAIL_ADMIN_TOKEN, of 32
characters or more, channels can be added.`;

process.umask(0o077);
process.exitCode = await main();

async function main(): Promise<number> {
  const options = readOptions();
  if (!options) return USAGE_ERROR;
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  const stopping = new AbortController();
  const stop = () => stopping.abort(new Error("stopped"));
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, stop);
  try {
    await demo(options, stopping.signal);
    return 0;
  } catch (error) {
    if (stopping.signal.aborted) return 0;
    console.error((error as Error).message);
    return FAILED;
  }
}

interface Options {
  seed: number;
  keep: boolean;
  folder: string;
  tiny: boolean;
  help: boolean;
}

function readOptions(): Options | undefined {
  const flag = { type: "boolean", default: false } as const;
  try {
    const { values } = parseArgs({
      options: {
        seed: { type: "string", default: "7" },
        folder: { type: "string", default: "data/demo" },
        keep: flag,
        tiny: flag,
        help: { ...flag, short: "h" },
      },
    });
    if (!/^\d{1,9}$/.test(values.seed)) throw new Error(`--seed is "${values.seed}"; give a whole number`);
    return { ...values, seed: Number(values.seed), folder: resolve(values.folder) };
  } catch (error) {
    console.error(`${(error as Error).message}. See --help.`);
    return undefined;
  }
}

/** What a history that is kept goes on with. */
interface Begun {
  seed: number;
  tiny: boolean;
  /** When it was made, epoch ms. */
  now: number;
}

async function demo(asked: Options, signal: AbortSignal): Promise<void> {
  const { keep, folder } = asked;
  const host = process.env["CONNTRAIL_HOST"] || "127.0.0.1";
  const port = Number(process.env["CONNTRAIL_PORT"] || 8787);
  if (port !== 0 && !(await isFree(host, port)))
    throw new Error(`Something else listens on ${host}:${port}; stop it or set CONNTRAIL_PORT`);
  const minute = Math.floor(Date.now() / TAIL_WINDOW_MS) * TAIL_WINDOW_MS;
  const begun = join(folder, "demo.json");
  const { seed, tiny, now } = keep ? await kept(begun) : { ...asked, now: minute };
  const size = tiny ? TINY : FULL;
  const eras = erasOf(size, now);
  const options = fleetOf(size, { seed, eras, now });
  if (!keep) {
    console.log("Making the history of three clusters: about a minute ...");
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
  }
  const tokens = await prepare(folder, async (db) => {
    if (keep) return;
    await fill(db, { fleet: options, eras }, { progress: progressBar(process.stdout), signal });
    // The last hour is folded by a tick of the service, which else would answer before its first one has come so far.
    const upkeep = { db, now: Date.now, log: () => {}, retention: DEFAULT_RETENTION };
    await maintain(upkeep, { ms: FOLD_MS, signal });
  });
  signal.throwIfAborted();
  await writeFile(begun, JSON.stringify({ seed, tiny, now } satisfies Begun));
  const service = await startService(folder, process.env);
  try {
    // It begins where the history ends, as if all agents had been started then: what its threads knew is gone.
    const fleet = new Fleet(options);
    console.log(greeting(service.url, { seed, token: tokens.read, truth: fleet.truth, now: minute }));
    const ends = async () => {
      await service.ended;
      if (!signal.aborted) throw new Error(`The service ended; ${join(folder, "service.log")} says why`);
    };
    await Promise.race([ends(), live(fleet, service, { from: minute, tokens: tokens.ingest, signal })]);
  } finally {
    await service.stop();
  }
}

async function kept(begun: string): Promise<Begun> {
  try {
    return JSON.parse(await readFile(begun, "utf8")) as Begun;
  } catch {
    throw new Error(`${dirname(begun)} has no whole history to go on with; start without --keep`);
  }
}

type Tokens = { read: string; ingest: Map<string, string> };

/** Opens the database, lets it be filled, and makes the tokens. */
async function prepare(
  folder: string,
  filled: (db: Awaited<ReturnType<typeof openLibsql>>["db"]) => Promise<void>,
): Promise<Tokens> {
  const database = await openLibsql({ url: `file:${join(folder, "conntrail.db")}` });
  const { db } = database;
  try {
    await database.migrate();
    await filled(db);
    const make = async (scope: "read" | "ingest", clusterId: number | null) => {
      const { id, token, hash } = mintToken(scope);
      await insertToken(db, {
        id,
        hash,
        scope,
        clusterId,
        label: "demo",
        createdAt: Date.now(),
        expiresAt: null,
      });
      return token;
    };
    const ingest = new Map<string, string>();
    for (const name of ["shop", "media", "batch"]) {
      const cluster = await clusterByName(db, name);
      if (!cluster) throw new Error(`${folder} lacks the cluster ${name}; start without --keep`);
      ingest.set(name, await make("ingest", cluster.id));
    }
    return { read: await make("read", null), ingest };
  } finally {
    database.close();
  }
}

/** Window after window, until the signal aborts; what passed while the history was made is made up for at once. */
async function live(
  fleet: Fleet,
  { url }: Service,
  { from, tokens, signal }: { from: number; tokens: ReadonlyMap<string, string>; signal: AbortSignal },
): Promise<void> {
  const wait = (ms: number) => setTimeout(Math.max(0, ms), undefined, { signal }).catch(() => {});
  const poster = new Poster(url, wait);
  for (let at = from; !signal.aborted; at += TAIL_WINDOW_MS) {
    const to = at + TAIL_WINDOW_MS;
    await wait(to + LATE_MS - Date.now());
    if (signal.aborted) return;
    const reports = [...fleet.reports({ from: at, to, intervalMs: TAIL_WINDOW_MS })];
    await inParallel(reports, POSTS_AT_ONCE, ({ cluster, report }) =>
      poster.post(report, tokens.get(cluster) ?? ""),
    );
  }
}

function greeting(
  url: string,
  {
    seed,
    token,
    truth,
    now,
  }: { seed: FleetOptions["seed"]; token: string; truth: readonly Truth[]; now: number },
): string {
  const curl = (path: string) => `  curl -H "Authorization: Bearer $TOKEN" '${url}/v1/${path}'`;
  return [
    `Conntrail is listening on ${url}, with the simulated fleet of seed ${seed}.`,
    "",
    "A token that reads all of it:",
    "",
    `  TOKEN=${token}`,
    "",
    "What is wrong, and should be found:",
    "",
    ...truth.map((one) => `  ${sentence(one, now)}`),
    "",
    "To try:",
    "",
    curl("anomalies?state=all&since=1d"),
    curl("talkers?cluster=shop&by=pod&metric=opened&since=1h"),
    curl("series?cluster=shop&metric=utilisation&since=14d"),
    curl("sysctls?cluster=shop"),
    "",
    process.env["CONNTRAIL_ADMIN_TOKEN"]
      ? "To be told, by a channel of yours:"
      : "To be told, start it with CONNTRAIL_ADMIN_TOKEN=$(openssl rand -hex 32) in the environment, and add a channel:",
    "",
    `  curl -H "Authorization: Bearer $CONNTRAIL_ADMIN_TOKEN" -H 'content-type: application/json' \\`,
    `    -d '{"kind":"slack","name":"on call","url":"https://hooks.slack.com/services/…"}' ${url}/v1/channels`,
    "",
    `  CONNTRAIL_TOKEN=$TOKEN npx conntrail top --url ${url} --cluster shop --metric opened`,
    "",
    "Windows go on every minute, until Ctrl-C.",
  ].join("\n");
}

function sentence(
  { kind, cluster, node, from, to, pods, peer, peerPort, sysctl }: Truth,
  now: number,
): string {
  const time = (at: number) => new Date(at).toISOString().slice(0, 16).replace("T", " ");
  const until = to > now ? "goes on" : `until ${time(to)}`;
  const [pod] = pods;
  return [
    `${kind} on ${cluster}/${node} from ${time(from)} UTC, ${until}`,
    ...(pod ? [`Pod ${pod.namespace}/${pod.name}`] : []),
    ...(peer ? [`towards ${peer}:${peerPort}`] : []),
    ...(sysctl ? [`${sysctl[0]} = ${sysctl[1]}`] : []),
  ].join("; ");
}
