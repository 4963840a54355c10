import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { onTestFinished, test } from "vitest";
import { aReport } from "../../support/a-report.ts";
import { aFolder, call, ingestToken, startApi, urlOf } from "../../support/api-process.ts";
import { builtProgram } from "../../support/program.ts";

const ADMIN = "an-admin-token-of-more-than-32-characters";
const MIGRATE = builtProgram("db/migrate.ts");
const run = promisify(execFile);
const env = { CONNTRAIL_ADMIN_TOKEN: ADMIN };

/** A report of the window that has just ended: this clock is the real one. */
function aFreshReport(sequence = 1) {
  const to = Math.floor(Date.now() / 30_000) * 30_000;
  return aReport({ sequence, window: { from: to - 30_000, to } });
}

/** Sends bytes as they are and gives what comes back until the other side closes. */
function raw(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(Number(port), hostname, () => socket.write(text));
    socket.on("data", (chunk) => (answer += String(chunk)));
    socket.on("close", () => resolve(answer));
    socket.on("error", reject);
  });
}

test("the admin token is made and shown at the first start, and never again", async ({ expect }) => {
  const folder = await aFolder();
  const first = startApi(folder);
  const url = await urlOf(first);
  const token = (await first.said(/TOKEN=(\S+)/))[1] ?? "";
  expect((await call(`${url}/v1/tokens`, token)).status).toBe(200);
  first.child.kill("SIGTERM");
  expect(await first.ended).toBe(0);
  expect(first.stdout().split(token)).toHaveLength(2);

  const second = startApi(folder);
  const again = await urlOf(second);
  await second.said(/To make another/);
  expect(second.stdout() + second.stderr()).not.toMatch(/ctk_/);
  expect((await call(`${again}/v1/tokens`, token)).status).toBe(200);
  expect(await readFile(join(folder, "data/conntrail.db"), "latin1")).not.toContain(token.slice(-43));
});

test("a signal to stop ends it with 0, even with a connection kept open", async ({ expect }) => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    const api = startApi(await aFolder(), env);
    const url = await urlOf(api);
    await call(`${url}/healthz`, ADMIN);
    api.child.kill(signal);
    expect(await api.ended).toBe(0);
  }
});

test("every complaint about the configuration comes at once, with code 2", async ({ expect }) => {
  const api = startApi(await aFolder(), { CONNTRAIL_PORT: "x", CONNTRAIL_ADMIN_TOKEN: "short" });
  expect(await api.ended).toBe(2);
  expect(api.stderr()).toMatch(/CONNTRAIL_PORT[^]*CONNTRAIL_ADMIN_TOKEN/);
});

test("an unknown option ends with code 2, and --help with all there is to know", async ({ expect }) => {
  const wrong = startApi(await aFolder(), {}, ["--wit-agent"]);
  expect(await wrong.ended).toBe(2);
  const help = startApi(await aFolder(), {}, ["--help"]);
  expect(await help.ended).toBe(0);
  for (const name of ["HOST", "PORT", "DATABASE_URL", "DATABASE_TOKEN", "ADMIN_TOKEN"])
    expect(help.stdout()).toContain(`CONNTRAIL_${name}`);
});

test("a port that is taken is named, with what to do", async ({ expect }) => {
  const { port } = new URL(await urlOf(startApi(await aFolder(), env)));
  const second = startApi(await aFolder(), { ...env, CONNTRAIL_PORT: port });
  expect(await second.ended).toBe(1);
  expect(second.stderr()).toContain(`127.0.0.1:${port}: something else listens there`);
});

test("a database that cannot be reached is named without its secrets", async ({ expect }) => {
  const url = "http://user:canary-one@127.0.0.1:1/?authToken=canary-two";
  const api = startApi(await aFolder(), { ...env, CONNTRAIL_DATABASE_URL: url });
  expect(await api.ended).toBe(1);
  expect(api.stderr()).toContain("The database http://127.0.0.1:1/ cannot be opened");
  expect(api.stdout() + api.stderr()).not.toContain("canary");
});

test.for([
  { what: "whose folder is a file", url: "file:data/x.db", at: "data" },
  { what: "that is a folder", url: "file:x.db", at: "x.db/inner" },
])("a database $what is named, with what to do", async ({ url, at }, { expect }) => {
  const folder = await aFolder();
  await mkdir(dirname(join(folder, at)), { recursive: true });
  await writeFile(join(folder, at), "in the way");
  const wanted = { CONNTRAIL_DATABASE_URL: url };
  const api = startApi(folder, { ...env, ...wanted });
  expect(await api.ended).toBe(1);
  expect(api.stderr()).toContain(`The database ${url} cannot be opened: `);
  expect(api.stderr()).toContain("folder must exist and be writable");
  const migration = await run(process.execPath, [MIGRATE], { cwd: folder, env: wanted }).catch(
    (error) => error,
  );
  expect(migration.code).toBe(1);
  expect(migration.stderr).toContain("folder must exist and be writable");
});

test("whatever it makes is for its owner only, whoever migrates first", async ({ expect }) => {
  const [served, migrated] = [await aFolder(), await aFolder()];
  const url = "file:data/conntrail.db";
  const before = process.umask(0o022);
  onTestFinished(() => void process.umask(before));
  await run(process.execPath, [MIGRATE], { cwd: migrated, env: { CONNTRAIL_DATABASE_URL: url } });
  await urlOf(startApi(served, { ...env, CONNTRAIL_DATABASE_URL: url }));
  for (const folder of [served, migrated]) {
    const names = await readdir(folder, { recursive: true });
    expect(names).toEqual(expect.arrayContaining(["data", "data/conntrail.db"]));
    for (const name of names)
      expect([name, (await stat(join(folder, name))).mode & 0o077]).toEqual([name, 0]);
  }
});

