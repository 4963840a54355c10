import { constants } from "node:fs";
import { access, readFile } from "node:fs/promises";
import type { Log } from "../log.ts";
import { DOCKER_SOCKET, openDocker } from "./docker.ts";
import { openFile } from "./file.ts";
import { openKubernetes, SERVICE_ACCOUNT } from "./kubernetes.ts";
import type { OwnerSource } from "./owner.ts";

export type OwnerPreference = "auto" | "kubernetes" | "docker" | "none" | `file:${string}`;

export interface OwnerDeps {
  env: Readonly<Record<string, string | undefined>>;
  /** Name of this node, as Kubernetes knows it. */
  node: string;
  now: () => number;
  random: () => number;
  /** Resolves after so many ms, at once when the signal aborts; never rejects. */
  wait: (ms: number, signal: AbortSignal) => Promise<void>;
  /** A signal that aborts after so many ms. */
  deadline: (ms: number) => AbortSignal;
  log: Log;
  serviceAccount?: string;
  dockerSocket?: string;
}

/** A place to learn owners from, or none, and why. */
export interface OpenedOwners {
  source?: OwnerSource;
  reason: string;
  /** What was asked for by name is not here. */
  missing?: true;
}

/** Opens what is preferred; with "auto" the first of Kubernetes and Docker that is here. */
export async function openOwners(preference: OwnerPreference, deps: OwnerDeps): Promise<OpenedOwners> {
  if (preference === "none") return { reason: "owners are turned off" };
  const { now, log, wait: sleep, deadline } = deps;
  if (preference.startsWith("file:")) {
    const path = preference.slice("file:".length);
    return { source: openFile(path, { now, log, sleep }), reason: `as the file ${path} says` };
  }
  const kubernetes = preference === "docker" ? "not asked for" : await openCluster(deps);
  if (typeof kubernetes !== "string") return { source: kubernetes, reason: "runs in a Pod" };
  if (preference === "kubernetes") return { reason: kubernetes, missing: true };
  const socketPath = deps.dockerSocket ?? DOCKER_SOCKET;
  const isReadable = await isThere(socketPath, constants.R_OK | constants.W_OK);
  const closed = "is not there or may not be opened";
  if (preference !== "docker" && !isReadable) return { reason: `${kubernetes}; ${socketPath} ${closed}` };
  const source = openDocker({ socketPath, now, log, sleep, deadline });
  if (isReadable) return { source, reason: `Docker listens at ${socketPath}` };
  // Who asks for Docker may start it later.
  return { source, reason: `will try ${socketPath}, which ${closed}`, missing: true };
}

/** The source, or what is missing for it. */
async function openCluster(deps: OwnerDeps): Promise<OwnerSource | string> {
  const { env, serviceAccount = SERVICE_ACCOUNT } = deps;
  const host = env["KUBERNETES_SERVICE_HOST"];
  if (!host) return "KUBERNETES_SERVICE_HOST is not set: this is no Pod";
  for (const file of ["token", "ca.crt"])
    if (!(await isThere(`${serviceAccount}/${file}`, constants.R_OK)))
      return `${serviceAccount}/${file} cannot be read; mount the service account's token (automountServiceAccountToken)`;
  const port = env["KUBERNETES_SERVICE_PORT"] || "443";
  return openKubernetes({ ...deps, host, port, readFile: (path) => readFile(path, "utf8"), serviceAccount });
}

const isThere = (path: string, mode: number): Promise<boolean> =>
  access(path, mode).then(
    () => true,
    () => false,
  );
