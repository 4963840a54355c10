import { execFile, execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { onTestFinished, test } from "vitest";

const EXIT = join(import.meta.dirname, "../../agent/exit.ts");
const run = promisify(execFile);

/** A program that waits for a file to be opened that never is, which occupies a thread, and then ends. */
async function program(end: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "conntrail-exit-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const pipe = join(folder, "pipe");
  execFileSync("mkfifo", [pipe]);
  return `
    import { open } from "node:fs";
    import { exitNow } from ${JSON.stringify(EXIT)};
    open(${JSON.stringify(pipe)}, () => {});
    setImmediate(async () => { ${end} });`;
}

test("a process whose threads wait for something ends with its code at once", async ({ expect }) => {
  const text = await program(`await exitNow(0, () => {}); console.log("still here")`);
  const { stdout } = await run(process.execPath, ["--input-type=module", "-e", text]);
  expect(stdout).toBe("");
});
