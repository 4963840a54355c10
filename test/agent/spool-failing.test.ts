import { spawnSync } from "node:child_process";
import { mkdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { onTestFinished, test, type TestContext } from "vitest";
import {
  aBacklog,
  aParcel,
  aSpoolFolder,
  declared,
  failingDisk,
  reportsIn,
  sequences,
} from "../support/spools.ts";

const noLock = async () => () => {};

/** A file system of its own with that many bytes; where there can be none, the test is skipped and says why. */
async function smallDisk(ctx: TestContext, bytes: number) {
  if (process.getuid?.() !== 0) ctx.skip("needs root, to mount a small file system");
  const folder = await aSpoolFolder();
  const mount = (...args: string[]) => spawnSync("mount", args, { encoding: "utf8" });
  const { status, stderr } = mount("-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", folder);
  if (status !== 0) ctx.skip(`needs leave to mount a file system: ${stderr}`);
  onTestFinished(() => void spawnSync("umount", ["--lazy", folder]));
  return { folder, remount: (option: string) => void mount("-o", `remount,${option}`, folder) };
}

test("on a full disk reports wait in memory, and go to the disk once there is room", async (ctx) => {
  const { folder, remount } = await smallDisk(ctx, 64 * 1024);
  const { backlog, events, logged } = await aBacklog(folder);
  await backlog.offer(await aParcel(1));
  await writeFile(join(folder, "somebody else's"), new Uint8Array(64 * 1024)).catch(() => {});
  for (const sequence of [2, 3]) await backlog.offer(await aParcel(sequence));
  ctx.expect([sequences(backlog), backlog.held.length, backlog.state]).toEqual([[1, 2, 3], 2, "failing"]);
  ctx.expect([events(), (await reportsIn(folder)).length]).toEqual([["spool-failing"], 1]);
  ctx.expect(logged[0]!["reason"]).toContain("ENOSPC");
  remount("size=256k");
  await backlog.offer(await aParcel(4));
  ctx
    .expect([events(), backlog.held, backlog.state])
    .toEqual([["spool-failing", "spool-working"], [], "working"]);
  ctx.expect(await reportsIn(folder)).toHaveLength(4);
});

test("a file system gone read-only is survived in memory, and what was on it is still sent", async (ctx) => {
  const { folder, remount } = await smallDisk(ctx, 256 * 1024);
  // A file open for writing, as the lock is, keeps a file system from being made read-only by hand.
  const { backlog, events } = await aBacklog(folder, { lock: noLock });
  const parcel = await aParcel(1);
  await backlog.offer(parcel);
  remount("ro");
  await backlog.offer(await aParcel(2));
  ctx.expect([backlog.state, (await backlog.load(backlog.waiting[0]!))?.sequence]).toEqual(["failing", 1]);
  await backlog.stored(backlog.waiting[0]!, parcel);
  ctx.expect(sequences(backlog)).toEqual([2]);
  remount("rw");
  await backlog.offer(await aParcel(3));
  ctx.expect([events(), backlog.held]).toEqual([["spool-failing", "spool-working"], []]);
});

test.for(["ENOSPC", "EDQUOT", "EROFS", "EIO", "EACCES", "ENOENT"])(
  "with %s from the start reports wait in memory until the folder can be used",
  async (code, { expect }) => {
    const folder = await aSpoolFolder();
    const { backlog: earlier } = await aBacklog(folder);
    await earlier.offer(await aParcel(1));
    await earlier.close();
    let broken = true;
    const disk = failingDisk((call) => (broken && call === "mkdir" ? code : undefined));
    const { backlog, events, logged } = await aBacklog(folder, { disk, now: () => 0 });
    for (const sequence of [2, 3]) await backlog.offer(await aParcel(sequence));
    expect([backlog.held.length, events()]).toEqual([2, ["spool-failing"]]);
    expect(logged[0]!["reason"]).toContain(code);
    broken = false;
    await backlog.offer(await aParcel(4));
    expect([sequences(backlog), backlog.held]).toEqual([[1, 2, 3, 4], []]);
    expect(events()).toEqual(["spool-failing", "spool-working"]);
  },
);

test("a folder of the kernel's, where nothing can be made, is said at once", async ({ expect }) => {
  const { backlog, logged } = await aBacklog("/proc/conntrail/spool");
  await backlog.offer(await aParcel(1));
  expect([backlog.held.length, backlog.state]).toEqual([1, "failing"]);
  expect(logged).toEqual([
    expect.objectContaining({
      event: "spool-failing",
      reason: expect.stringMatching(/^E(NOENT|ACCES|PERM): .*'\/proc\/conntrail'/),
    }),
  ]);
});

test("a folder on a read-only file system fails by that name", async (ctx) => {
  const { folder, remount } = await smallDisk(ctx, 64 * 1024);
  remount("ro");
  const { logged } = await aBacklog(join(folder, "not", "there"));
  ctx.expect(logged[0]!["reason"]).toMatch(/^EROFS: /);
});

test("folders that are missing on the way are made, for no one else; a file on the way is named", async ({
  expect,
}) => {
  const folder = await aSpoolFolder();
  await mkdir(join(folder, "there"));
  const { backlog } = await aBacklog(join(folder, "there", "a", "b", "spool"));
  expect(backlog.state).toBe("working");
  for (const name of ["a", "a/b", "a/b/spool"])
    expect((await stat(join(folder, "there", name))).mode & 0o777).toBe(0o700);
  await writeFile(join(folder, "file"), "");
  const { logged: onFile } = await aBacklog(join(folder, "file"));
  const { logged: below } = await aBacklog(join(folder, "file", "spool"));
  expect([onFile[0]!["reason"], below[0]!["reason"]]).toEqual([
    expect.stringMatching(/^EEXIST: /),
    expect.stringMatching(/^ENOTDIR: /),
  ]);
});

test.for(["open", "write", "sync", "rename"])(
  "when %s fails once, the report is in memory, no half file is left, and the next report saves both",
  async (failing, { expect }) => {
    const folder = await aSpoolFolder();
    let left = 0;
    const disk = failingDisk((call, path) =>
      call === failing && path.includes("0002-") && left-- > 0 ? "EIO" : undefined,
    );
    const { backlog } = await aBacklog(folder, { disk });
    left = 1;
    await backlog.offer(await aParcel(2));
    expect([backlog.held.length, await reportsIn(folder)]).toEqual([1, []]);
    await backlog.offer(await aParcel(3));
    expect([backlog.held.length, (await reportsIn(folder)).length]).toEqual([0, 2]);
  },
);

test("a report whose folder could not be synced counts as in memory alone", async ({ expect }) => {
  const folder = await aSpoolFolder();
  let broken = false;
  const disk = failingDisk((call, path) =>
    broken && call === "sync" && path === folder ? "EIO" : undefined,
  );
  const { backlog } = await aBacklog(folder, { disk });
  broken = true;
  await backlog.offer(await aParcel(1));
  expect([backlog.held.length, await reportsIn(folder)]).toEqual([1, []]);
});

test("a folder removed while the agent runs is made and locked again; what was in it is declared lost", async ({
  expect,
}) => {
  const folder = await aSpoolFolder();
  const { backlog, events, logged } = await aBacklog(folder);
  for (const sequence of [1, 2]) await backlog.offer(await aParcel(sequence));
  await rm(folder, { recursive: true });
  await backlog.offer(await aParcel(3));
  expect([sequences(backlog), backlog.held, backlog.state]).toEqual([[3], [], "working"]);
  expect(backlog.declarations).toEqual([declared("unreadable", 1, 2)]);
  expect([events(), await reportsIn(folder)]).toEqual([
    ["spool-removed", "report-dropped"],
    [expect.stringContaining("0003-")],
  ]);
  expect(logged[1]).toMatchObject({ reason: "unreadable", count: 2, from: 1, to: 2 });
  // Two locks of one process exclude each other, too: flock(2) is on what each has opened.
  await expect(aBacklog(folder)).rejects.toThrow("in use");
  await backlog.close();
  const { backlog: next } = await aBacklog(folder);
  expect([sequences(next), next.declarations]).toEqual([[3], [declared("unreadable", 1, 2)]]);
});

test("a folder removed with nothing in it keeps numbers from being used again", async ({ expect }) => {
  const folder = await aSpoolFolder();
  const { backlog } = await aBacklog(folder);
  const number = await backlog.nextSequence();
  await rm(folder, { recursive: true });
  await backlog.offer(await aParcel(1));
  await backlog.close();
  const { backlog: next } = await aBacklog(folder, { now: () => 0 });
  expect(await next.nextSequence()).toBeGreaterThan(number);
});

test("a folder that was removed and cannot be made again is tried again with each report", async ({
  expect,
}) => {
  const folder = await aSpoolFolder();
  let broken = false;
  const disk = failingDisk((call) => (broken && call === "mkdir" ? "EROFS" : undefined));
  const { backlog, events } = await aBacklog(folder, { disk });
  await backlog.offer(await aParcel(1));
  await rm(folder, { recursive: true });
  broken = true;
  for (const sequence of [2, 3]) await backlog.offer(await aParcel(sequence));
  expect([backlog.held.length, backlog.state]).toEqual([2, "failing"]);
  broken = false;
  await backlog.offer(await aParcel(4));
  expect(events()).toEqual(["spool-removed", "spool-failing", "report-dropped", "spool-working"]);
  expect([sequences(backlog), backlog.declarations]).toEqual([[2, 3, 4], [declared("unreadable", 1)]]);
});

test("a file that vanished while it was written costs nothing that is still there", async ({ expect }) => {
  const folder = await aSpoolFolder();
  let left = 0;
  const disk = failingDisk((call, path) =>
    call === "rename" && path.includes(".zst") && left-- > 0 ? "ENOENT" : undefined,
  );
  const { backlog } = await aBacklog(folder, { disk });
  await backlog.offer(await aParcel(1));
  left = 1;
  await backlog.offer(await aParcel(2));
  expect([sequences(backlog), backlog.declarations, backlog.held]).toEqual([[1, 2], [], []]);
  expect(await reportsIn(folder)).toHaveLength(2);
  expect((await backlog.load(backlog.waiting[0]!))?.sequence).toBe(1);
});

test("losses on a disk that cannot be written are declared, and saved once it can", async ({ expect }) => {
  const folder = await aSpoolFolder();
  let broken = false;
  const disk = failingDisk((call) => (broken && call === "write" ? "ENOSPC" : undefined));
  const { backlog, events } = await aBacklog(folder, { disk, limits: { held: 2 } });
  broken = true;
  for (const sequence of [1, 2, 3, 4]) await backlog.offer(await aParcel(sequence));
  expect(backlog.declarations).toEqual([declared("size", 1, 2)]);
  broken = false;
  await backlog.offer(await aParcel(5));
  expect(events().filter((event) => event !== "report-dropped")).toEqual(["spool-failing", "spool-working"]);
  const { backlog: next } = await aBacklog(folder, { lock: noLock });
  expect([next.declarations, sequences(next)]).toEqual([[declared("size", 1, 2)], [3, 4, 5]]);
});

test("what only memory held at the end is declared by the next run", async ({ expect }) => {
  const folder = await aSpoolFolder();
  const disk = failingDisk((call, path) =>
    call === "write" && path.endsWith(".zst.tmp") ? "EIO" : undefined,
  );
  const { backlog } = await aBacklog(folder, { disk });
  await backlog.offer(await aParcel(1));
  await backlog.close();
  const { backlog: next } = await aBacklog(folder);
  expect([next.declarations, sequences(next)]).toEqual([[declared("failed", 1)], []]);
});

test("a disk that is busy is asked again; one that cannot give a file loses it, and says so", async ({
  expect,
}) => {
  const folder = await aSpoolFolder();
  const codes = ["EMFILE", "EIO"];
  const disk = failingDisk((call, path) =>
    call === "readFile" && path.endsWith(".zst") ? codes.shift() : undefined,
  );
  const { backlog } = await aBacklog(folder, { disk });
  await backlog.offer(await aParcel(1));
  const [item] = backlog.waiting;
  await expect(backlog.load(item!)).rejects.toThrow("EMFILE");
  expect(sequences(backlog)).toEqual([1]);
  expect(await backlog.load(item!)).toBeUndefined();
  expect(backlog.declarations).toEqual([declared("unreadable", 1)]);
});

test("a report refused while losses cannot be saved is refused and declared again by the next run", async ({
  expect,
}) => {
  const folder = await aSpoolFolder();
  let broken = false;
  const disk = failingDisk((call) => (broken && call === "write" ? "ENOSPC" : undefined));
  const { backlog } = await aBacklog(folder, { disk, lock: noLock });
  await backlog.offer(await aParcel(1));
  broken = true;
  await backlog.refused(backlog.waiting[0]!, "422");
  expect([sequences(backlog), backlog.declarations]).toEqual([[], [declared("refused", 1)]]);
  const { backlog: next } = await aBacklog(folder);
  expect([sequences(next), next.declarations]).toEqual([[1], []]);
});

test("killed at any call of the file system while it makes room, a spool has or declares the oldest", async ({
  expect,
}) => {
  for (let calls = 0; calls < 30; calls += 1) {
    const folder = await aSpoolFolder();
    let left = Infinity;
    const disk = failingDisk(() => ((left -= 1) < 0 ? "EIO" : undefined));
    const { backlog } = await aBacklog(folder, { disk, lock: noLock, limits: { diskBytes: 4096 } });
    await backlog.offer(await aParcel(1));
    left = calls;
    await backlog.offer(await aParcel(2));
    const { backlog: next } = await aBacklog(folder, { lock: noLock });
    const accounted = [...sequences(next), ...next.declarations.map(({ from }) => from)];
    expect(accounted, `after ${calls} calls`).toContain(1);
  }
});

test("on a full disk a loss is saved in the room that the lost report leaves", async ({ expect }) => {
  const folder = await aSpoolFolder();
  let full = false;
  const disk = failingDisk((call, path) => {
    if (call === "unlink" && path.endsWith(".zst")) full = false;
    return full && call === "write" ? "ENOSPC" : undefined;
  });
  let now = Date.now();
  const { backlog } = await aBacklog(folder, { disk, lock: noLock, now: () => now });
  await backlog.offer(await aParcel(1));
  [full, now] = [true, now + 49 * 3_600_000];
  await backlog.open();
  const { backlog: next } = await aBacklog(folder, { lock: noLock });
  expect(next.declarations).toEqual([declared("age", 1)]);
});

test("where there is room for one, the newest report goes to the disk", async ({ expect }) => {
  const folder = await aSpoolFolder();
  let writes = 0;
  const disk = failingDisk((call, path) =>
    call === "write" && path.endsWith(".zst.tmp") && writes-- <= 0 ? "ENOSPC" : undefined,
  );
  const { backlog } = await aBacklog(folder, { disk });
  await backlog.offer(await aParcel(1));
  writes = 1;
  await backlog.offer(await aParcel(2));
  expect(backlog.held.map(({ sequence }) => sequence)).toEqual([1]);
});
