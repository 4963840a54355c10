import { access } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { deployed, ROOT } from "./files.ts";

const lines = (await deployed("Dockerfile"))
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"));
const instructions = (name: string) =>
  lines.filter((line) => line.startsWith(`${name} `)).map((line) => line.slice(name.length + 1));
/** What is copied from the repository: all but the last word, which is where to. */
const copied = instructions("COPY")
  .filter((words) => !words.startsWith("--from"))
  .flatMap((words) => words.split(" ").slice(0, -1));

test("what the image is built from is there, and is let through to it", async () => {
  const ignore = (await deployed("Dockerfile.dockerignore")).split("\n");
  expect(copied).toEqual(["package.json", "package-lock.json", ".npmrc", "agent"]);
  await Promise.all(copied.map((path) => access(join(ROOT, path))));
  expect(ignore.filter((line) => /^[*!]/.test(line))).toEqual(["*", ...copied.map((path) => `!${path}`)]);
});

test("both stages stand on Node 24 with glibc, and only the built files reach the last", () => {
  expect(instructions("FROM")).toEqual(["node:24-slim AS build", "node:24-slim"]);
  const last = lines.slice(lines.lastIndexOf("FROM node:24-slim"));
  expect(last.filter((line) => /^(COPY|ADD|RUN)/.test(line))).toEqual(["COPY --from=build /agent /agent"]);
  expect(instructions("RUN")).toEqual(["npm ci", "node agent/build.ts /agent"]);
});

test("signals reach the agent, which has the capability only as uid 0", () => {
  const [entry] = instructions("ENTRYPOINT");
  expect((JSON.parse(entry ?? "") as string[]).at(-1)).toBe("/agent/conntrail-agent.mjs");
  expect(instructions("USER")).toEqual(["0:0"]);
});

test("image and unit start the agent with the same flags and settings of the runtime", async () => {
  const unit = await deployed("conntrail-agent.service");
  const started = JSON.parse(instructions("ENTRYPOINT")[0] ?? "") as string[];
  const [, flags] = /^ExecStart=\/usr\/bin\/node (.*?)\S+\.mjs$/m.exec(unit) ?? [];
  expect(flags).toBe(
    started
      .slice(1, -1)
      .map((flag) => `${flag} `)
      .join(""),
  );
  const environment = [...unit.matchAll(/^Environment=((?!CONNTRAIL)\S+)$/gm)].map(([, pair]) => pair);
  expect(environment).toEqual(instructions("ENV").flatMap((words) => words.split(" ")));
  expect(environment).toEqual(expect.arrayContaining(["MALLOC_ARENA_MAX=2", "MALLOC_MMAP_THRESHOLD_=65536"]));
});
