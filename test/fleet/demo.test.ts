import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { aFolder, call } from "../support/api-process.ts";

const DEMO = join(import.meta.dirname, "demo.ts");
/** The history of some hours takes seconds of two cores that other tests use as well. */
const TIMEOUT_MS = 120_000;

/** The demo with a tiny history, as a person starts it. */
function startDemo(args: string[], env: NodeJS.ProcessEnv) {
  const child = spawn(process.execPath, [DEMO, ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(child, "close").then(([code]) => code as number | null);
  let text = "";
  const said = (pattern: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const look = (chunk: Buffer) => {
        text += String(chunk);
        const match = pattern.exec(text);
        if (match) resolve(match);
      };
      child.stdout.on("data", look);
      child.stderr.on("data", look);
      void ended.then((code) => reject(new Error(`ended with ${code}: ${text}`)));
    });
  onTestFinished(async () => {
    child.kill("SIGTERM");
    await ended;
  });
  return { child, ended, said };
}

test(
  "the demo becomes ready, knows its talkers, is sound, and ends with Ctrl-C",
  async () => {
    const folder = join(await aFolder(), "demo");
    const demo = startDemo(["--tiny", "--seed", "3", "--folder", folder], { CONNTRAIL_PORT: "0" });
    const [, url, token = "", flood = ""] = await demo.said(
      /listening on (http:\S+), with the simulated fleet of seed 3[^]*TOKEN=(\S+)[^]*(snat-flood on shop\/\S+ from \S+ \S+ UTC)[^]*Ctrl-C/,
    );
    const { body } = await call(`${url}/v1/talkers?cluster=shop&by=pod&metric=opened&since=30m`, token);
    expect(body.talkers[0]).toMatchObject({ cluster: "shop", kind: "pod" });
    expect(body.talkers[0].share).toBeGreaterThan(0.5);
    const week = await call(`${url}/v1/talkers?by=namespace&since=8h`, token);
    expect(week.body.talkers.map(({ cluster }: { cluster: string }) => cluster)).toEqual(
      expect.arrayContaining(["shop", "media", "batch"]),
    );
    const settings = await call(`${url}/v1/sysctls?cluster=shop`, token);
    expect(JSON.stringify(settings.body)).toContain('"600"');
    demo.child.kill("SIGINT");
    expect(await demo.ended).toBe(0);
    await expect(fetch(`${url}/healthz`)).rejects.toThrow();
    const again = startDemo(["--keep", "--folder", folder], { CONNTRAIL_PORT: "0" });
    const [greeting] = await again.said(/with the simulated fleet of seed 3[^]*Ctrl-C/);
    expect(greeting).toContain(flood);
    again.child.kill("SIGINT");
    expect(await again.ended).toBe(0);
  },
  TIMEOUT_MS,
);

test("a port that is taken is said at once", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  onTestFinished(() => void taken.close());
  await once(taken, "listening");
  const { port } = taken.address() as AddressInfo;
  const demo = startDemo(["--folder", join(await aFolder(), "demo")], { CONNTRAIL_PORT: String(port) });
  await demo.said(new RegExp(`Something else listens on 127.0.0.1:${port}; stop it or set CONNTRAIL_PORT`));
  expect(await demo.ended).toBe(1);
});
