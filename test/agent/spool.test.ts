import { chmod, mkdir, readdir, readFile, rm, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "vitest";
import { MAX_REFUSED_BYTES } from "../../agent/spool/quarantine.ts";
import { LIMITS } from "../../agent/spool/limits.ts";
import { aBacklog, aParcel, aSpoolFolder, BOOT, declared, reportsIn, sequences } from "../support/spools.ts";

const HOUR_MS = 3_600_000;
/** What a common report takes of the disk. */
const BLOCK = 4096;
const nameOf = (sequence: number) => `${String(sequence).padStart(16, "0")}-${BOOT}.zst`;

test("a report is in a file of its own, for no one else to read, and not in memory", async ({ expect }) => {
  const folder = join(await aSpoolFolder(), "new", "spool");
  const { backlog } = await aBacklog(folder);
  const parcel = await aParcel(17);
  await backlog.offer(parcel);
  expect(await reportsIn(folder)).toEqual([nameOf(17)]);
  expect(new Uint8Array(await readFile(join(folder, nameOf(17))))).toEqual(new Uint8Array(parcel.body));
  expect([(await stat(folder)).mode & 0o777, (await stat(join(folder, nameOf(17)))).mode & 0o777]).toEqual([
    0o700, 0o600,
  ]);
  expect([backlog.held, backlog.waiting[0]?.held, backlog.state]).toEqual([[], undefined, "working"]);
});

test("an empty folder made for us is closed to others, one in use keeps its mode", async ({ expect }) => {
  const [empty, used] = [await aSpoolFolder(), await aSpoolFolder()];
  await chmod(empty, 0o755);
  await chmod(used, 0o755);
  await writeFile(join(used, "file"), "");
  await aBacklog(empty);
  await aBacklog(used);
  expect([(await stat(empty)).mode & 0o777, (await stat(used)).mode & 0o777]).toEqual([0o700, 0o755]);
});

test("what is stored leaves the disk, and what is loaded is what was offered", async ({ expect }) => {
  const folder = await aSpoolFolder();
  const { backlog } = await aBacklog(folder);
  const parcel = await aParcel(1);
  await backlog.offer(parcel);
  const [item] = backlog.waiting;
  const loaded = await backlog.load(item!);
  expect([loaded?.bootId, loaded?.sequence, loaded?.encoding]).toEqual([BOOT, 1, "zstd"]);
  expect(Buffer.compare(loaded!.body, parcel.body)).toBe(0);
  await backlog.stored(item!, parcel);
  expect([await reportsIn(folder), backlog.waiting]).toEqual([[], []]);
  expect(await backlog.load(item!)).toBeUndefined();
});

test("leftovers are taken over, of other boots too, and half-written files removed", async ({ expect }) => {
  const folder = await aSpoolFolder();
  const { backlog: first } = await aBacklog(folder);
  await first.offer(await aParcel(3));
  await first.offer({ ...(await aParcel(2)), bootId: "an earlier boot" });
  await first.close();
  for (const name of [`${nameOf(4)}.tmp`, "state.json.tmp", "lock.pid.77"])
    await writeFile(join(folder, name), "x");
  const { backlog, logged } = await aBacklog(folder);
  expect(backlog.waiting.map(({ sequence, bootId }) => [sequence, bootId])).toEqual([
    [2, "an earlier boot"],
    [3, BOOT],
  ]);
  expect((await backlog.load(backlog.waiting[1]!))?.sequence).toBe(3);
  expect((await readdir(folder)).toSorted()).toEqual(
    [...(await reportsIn(folder)), "lock", "state.json"].toSorted(),
  );
  expect(logged).toEqual([]);
});

test("foreign files are left alone and named once", async ({ expect }) => {
  const folder = await aSpoolFolder();
  const names = ["0000000000000001-a b.zst", "notes.txt", "x.tmp"];
  for (const name of names) await writeFile(join(folder, name), "x");
  await mkdir(join(folder, "photos"));
  const { backlog, logged } = await aBacklog(folder);
  await backlog.offer(await aParcel(1));
  expect(logged).toEqual([
    { level: "warning", event: "spool-foreign-files", folder, count: 4, names: expect.any(String) },
  ]);
  for (const name of [...names, "photos"]) expect(logged[0]!["names"]).toContain(name);
  expect(await readdir(folder)).toEqual(expect.arrayContaining([...names, "photos"]));
});

test("empty, cut, swapped and vanished files are declared and do not hold up the rest", async ({
  expect,
}) => {
  const folder = await aSpoolFolder();
  const { backlog: first } = await aBacklog(folder);
  for (const sequence of [1, 2, 3, 4, 5]) await first.offer(await aParcel(sequence));
  await first.close();
  await truncate(join(folder, nameOf(1)), 0);
  await truncate(join(folder, nameOf(2)), 100);
  await writeFile(join(folder, nameOf(3)), (await aParcel(33)).body);
  const { backlog, logged } = await aBacklog(folder);
  expect(sequences(backlog)).toEqual([2, 3, 4, 5]);
  await rm(join(folder, nameOf(4)));
  const loaded: (number | undefined)[] = [];
  for (const item of backlog.waiting) loaded.push((await backlog.load(item))?.sequence);
  expect([loaded, sequences(backlog)]).toEqual([[undefined, undefined, undefined, 5], [5]]);
  expect(backlog.declarations).toEqual([declared("unreadable", 1, 4)]);
  expect(logged).toEqual(
    [1, 2, 3, 4].map((sequence) => ({
      level: "error",
      event: "report-dropped",
      reason: "unreadable",
      count: 1,
      from: sequence,
      to: sequence,
      folder,
    })),
  );
  expect(await readdir(join(folder, "refused"))).toEqual(expect.arrayContaining([1, 2, 3].map(nameOf)));
});

test("a refused report is kept apart with the server's reason, and declared", async ({ expect }) => {
  const folder = await aSpoolFolder();
  const { backlog, logged } = await aBacklog(folder);
  await backlog.offer(await aParcel(1));
  await backlog.refused(backlog.waiting[0]!, "the server answered 422: no such window");
  // The sender tells of it.
  expect(logged).toEqual([]);
  expect([await reportsIn(folder), backlog.waiting, backlog.declarations]).toEqual([
    [],
    [],
    [declared("refused", 1)],
  ]);
  const reason = await readFile(join(folder, "refused", `${nameOf(1)}.txt`), "utf8");
  expect(reason).toBe("the server answered 422: no such window\n");
});

test.for([
  [0, [1, 2, 3]],
  [1, [2, 3]],
] as const)("refused reports take 1 MiB; with %i B more the oldest go", async ([more, left], { expect }) => {
  const folder = await aSpoolFolder();
  const { backlog } = await aBacklog(folder);
  await mkdir(join(folder, "refused"));
  const reason = 3 * BLOCK;
  // The third takes what the first two and the three reasons leave, and `more`.
  for (const sequence of [1, 2]) await writeFile(join(folder, "refused", nameOf(sequence)), "x");
  for (const sequence of [1, 2]) await writeFile(join(folder, "refused", `${nameOf(sequence)}.txt`), "x");
  const rest = MAX_REFUSED_BYTES - 2 * BLOCK - reason;
  await backlog.offer({ ...(await aParcel(3)), body: new Uint8Array(rest + more) });
  await backlog.refused(backlog.waiting[0]!, "too strange");
  const reports = (await readdir(join(folder, "refused"))).filter((name) => name.endsWith(".zst"));
  expect(reports.toSorted()).toEqual(left.map(nameOf));
});

test.for([
  [0, [1, 2, 3], []],
  [-1, [2, 3], [declared("size", 1)]],
] as const)("a spool of three blocks and %i B holds %j", async ([more, left, lost], { expect }) => {
  const folder = await aSpoolFolder();
  const { backlog, events } = await aBacklog(folder, { limits: { diskBytes: 3 * BLOCK + more } });
  for (const sequence of [1, 2, 3]) await backlog.offer(await aParcel(sequence));
  expect([sequences(backlog), await reportsIn(folder)]).toEqual([left, left.map(nameOf)]);
  expect([backlog.declarations, events()]).toEqual([lost, lost.map(() => "report-dropped")]);
});

test.for([
  [0, [1], []],
  [1, [], [declared("age", 1)]],
] as const)("after 48 hours and %i ms a report is waiting %j", async ([more, left, lost], { expect }) => {
  const folder = await aSpoolFolder();
  let now = Date.UTC(2026, 10, 21);
  const { backlog } = await aBacklog(folder, { now: () => now });
  await backlog.offer(await aParcel(1));
  now += LIMITS.ageMs + more;
  await backlog.offer(await aParcel(2));
  expect([sequences(backlog), backlog.declarations]).toEqual([[...left, 2], lost]);
});

test("leftovers that are too old are dropped at the start", async ({ expect }) => {
  const folder = await aSpoolFolder();
  const { backlog: first } = await aBacklog(folder);
  for (const sequence of [1, 2]) await first.offer(await aParcel(sequence));
  await first.close();
  const old = (Date.now() - 49 * HOUR_MS) / 1000;
  await utimes(join(folder, nameOf(1)), old, old);
  const { backlog } = await aBacklog(folder);
  expect([await reportsIn(folder), backlog.declarations]).toEqual([[nameOf(2)], [declared("age", 1)]]);
});

test("losses are declared by each report until one of them is stored, over restarts too", async ({
  expect,
}) => {
  const folder = await aSpoolFolder();
  const { backlog: first } = await aBacklog(folder);
  await first.lose(declared("failed", 7));
  await first.offer(await aParcel(8, first.declarations));
  await first.lose(declared("failed", 9));
  await first.close();
  const { backlog: second } = await aBacklog(folder);
  expect(second.declarations).toEqual([declared("failed", 7), declared("failed", 9)]);
  const [item] = second.waiting;
  await second.stored(item!, (await second.load(item!))!);
  expect(second.declarations).toEqual([declared("failed", 9)]);
  await second.close();
  const { backlog: third } = await aBacklog(folder);
  expect(third.declarations).toEqual([declared("failed", 9)]);
});

test("a report that was dropped while it was on its way is not lost", async ({ expect }) => {
  const { backlog } = await aBacklog(await aSpoolFolder(), { limits: { diskBytes: BLOCK } });
  const parcel = await aParcel(1);
  await backlog.offer(parcel);
  const [item] = backlog.waiting;
  await backlog.offer(await aParcel(2));
  expect(backlog.declarations).toEqual([declared("size", 1)]);
  await backlog.stored(item!, parcel);
  expect([backlog.declarations, sequences(backlog)]).toEqual([[], [2]]);
});

test("numbers go on above all that were used, with the clock set back and without a farewell", async ({
  expect,
}) => {
  const folder = await aSpoolFolder();
  const { backlog: first } = await aBacklog(folder, { now: () => 5_000, lock: async () => () => {} });
  const used = [await first.nextSequence(), await first.nextSequence()];
  const { backlog } = await aBacklog(folder, { now: () => 10 });
  expect([used, (await backlog.nextSequence()) > 5_001]).toEqual([[5_000, 5_001], true]);
});

test("a damaged state is said, and numbers go on above the reports there are", async ({ expect }) => {
  const folder = await aSpoolFolder();
  const { backlog: first } = await aBacklog(folder, { now: () => 5_000 });
  await first.offer(await aParcel(5_000));
  await first.close();
  await writeFile(join(folder, "state.json"), "{");
  const { backlog, events } = await aBacklog(folder, { now: () => 10 });
  expect([await backlog.nextSequence(), events()]).toEqual([5_001, ["spool-state-damaged"]]);
});

test("without a folder reports wait in memory, and numbers start at the clock", async ({ expect }) => {
  const { backlog } = await aBacklog(undefined, { now: () => 1_000 });
  const parcel = await aParcel(1);
  await backlog.offer(parcel);
  expect([await backlog.nextSequence(), await backlog.nextSequence(), backlog.state]).toEqual([
    1_000,
    1_001,
    "none",
  ]);
  expect(await backlog.load(backlog.waiting[0]!)).toBe(parcel);
});

test.for([
  [{ held: 2 }, [2, 3]],
  [{ held: 3 }, [1, 2, 3]],
  [{ heldBytes: 30 }, [1, 2, 3]],
  [{ heldBytes: 29 }, [2, 3]],
] as const)(
  "with a bound of %j, %j of three reports of 10 B wait in memory",
  async ([limits, left], { expect }) => {
    const { backlog } = await aBacklog(undefined, { limits });
    for (const sequence of [1, 2, 3])
      await backlog.offer({ ...(await aParcel(sequence)), body: new Uint8Array(10) });
    expect(sequences(backlog)).toEqual(left);
    expect(backlog.declarations).toEqual(left.length === 3 ? [] : [declared("size", 1)]);
  },
);
