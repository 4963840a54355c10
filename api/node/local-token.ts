import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { clusterByName, insertCluster } from "../../db/queries/clusters.ts";
import { insertToken } from "../../db/queries/tokens.ts";
import { authenticate } from "../access.ts";
import type { Deps } from "../router.ts";
import { mintToken } from "../tokens.ts";

const CLUSTER = "local";

type Store = Pick<Deps, "db" | "now">;

/** The token of this machine's agent, kept in the file at `path`; a new one where that does not work (any more). */
export async function localAgentToken(store: Store, path: string): Promise<string> {
  const kept = await readFile(path, "utf8").then(
    (text) => text.trim(),
    () => "",
  );
  const caller = await authenticate(store, kept);
  if (caller?.scope === "ingest" && caller.cluster?.name === CLUSTER) return kept;
  const { db, now } = store;
  const { id, token, hash } = mintToken("ingest");
  const label = "agent of this machine";
  const clusterId = await localCluster(store);
  await insertToken(db, { id, hash, scope: "ingest", clusterId, label, createdAt: now(), expiresAt: null });
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
