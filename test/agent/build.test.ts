import { execFile, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { builtinModules } from "node:module";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BUNDLE, buildAgent } from "../../agent/build.ts";
import { nodeComplaint, VERSION } from "../../agent/version.ts";
import { Report } from "../../api/wire.ts";

const noConntrack = existsSync("/proc/sys/net/netfilter/nf_conntrack_count")
  ? undefined
  : "needs a kernel with conntrack in this namespace";
const notRoot = process.getuid?.() === 0 ? undefined : "needs root";
const BINARY = `${process.platform}-${process.arch}.koffi.node`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "conntrail-built-"));
  await buildAgent(folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Ended {
  code: number | string;
  stdout: string;
  stderr: string;
}

/** Runs the built agent far from every node_modules. */
const agentBy = (node: string, ...args: string[]) =>
  new Promise<Ended>((resolve) => {
    const env = { PATH: process.env["PATH"] };
    execFile(node, [join(folder, BUNDLE), ...args], { cwd: "/", env }, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, stdout, stderr }),
    );
  });
const agent = (...args: string[]) => agentBy(process.execPath, ...args);

/** A Node of this machine that is older than the agent needs, and its version. */
function olderNode(): { path: string; version: string } | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  for (const path of [...folders, "/usr/bin"].map((folder) => join(folder, "node"))) {
    const version = spawnSync(path, ["--version"], { encoding: "utf8" }).stdout?.trim();
    if (version && nodeComplaint(version)) return { path, version };
  }
  return undefined;
}

test("one file, koffi's binary for this machine, and the licences: nothing else is needed", async () => {
  const names = (await readdir(folder)).toSorted();
  expect(names.filter((name) => !name.endsWith(".koffi.node"))).toEqual(["LICENSES.txt", BUNDLE]);
  expect(names).toContain(BINARY);
  expect(await readFile(join(folder, "LICENSES.txt"), "utf8")).toMatch(/^koffi\n[^]+Copyright/);
});

test("the file runs by its name, and imports nothing but Node's own modules", async () => {
  const path = join(folder, BUNDLE);
  const text = await readFile(path, "utf8");
  expect(text.split("\n", 1)).toEqual(["#!/usr/bin/env node"]);
  expect((await stat(path)).mode & 0o777).toBe(0o755);
  const imported = [...text.matchAll(/(?:\bfrom|\bimport|\bimport\()"([^"]+)"/g)].map(([, name]) => name!);
  expect(imported).toContain("node:os");
  expect(imported.filter((name) => !builtinModules.includes(name.replace(/^node:/, "")))).toEqual([]);
});

test("functions keep their names, or a stack trace from a node says nothing", async () => {
  const text = await readFile(join(folder, BUNDLE), "utf8");
  for (const name of ["loadConfig", "runLoop", "openNetlinkSocket"])
    expect(text).toContain(`function ${name}(`);
});

test("it knows its version, and --help names the built file", async () => {
  expect(await agent("--version")).toEqual({ code: 0, stdout: `${VERSION}\n`, stderr: "" });
  const { stdout: help } = await agent("--help");
  expect(help).toContain(`${BUNDLE} --once`);
  expect(help).not.toContain("main.ts");
  expect(help).toContain("Needs Node 22.18 or newer.");
  expect(help).not.toContain("npm ci");
});

test.for([["--help"], ["--once"], []])("an older Node is told what %j needs", async (args, ctx) => {
  const older = olderNode();
  if (!older) ctx.skip("needs a Node older than 22.18 on the PATH");
  const stderr = `The Conntrail agent needs Node 22.18 or newer, this is ${older?.version}\n`;
  ctx.expect(await agentBy(older!.path, ...args)).toEqual({ code: 2, stdout: "", stderr });
});

test("wrong options end it with code 2", async () => {
  expect(await agent("--tow")).toMatchObject({ code: 2, stdout: "" });
});

test("it reads the table by netlink, through the binary beside it", async (ctx) => {
  if (noConntrack || notRoot) ctx.skip(noConntrack ?? notRoot);
  const { code, stdout, stderr } = await agent("--once", "--json");
  ctx.expect([code, stderr]).toEqual([0, ""]);
  ctx.expect(Report.parse(JSON.parse(stdout)).completeness.source).toBe("netlink");
});

test("without the binary it says so and reads on, as without the package", async (ctx) => {
  if (noConntrack || notRoot) ctx.skip(noConntrack ?? notRoot);
  const path = join(folder, BINARY);
  const binary = await readFile(path);
  await rm(path);
  try {
    const { stdout, stderr } = await agent("--once", "--json");
    ctx.expect(stderr).toContain(`beside a built agent, put ${BINARY}`);
    ctx.expect(Report.parse(JSON.parse(stdout)).completeness.source).not.toBe("netlink");
  } finally {
    await writeFile(path, binary);
    await chmod(path, 0o644);
  }
});

test("a source named by its address is refused: it would be missed only on a node", async () => {
  const elsewhere = await mkdtemp(join(tmpdir(), "conntrail-refused-"));
  try {
    const main = join(elsewhere, "main.ts");
    await writeFile(main, 'console.log(new URL("./worker.ts", import.meta.url).href);');
    await expect(buildAgent(elsewhere, main)).rejects.toThrow("./worker.ts");
  } finally {
    await rm(elsewhere, { recursive: true });
  }
});
