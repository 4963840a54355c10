import { appendFile, mkdir, mkdtemp, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test as base } from "vitest";
import { type KernelLog, openKernelLog } from "../../../agent/host/kernel-log.ts";

const test = base.extend<{ folder: string }>({
  // oxlint-disable-next-line no-empty-pattern -- vitest reads the fixtures a fixture needs from its pattern
  folder: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), "conntrail-kmsg-"));
    await mkdir(join(folder, "self/ns"), { recursive: true });
    await symlink("net:[77]", join(folder, "self/ns/net"));
    await use(folder);
    await rm(folder, { recursive: true });
  },
});

const full = (sequence: number, where = "") =>
  `4,${sequence},1,-;nf_conntrack: table full${where}, dropping packet\n`;

async function open(folder: string): Promise<KernelLog> {
  const log = await openKernelLog({ path: join(folder, "kmsg"), proc: folder });
  if ("unread" in log) throw new Error(log.unread);
  return log;
}

test("what the kernel said before is not counted, but tells what is missing after it", async ({
  folder,
  expect,
}) => {
  const path = join(folder, "kmsg");
  await writeFile(path, full(1) + full(2));
  const log = await open(folder);
  expect(await log.poll()).toMatchObject({ tableFull: 0, missed: 0 });
  await appendFile(path, full(5));
  expect(await log.poll()).toMatchObject({ tableFull: 1, missed: 2 });
  expect(await log.poll()).toMatchObject({ tableFull: 0, missed: 0 });
  log.close();
});

test("the agent's own namespace is told from others", async ({ folder, expect }) => {
  const path = join(folder, "kmsg");
  await writeFile(path, "");
  const log = await open(folder);
  await appendFile(path, full(1, " in netns 77") + full(2, " in netns 78") + full(3));
  expect(await log.poll()).toMatchObject({ tableFull: 2, tableFullElsewhere: 1 });
  log.close();
});

test("a poll reads as much as a ring holds, and leaves the rest to the next", async ({ folder, expect }) => {
  const path = join(folder, "kmsg");
  await writeFile(path, "");
  const log = await open(folder);
  // As many pieces as one poll reads, which take no room on the disk.
  await truncate(path, 16_384 * 8_192);
  await appendFile(path, `\n${full(1)}`);
  expect(await log.poll()).toMatchObject({ tableFull: 0 });
  expect(await log.poll()).toMatchObject({ tableFull: 1 });
  log.close();
});

test("a log that is closed gives nothing any more", async ({ folder, expect }) => {
  await writeFile(join(folder, "kmsg"), "");
  const log = await open(folder);
  log.close();
  log.close();
  expect(await log.poll()).toBeUndefined();
});

test("a log that breaks is closed", async ({ folder, expect }) => {
  await mkdir(join(folder, "kmsg"));
  const log = await open(folder);
  expect(await log.poll()).toBeUndefined();
});

test("a log that is not there is named", async ({ folder, expect }) => {
  const path = join(folder, "kmsg");
  expect(await openKernelLog({ path })).toEqual({ unread: `kernel log: ${path} cannot be opened (ENOENT)` });
});
