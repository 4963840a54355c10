import { execFile } from "node:child_process";
import { chmod, copyFile, mkdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { onTestFinished, test } from "vitest";
import { listen } from "../../api/node/serve.ts";
import { aReport } from "../support/a-report.ts";
import { aFolder, startApi, urlOf } from "../support/api-process.ts";
import { ADMIN, openService } from "../support/service.ts";
import packageJson from "../../package.json" with { type: "json" };

const ROOT = join(import.meta.dirname, "../..");
const run = promisify(execFile);

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a program of the package as npm's links do, in another folder, with nothing of our settings around it. */
async function program(path: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const folder = await aFolder();
  const link = join(folder, "link");
  await symlink(path, link);
  const options = { cwd: folder, env: { PATH: process.env["PATH"], TZ: "UTC", ...env } };
  return run(link, args, options).then(
    (ended) => ({ code: 0, ...ended }),
    (error: unknown) => error as Ended,
  );
}
const conntrail = (args: string[], env?: NodeJS.ProcessEnv) =>
  program(join(ROOT, packageJson.bin.conntrail), args, env);

test("the programs of the package are there, and say their version", async ({ expect }) => {
  for (const path of Object.values(packageJson.bin))
    expect(await program(join(ROOT, path), ["--version"])).toEqual({
      code: 0,
      stdout: `${packageJson.version}\n`,
      stderr: "",
    });
});

test("without the packages and on an old Node it is said what to do", async ({ expect }) => {
  const root = await aFolder();
  const path = join(root, "bin");
  await mkdir(path);
  await writeFile(join(path, "node"), "#!/bin/sh\nexit 1\n");
  await chmod(join(path, "node"), 0o755);
  for (const bin of Object.values(packageJson.bin)) {
    await mkdir(join(root, bin, ".."), { recursive: true });
    await copyFile(join(ROOT, bin), join(root, bin));
    const { code, stderr } = await program(join(root, bin), ["--version"], { PATH: `${path}:/usr/bin:/bin` });
    expect([code, stderr]).toEqual([2, expect.stringContaining(`(cd '${root}' && npm ci)`)]);
  }
});

test("it asks a service over HTTP, and exits with what came of it", async ({ expect }) => {
  const service = await openService();
  await service.post(await service.token("ingest", "prod"), aReport());
  const server = await listen(
    async (request) => {
      const { pathname, search } = new URL(request.url);
      const headers = Object.fromEntries(request.headers);
      const answer = await service.ask(request.method, `${pathname}${search}`, { headers });
      return new Response(answer.text, { status: answer.status, headers: answer.headers });
    },
    { host: "127.0.0.1", port: 0 },
  );
  onTestFinished(() => server.close());
  const env = { CONNTRAIL_URL: server.url, CONNTRAIL_TOKEN: ADMIN };
  const rows = await conntrail(["clusters"], env);
  expect([rows.code, rows.stdout, rows.stderr]).toEqual([
    0,
    expect.stringMatching(/^cluster[^]*\nprod /),
    "",
  ]);
  const same = await conntrail(["clusters", "--json"], env);
  expect(JSON.parse(same.stdout)).toMatchObject({ clusters: [{ name: "prod" }] });
  const nobody = await conntrail(["who", "198.51.100.7:1"], env);
  expect([nobody.code, nobody.stdout]).toEqual([1, expect.stringContaining("blind")]);
  const refused = await conntrail(["clusters"], { ...env, CONNTRAIL_TOKEN: "ctk_read_wrong" });
  expect([refused.code, refused.stdout, refused.stderr]).toEqual([2, "", expect.stringContaining("token")]);
});

test("the service of this machine is asked without a token, by what it keeps for its user", async ({
  expect,
}) => {
  const folder = await aFolder();
  const api = startApi(folder, {}, ["--with-agent"]);
  const url = await urlOf(api);
  const [, command = ""] = await api.said(/npx conntrail (top .*)/);
  const file = join(folder, "data/local-read.token");
  expect(command).toBe(`top --url ${url} --token-file ${file}`);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await readFile(file, "utf8")).toMatch(/^ctk_read_\S+\n$/);
  const { code, stderr } = await conntrail(["clusters", ...command.split(" ").slice(1)]);
  expect([code, stderr]).toEqual([0, ""]);
});
