import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { buffer } from "node:stream/consumers";
import { promisify } from "node:util";
import { zstdDecompressSync } from "node:zlib";
import { onTestFinished, test } from "vitest";
import { Report } from "../../api/wire.ts";
import { aBacklog, aParcel, aSpoolFolder } from "../support/spools.ts";

const MAIN = join(import.meta.dirname, "../../agent/main.ts");
const run = promisify(execFile);
const noConntrack = existsSync("/proc/sys/net/netfilter/nf_conntrack_count")
  ? undefined
  : "needs a kernel with conntrack in this namespace";

type Failed = { code: number; stdout: string; stderr: string };
const agent = (args: string[], env: Record<string, string> = {}) =>
  run(process.execPath, [MAIN, ...args], { env: { PATH: process.env["PATH"], ...env } });

test("help names every option, variable and exit code", async ({ expect }) => {
  const { stdout } = await agent(["--help"]);
  for (const word of ["--once", "--json", "--version", "CONNTRAIL_URL", "CONNTRAIL_TOKEN", "CONNTRAIL_NODE"])
    expect(stdout).toContain(word);
  for (const word of ["CONNTRAIL_INTERVAL", "CONNTRAIL_SOURCE", "Exit codes"]) expect(stdout).toContain(word);
  for (const word of ["SPOOL", "EVENTS", "CPU_BUDGET", "LEASES", "OWNERS"])
    expect(stdout).toContain(`CONNTRAIL_${word}`);
  expect(stdout).toContain("node agent/main.ts --once --json");
  expect(stdout).toContain("npm ci");
});

test.for([[["--tow"]], [["--json"]], [["--once", "spare"]], [[]]])(
  "%j without configuration ends with code 2 and says why",
  async ([args], { expect }) => {
    const failed = (await agent(args!).catch((error: unknown) => error)) as Failed;
    expect([failed.code, failed.stderr === ""]).toEqual([2, false]);
  },
);

test("a setting that is misspelt is named beside what is missing for it", async ({ expect }) => {
  const failed = (await agent([], { CONNTRAIL_TOKN: "x" }).catch((error: unknown) => error)) as Failed;
  expect(failed.stderr).toMatch(/CONNTRAIL_TOKEN is not set[^]*CONNTRAIL_TOKN: no setting has this name/);
});

test("the report of --once --json is what the wire takes", async (ctx) => {
  if (noConntrack) ctx.skip(noConntrack);
  const { stdout } = (await agent(["--once", "--json"]).catch((error: unknown) => error)) as Failed;
  ctx.expect(Report.safeParse(JSON.parse(stdout)).error).toBeUndefined();
});

/** An agent that reports to a server of the test, once it says it has started. */
async function started(
  url: string,
  env: Record<string, string> = {},
): Promise<{ agent: ChildProcess; lines: string[] }> {
  const child = spawn(process.execPath, [MAIN], {
    env: {
      ...process.env,
      CONNTRAIL_URL: url,
      CONNTRAIL_TOKEN: "t",
      CONNTRAIL_NODE: "node-1",
      CONNTRAIL_INTERVAL: "300s",
      ...env,
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const lines: string[] = [];
  const output = createInterface(child.stdout);
  output.on("line", (line) => lines.push(line));
  while (!lines.some((line) => line.includes('"started"'))) await once(output, "line");
  // A window that ends in the millisecond it began is none.
  const begun = Date.now();
  while (Date.now() - begun < 5) await new Promise((resolve) => setImmediate(resolve));
  return { agent: child, lines };
}

async function serving(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function exitCode(child: ChildProcess): Promise<number | null> {
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  await gone;
  return child.exitCode;
}

test("told to stop, the agent hands over the window it is in and exits 0", async (ctx) => {
  if (noConntrack) ctx.skip(noConntrack);
  const bodies: Promise<Buffer>[] = [];
  const url = await serving(
    createServer((request, response) => {
      bodies.push(buffer(request));
      void bodies.at(-1)?.then(() => response.writeHead(202).end('{"stored":true}'));
    }),
  );
  const { agent, lines } = await started(url);
  const code = await exitCode(agent);
  const reports = (await Promise.all(bodies)).map((body) =>
    Report.parse(JSON.parse(zstdDecompressSync(body).toString())),
  );
  ctx.expect([code, reports.map(({ node }) => node.name)]).toEqual([0, ["node-1"]]);
  ctx.expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({ event: "stopped", unsent: 0 });
});

test("a start tells of reports that an earlier run has left, and of settings that there are not", async (ctx) => {
  if (noConntrack) ctx.skip(noConntrack);
  const folder = await aSpoolFolder();
  const { backlog } = await aBacklog(folder);
  for (const sequence of [1, 2]) await backlog.offer(await aParcel(sequence));
  await backlog.close();
  const { agent, lines } = await started("http://127.0.0.1:1", {
    CONNTRAIL_SPOOL: folder,
    CONNTRAIL_EVENT: "off",
  });
  const said = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  ctx.expect(said.find(({ event }) => event === "started")).toMatchObject({ waiting: 2 });
  ctx.expect(said.filter(({ event }) => event === "unknown-settings")).toEqual([
    ctx.expect.objectContaining({
      level: "warning",
      reason: ctx.expect.stringContaining("CONNTRAIL_EVENT:"),
    }),
  ]);
  ctx.expect(await exitCode(agent)).toBe(0);
  const fresh = await started("http://127.0.0.1:1");
  ctx.expect(fresh.lines.find((line) => line.includes('"started"'))).not.toContain("waiting");
});

test("told to stop twice, as when a whole process group is, the agent still hands over its window", async (ctx) => {
  if (noConntrack) ctx.skip(noConntrack);
  let reports = 0;
  const url = await serving(
    createServer((request, response) => {
      reports += 1;
      // The second signal comes while the report is on its way.
      agent.kill("SIGTERM");
      request.resume().once("end", () => response.writeHead(202).end('{"stored":true}'));
    }),
  );
  const { agent } = await started(url);
  ctx.expect([await exitCode(agent), reports]).toEqual([0, 1]);
});

test("told to stop while the server is away, the agent exits 0 and says what it could not hand over", async (ctx) => {
  if (noConntrack) ctx.skip(noConntrack);
  // Nobody listens on tcpmux any more (port 1); a port that was free a moment ago may be somebody's by now.
  const url = "http://127.0.0.1:1";
  const { agent, lines } = await started(url);
  ctx.expect(await exitCode(agent)).toBe(0);
  ctx.expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({ event: "stopped", unsent: 1 });
});

test("told to stop while the server does not answer, the agent exits 0 all the same", async (ctx) => {
  if (noConntrack) ctx.skip(noConntrack);
  const { agent, lines } = await started(await serving(createServer(() => {})));
  ctx.expect(await exitCode(agent)).toBe(0);
  ctx.expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({ event: "stopped" });
}, 15_000);
