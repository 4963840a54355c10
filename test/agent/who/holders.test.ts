import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { onTestFinished, test } from "vitest";
import type { OwnerDeps } from "../../../agent/owners/index.ts";
import { listHolders } from "../../../agent/who/holders.ts";
import { aFolder } from "../../support/api-process.ts";
import { aContainer, DockerDaemon } from "../../support/docker-daemon.ts";
import { aPod } from "../../support/kube-objects.ts";
import { list, noOpenssl, openKubeServer } from "../../support/kube-server.ts";

const deps = (differing: Partial<OwnerDeps> = {}): OwnerDeps => ({
  env: {},
  node: "node-1",
  now: Date.now,
  random: () => 0,
  wait: (_, signal) =>
    new Promise((over) => {
      if (signal.aborted) over();
      signal.addEventListener("abort", () => over(), { once: true });
    }),
  deadline: () => new AbortController().signal,
  log: () => {},
  serviceAccount: "/nowhere",
  dockerSocket: "/nowhere",
  ...differing,
});

test("a file of owners is read once", async ({ expect }) => {
  const path = join(await aFolder(), "owners.json");
  await writeFile(path, '{"10.0.0.11": {"kind": "pod", "name": "web-1"}}');
  const { holdings, unknown } = await listHolders(`file:${path}`, deps());
  const since = Math.ceil((await stat(path)).ctimeMs);
  expect([holdings("10.0.0.11"), holdings("10.0.0.12"), unknown]).toEqual([
    [{ owner: { kind: "pod", name: "web-1" }, since, until: undefined }],
    [],
    undefined,
  ]);
});

test("a file that cannot be read, or says nothing, is named with what is wrong", async ({ expect }) => {
  const folder = await aFolder();
  const gone = await listHolders(`file:${folder}/gone.json`, deps());
  expect(gone.unknown).toBe(`owners of addresses: ${folder}/gone.json: cannot be read (ENOENT)`);
  await writeFile(join(folder, "wrong.json"), '{"10.0.0.11": 7}');
  expect((await listHolders(`file:${folder}/wrong.json`, deps())).unknown).toContain("wrong.json: 1: ");
});

test("where nobody knows owners, it is said why", async ({ expect }) => {
  expect((await listHolders("auto", deps())).unknown).toMatch(/no Pod/);
  expect((await listHolders("none", deps())).unknown).toMatch(/turned off/);
});

test("a source that does not answer in time is said to be one", async ({ expect }) => {
  const over = AbortSignal.abort();
  const { unknown } = await listHolders("docker", deps({ deadline: () => over }));
  expect(unknown).toMatch(/docker did not tell all/);
});

test("of Kubernetes the list of Pods is enough, and nothing is watched", async (ctx) => {
  const reason = noOpenssl();
  if (reason) ctx.skip(reason);
  const server = await openKubeServer();
  const env = { KUBERNETES_SERVICE_HOST: server.host, KUBERNETES_SERVICE_PORT: server.port };
  const known = listHolders("kubernetes", deps({ env, serviceAccount: server.serviceAccount }));
  // Services that are listed first make nothing whole: they are watched then.
  list(await server.asked("services"), []);
  await server.asked("services");
  list(await server.asked("pods"), [aPod({ name: "web-1" })]);
  const { holdings, unknown } = await known;
  ctx.expect(unknown).toBeUndefined();
  ctx.expect(holdings("10.244.0.11").map(({ owner }) => owner.name)).toEqual(["web-1"]);
});

test("of Docker its list is enough", async ({ expect }) => {
  const dockerSocket = join(await aFolder(), "docker.sock");
  const daemon = new DockerDaemon(dockerSocket);
  onTestFinished(() => daemon.stop());
  daemon.put(aContainer("db"));
  await daemon.start();
  const { holdings, unknown } = await listHolders("docker", deps({ dockerSocket }));
  expect(unknown).toBeUndefined();
  expect(holdings("172.17.0.2").map(({ owner }) => owner.name)).toEqual(["db-name"]);
});
