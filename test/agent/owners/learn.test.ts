import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished, test } from "vitest";
import type { LogLine } from "../../../agent/log.ts";
import { OwnerBook } from "../../../agent/owners/book.ts";
import type { OwnerDeps, OwnerPreference } from "../../../agent/owners/index.ts";
import { complaining, learnOwners } from "../../../agent/owners/learn.ts";

const WINDOW = { from: 0, to: 30_000 };

/** What is learnt of a preference, up to the first pause of the source. */
async function learnt(preference: OwnerPreference) {
  const lines: LogLine[] = [];
  const stop = new AbortController();
  const deps: OwnerDeps = {
    env: {},
    node: "node-1",
    now: () => 0,
    random: () => 0,
    wait: async () => stop.abort(),
    deadline: () => stop.signal,
    log: (line) => void lines.push(line),
    dockerSocket: "/nowhere/docker.sock",
  };
  const learning = await learnOwners(preference, deps, stop.signal);
  await learning.ended;
  return { learning, lines };
}

async function aFile(addresses: number): Promise<`file:${string}`> {
  const folder = await mkdtemp(join(tmpdir(), "conntrail-owners-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, "owners.json");
  const rows = Array.from({ length: addresses }, (_, i) => [
    `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`,
    `host-${i}`,
  ]);
  await writeFile(path, JSON.stringify(Object.fromEntries(rows)));
  return `file:${path}`;
}

test("what a file says is in the book, and nothing is complained of", async ({ expect }) => {
  const { learning, lines } = await learnt(await aFile(2));
  expect(learning.book?.isCurrent()).toBe(true);
  expect(learning.book?.report(WINDOW, true, () => false)?.name).toEqual(["host-0", "host-1"]);
  expect(lines.map(({ event }) => event)).toEqual(["owners", "owners-file-read"]);
});

test("while a source hears of no changes, each report says so", async ({ expect }) => {
  const { learning } = await learnt("file:/nowhere/owners.json");
  expect(learning.book?.isCurrent()).toBe(false);
  for (const complete of [false, false])
    expect(learning.book?.report(WINDOW, complete, () => false)).toMatchObject({
      complete: false,
      current: false,
      address: [],
    });
});

test("where nobody knows owners, the report is told why, unless that was asked for", async ({ expect }) => {
  const nowhere = await learnt("auto");
  expect(nowhere.learning.book).toBeUndefined();
  expect(nowhere.learning.unread).toEqual([expect.stringMatching(/^owners of addresses: .*docker\.sock/)]);
  expect((await learnt("none")).learning.unread).toEqual([]);
});

test.for([
  ["kubernetes", "warning"],
  ["docker", "warning"],
  ["auto", "info"],
  ["none", "info"],
] as const)("%s, which is not here, is a matter of level %s", async ([preference, level], { expect }) => {
  const { lines } = await learnt(preference);
  expect(lines.find(({ event }) => event === "owners")?.level).toBe(level);
});

test("a book that cannot take what it is told says so once, with the report that lacks it", ({ expect }) => {
  const lines: LogLine[] = [];
  const book = new OwnerBook("docker");
  const told = complaining(book, (line) => void lines.push(line));
  book.hold("10.0.0.1", { kind: "container", name: "web" });
  told.report(WINDOW, true, () => false);
  expect(lines).toEqual([]);
  book.hold("no address", { kind: "container", name: "web" });
  told.report(WINDOW, true, () => false);
  told.report(WINDOW, true, () => false);
  expect(lines).toEqual([{ level: "warning", event: "owners-left-out", refused: 1, unreported: 0 }]);
});
