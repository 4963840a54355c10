import { lookup } from "node:dns/promises";
import { dirname, join } from "node:path";
import type { DispatchDeps } from "../alerts/dispatch.ts";
import { sealer } from "../alerts/sealed.ts";
import type { Messaging } from "../router.ts";
import { type Config, databaseFile } from "./config.ts";
import { pinnedSend } from "./pinned-send.ts";
import { keptKey } from "./secret-key.ts";

/** What alerts are sealed and sent with. Where no key is configured, one is kept beside the database. */
export async function alertingOn({
  alerting,
  databaseUrl,
}: Pick<Config, "alerting" | "databaseUrl">): Promise<Pick<DispatchDeps, "publicUrl"> & Messaging> {
  const path = join(dirname(databaseFile({ databaseUrl })), "secret.key");
  return {
    sealer: await sealer(alerting.secretKey ?? (await keptKey(path))),
    send: pinnedSend((host) => lookup(host, { all: true }), alerting.hosts),
    publicUrl: alerting.publicUrl,
    hosts: alerting.hosts,
  };
}

/** Made at first need and kept, but for what failed: that is tried again. */
export function madeOnce<Made>(make: () => Promise<Made>): () => Promise<Made> {
  let made: Promise<Made> | undefined;
  return () => {
    made ??= make().catch((error: unknown) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}
