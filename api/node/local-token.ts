import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { clusterByName, insertCluster } from "../../db/queries/clusters.ts";
import { insertToken } from "../../db/queries/tokens.ts";
import { authenticate } from "../access.ts";
import type { Caller, Deps } from "../router.ts";
import { mintToken } from "../tokens.ts";

const CLUSTER = "local";

type Store = Pick<Deps, "db" | "now">;

/** The token of this machine's agent, kept in the file at `path`; a new one where that does not work (any more). */
export function localAgentToken(store: Store, path: string): Promise<string> {
  return keptToken(store, path, {
    scope: "ingest",
    label: "agent of this machine",
    works: ({ scope, cluster }) => scope === "ingest" && cluster?.name === CLUSTER,
    clusterId: () => localCluster(store),
  });
}

/** The same of a token with which whoever may read that file asks about all clusters: the command line on this machine. */
export function localReadToken(store: Store, path: string): Promise<string> {
  return keptToken(store, path, {
    scope: "read",
    label: "command line on this machine",
    works: ({ scope, cluster }) => scope === "read" && !cluster,
    clusterId: async () => null,
  });
}

interface Wanted {
  scope: "ingest" | "read";
  label: string;
  works: (caller: Caller) => boolean;
  clusterId: () => Promise<number | null>;
}

async function keptToken(
  store: Store,
  path: string,
  { scope, label, works, clusterId }: Wanted,
): Promise<string> {
  const kept = await readFile(path, "utf8").then(
    (text) => text.trim(),
    () => "",
  );
  const caller = await authenticate(store, kept);
  if (caller && works(caller)) return kept;
  const { db, now } = store;
  const { id, token, hash } = mintToken(scope);
  await insertToken(db, {
    id,
    hash,
    scope,
    clusterId: await clusterId(),
    label,
    createdAt: now(),
    expiresAt: null,
  });
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `${token}\n`, { mode: 0o600 });
  return token;
}

async function localCluster({ db, now }: Store): Promise<number> {
  const cluster =
    (await clusterByName(db, CLUSTER)) ??
    (await insertCluster(db, { name: CLUSTER, createdAt: now() })) ??
    (await clusterByName(db, CLUSTER));
  if (!cluster) throw new Error(`cluster ${CLUSTER} can be neither found nor made`);
  return cluster.id;
}
