import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished, test } from "vitest";
import { openOwners, type OwnerPreference } from "../../../agent/owners/index.ts";

/** Opens with a service account and a Docker socket of which those files exist that are named. */
async function opened(preference: OwnerPreference, files: string[], host?: string) {
  const folder = mkdtempSync(join(tmpdir(), "owners-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const file of files) writeFileSync(join(folder, file), "x");
  const { source, reason, missing } = await openOwners(preference, {
    env: host ? { KUBERNETES_SERVICE_HOST: host } : {},
    node: "node-1",
    now: () => 0,
    random: () => 0.5,
    wait: () => Promise.resolve(),
    deadline: () => new AbortController().signal,
    log: () => {},
    serviceAccount: folder,
    dockerSocket: join(folder, "docker.sock"),
  });
  return [source?.name, reason.replaceAll(folder, ""), missing];
}

const POD = ["token", "ca.crt"];
const no = "KUBERNETES_SERVICE_HOST is not set: this is no Pod";

test.for([
  ["auto", [...POD, "docker.sock"], "10.96.0.1", "kubernetes", "runs in a Pod"],
  ["auto", [...POD, "docker.sock"], undefined, "docker", "Docker listens at /docker.sock"],
  ["auto", ["token", "docker.sock"], "10.96.0.1", "docker", "Docker listens at /docker.sock"],
  ["auto", [], undefined, undefined, `${no}; /docker.sock is not there or may not be opened`],
  ["kubernetes", POD, "10.96.0.1", "kubernetes", "runs in a Pod"],
  ["kubernetes", ["docker.sock"], undefined, undefined, no],
  ["docker", ["docker.sock"], "10.96.0.1", "docker", "Docker listens at /docker.sock"],
  ["docker", POD, "10.96.0.1", "docker", "will try /docker.sock, which is not there or may not be opened"],
  ["none", [...POD, "docker.sock"], "10.96.0.1", undefined, "owners are turned off"],
  ["file:/etc/owners.yaml", POD, "10.96.0.1", "file", "as the file /etc/owners.yaml says"],
] as const)(
  "%s with %j and the cluster at %s is %s",
  async ([preference, files, host, name, why], { expect }) => {
    expect((await opened(preference, [...files], host)).slice(0, 2)).toEqual([name, why]);
  },
);

test.for([
  ["auto", [], undefined],
  ["kubernetes", [], true],
  ["kubernetes", POD, undefined],
  ["docker", [], true],
  ["docker", ["docker.sock"], undefined],
  ["none", [], undefined],
] as const)(
  "%s with %j lacks what was asked for by name: %s",
  async ([preference, files, lacks], { expect }) => {
    expect((await opened(preference, [...files], "10.96.0.1"))[2]).toBe(lacks);
  },
);

test("what is missing of a service account is named", async ({ expect }) => {
  const [, reason] = await opened("kubernetes", ["token"], "10.96.0.1");
  expect(reason).toContain("/ca.crt cannot be read; mount the service account's token");
});