test("what was acknowledged is there after a crash", async ({ expect }) => {
  const folder = await aFolder();
  const first = startApi(folder, env);
  const url = await urlOf(first);
  const token = await ingestToken(url, ADMIN);
  const reports = Array.from({ length: 40 }, (_, sequence) => aFreshReport(sequence));
  const answers = reports.map((report) => call(`${url}/v1/reports`, token, "POST", report));
  const acknowledged: number[] = [];
  const all = answers.map(async (answer, sequence) => {
    const { status } = await answer;
    if (status === 202) acknowledged.push(sequence);
    if (acknowledged.length === 10) first.child.kill("SIGKILL");
  });
  await Promise.allSettled(all);
  expect(await first.ended).toBe(null);
  expect(acknowledged.length).toBeGreaterThanOrEqual(10);

  const again = await urlOf(startApi(folder, env));
  for (const sequence of acknowledged)
    expect((await call(`${again}/v1/reports`, token, "POST", aFreshReport(sequence))).body).toEqual({
      duplicate: true,
    });
});

test("a report posted many times at once is stored once", async ({ expect }) => {
  const url = await urlOf(startApi(await aFolder(), env));
  const token = await ingestToken(url, ADMIN);
  const report = aFreshReport();
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => call(`${url}/v1/reports`, token, "POST", report)),
  );
  expect(answers.filter(({ status }) => status === 202)).toHaveLength(1);
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(19);
});

test("a request in flight is answered before the service ends", async ({ expect }) => {
  const api = startApi(await aFolder(), env);
  const url = await urlOf(api);
  const token = await ingestToken(url, ADMIN);
  const body = JSON.stringify(aFreshReport());
  const head = `POST /v1/reports HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\n`;
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(`${head}expect: 100-continue\r\ncontent-length: ${body.length}\r\n\r\n`);
  const answer = await new Promise<string>((resolve) => {
    let text = "";
    socket.on("data", (chunk) => {
      text += String(chunk);
      if (text.endsWith("100 Continue\r\n\r\n")) {
        api.child.kill("SIGTERM");
        socket.write(body);
      }
    });
    socket.on("close", () => resolve(text));
  });
  expect(answer).toContain("HTTP/1.1 202 Accepted");
  expect(await api.ended).toBe(0);
});

test("a body that lies about its length is refused, and the service goes on", async ({ expect }) => {
  const url = await urlOf(startApi(await aFolder(), env));
  const token = await ingestToken(url, ADMIN);
  const head = `POST /v1/reports HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\nconnection: close\r\n`;
  const short = await raw(url, `${head}content-length: 2\r\n\r\n${JSON.stringify(aFreshReport())}`);
  expect(short).toContain("HTTP/1.1 400");
  const both = await raw(
    url,
    `${head}content-length: 10\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`,
  );
  expect(both).toContain("HTTP/1.1 400");
  const huge = await raw(url, `${head}content-length: 999999999999\r\n\r\n{`);
  expect(huge).toContain("HTTP/1.1 413");
  const chunk = `10000\r\n${"x".repeat(65_536)}\r\n`;
  const endless = await raw(url, `${head}transfer-encoding: chunked\r\n\r\n${chunk.repeat(20)}0\r\n\r\n`);
  expect(endless).toContain("HTTP/1.1 413");
  expect((await call(`${url}/readyz`, ADMIN)).status).toBe(200);
});

test("with the agent of this machine, it gets a token of its own that lasts as long as it works", async ({
  expect,
}) => {
  const folder = await aFolder();
  const path = join(folder, "data/local-agent.token");
  const tokenOf = async () => {
    const api = startApi(folder, env, ["--with-agent"]);
    const url = await urlOf(api);
    await api.said(/"event":"(started|agent-not-running)"/);
    const token = (await readFile(path, "utf8")).trim();
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await call(`${url}/v1/clusters/local`, ADMIN)).status).toBe(200);
    expect((await call(`${url}/v1/reports`, token, "POST", {})).status).toBe(422);
    return { api, url, token };
  };
  const first = await tokenOf();
  first.api.child.kill("SIGTERM");
  expect(await first.api.ended).toBe(0);
  const second = await tokenOf();
  expect(second.token).toBe(first.token);
  await call(`${second.url}/v1/tokens/${second.token.split("_")[2]}`, ADMIN, "DELETE");
  second.api.child.kill("SIGTERM");
  expect(await second.api.ended).toBe(0);
  expect((await tokenOf()).token).not.toBe(first.token);
});

test("an agent that cannot read the table does not keep the service from going on", async ({ expect }) => {
  const settings = { ...env, CONNTRAIL_SOURCE: "procfs", CONNTRAIL_INTERVAL: "nonsense" };
  const api = startApi(await aFolder(), settings, ["--with-agent"]);
  const url = await urlOf(api);
  await api.said(/"event":"agent-not-running","reason":"its configuration is wrong/);
  expect(api.stderr()).toContain("CONNTRAIL_INTERVAL");
  expect((await call(`${url}/readyz`, ADMIN)).status).toBe(200);
});
