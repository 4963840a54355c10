import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { onTestFinished, test } from "vitest";
import { loadFlock } from "../../agent/spool/flock.ts";
import { lockSpool, SpoolLocked } from "../../agent/spool/lock.ts";
import { ready } from "../support/namespaces.ts";
import { aBacklog, aSpoolFolder } from "../support/spools.ts";

const flock = await loadFlock();
const noFlock = flock ? undefined : "needs koffi, an optional dependency";
const none = async () => undefined;
const LOCK_MODULE = join(import.meta.dirname, "../../agent/spool/lock.ts");

/** Another process that holds the spool until it is killed. */
async function holder(folder: string, load: "flock" | "file", within: string[] = []) {
  const options =
    load === "file" ? "{ pid: process.pid, flock: async () => undefined }" : "{ pid: process.pid }";
  const script = `
    const { lockSpool } = await import(${JSON.stringify(LOCK_MODULE)});
    globalThis.unlock = await lockSpool(${JSON.stringify(folder)}, ${options});
    setInterval(() => globalThis.unlock, 1e6);
    console.log("ready");`;
  const [command, ...args] = [...within, process.execPath, "--input-type=module", "-e", script] as const;
  const child = spawn(command, args, {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  await ready(child);
  return child;
}

const pid = process.pid;

test.for([
  ["flock", undefined],
  ["file", none],
  ["flock", none],
  ["file", undefined],
] as const)(
  "a spool held by %s is refused with its folder and the holder's pid, and free once that is killed",
  async ([method, load], ctx) => {
    if (noFlock && (method === "flock" || !load)) ctx.skip(noFlock);
    const folder = await aSpoolFolder();
    const child = await holder(folder, method);
    const locking = { pid, ...(load && { flock: load }) };
    const refused = lockSpool(folder, locking);
    await ctx.expect(refused).rejects.toThrow(SpoolLocked);
    await ctx
      .expect(refused)
      .rejects.toThrow(`The spool ${folder} is in use by the agent with pid ${child.pid};`);
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
    (await lockSpool(folder, locking))();
  },
);

test("flock holds across pid namespaces, where a pid means nothing", async (ctx) => {
  if (noFlock) ctx.skip(noFlock);
  const unshare = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"];
  if (spawnSync(unshare[0]!, [...unshare.slice(1), "true"]).status !== 0)
    ctx.skip("needs leave to make a pid namespace");
  const folder = await aSpoolFolder();
  await holder(folder, "flock", unshare);
  await ctx.expect(lockSpool(folder, { pid })).rejects.toThrow("the agent with pid 1 in another container;");
});

test("a spool that was given back can be taken again", async (ctx) => {
  if (noFlock) ctx.skip(noFlock);
  const folder = await aSpoolFolder();
  for (const load of [loadFlock, none, loadFlock]) (await lockSpool(folder, { pid, flock: load }))();
  ctx.expect(await readdir(folder)).toEqual(["lock"]);
});

test("one process does not take a spool twice", async (ctx) => {
  if (noFlock) ctx.skip(noFlock);
  const folder = await aSpoolFolder();
  const unlock = await lockSpool(folder, { pid });
  await ctx.expect(lockSpool(folder, { pid })).rejects.toThrow(`the agent with pid ${pid}`);
  unlock();
});

test("a pid that is another's by now, or of an earlier boot, holds nothing", async ({ expect }) => {
  const folder = await aSpoolFolder();
  const boot = (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
  const stat = await readFile("/proc/1/stat", "utf8");
  const start = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  const lock = async (text: string) => {
    await writeFile(join(folder, "lock.pid"), `${text}\n`);
    return lockSpool(folder, { pid, flock: none });
  };
  await expect(lock(`1 ${start} ${boot}`)).rejects.toThrow("the agent with pid 1;");
  (await lock(`1 ${Number(start) + 1} ${boot}`))();
  (await lock(`1 ${start} an-earlier-boot`))();
  (await lock("not a pid"))();
});

test("without koffi there is no flock", async ({ expect }) => {
  expect(await loadFlock(() => Promise.reject(new Error("not installed")))).toBeUndefined();
});

test("a backlog on a spool in use is an error, not a log line", async ({ expect }) => {
  const folder = await aSpoolFolder();
  const child = await holder(folder, "file");
  await expect(aBacklog(folder)).rejects.toThrow(`pid ${child.pid}`);
});
