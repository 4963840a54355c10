import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rename, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, test as base } from "vitest";
import type { LogLine } from "../../../agent/log.ts";
import {
  MAX_BYTES,
  MAX_COMPLAINTS,
  MAX_YAML_CHARACTERS,
  openFile,
  parseOwners,
  POLL_MS,
} from "../../../agent/owners/file.ts";
import { MAX_ROWS } from "../../../agent/owners/file-rows.ts";
import { OWNER_KINDS } from "../../../api/wire/owners.ts";

interface Followed {
  path: string;
  /** What the sink was told since the poll before, in words. */
  told: string[];
  log: LogLine[];
  now: number;
  isCurrent(): boolean;
  /** Begins to follow the file, or looks at it once more. */
  poll(): Promise<void>;
}

const test = base.extend<{ file: Followed }>({
  // oxlint-disable-next-line no-empty-pattern -- vitest reads the fixtures a fixture needs from its pattern
  file: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), "conntrail-owners-"));
    const stop = new AbortController();
    let running: Promise<void> | undefined;
    let wake = () => {};
    let looked = () => {};
    const file: Followed = {
      path: join(folder, "owners.yaml"),
      told: [],
      log: [],
      now: 1_000,
      isCurrent: () => source.isCurrent(),
      poll() {
        file.told.length = 0;
        const slept = new Promise<void>((done) => (looked = done));
        if (running) wake();
        else running = source.run(sink, stop.signal);
        return slept;
      },
    };
    const sink = {
      hold: (address: string, { name }: { name: string }, since?: number) =>
        file.told.push(`${name} holds ${address} since ${since ?? "?"}`),
      release: (address: string, { name }: { name: string }, until: number) =>
        file.told.push(`${name} left ${address} at ${until}`),
    };
    const source = openFile(file.path, {
      now: () => file.now,
      log: (line) => file.log.push(line),
      sleep: (ms, signal) =>
        new Promise((awake) => {
          if (ms !== POLL_MS) throw new Error(`slept ${ms} ms`);
          wake = awake;
          signal.addEventListener("abort", () => awake());
          looked();
        }),
    });
    await use(file);
    stop.abort();
    await running;
    await rm(folder, { recursive: true });
  },
});

const complaints = async (text: string) => {
  const rows = await parseOwners(text);
  return "complaints" in rows ? rows.complaints.map(({ line, complaint }) => `${line}: ${complaint}`) : [];
};
const owners = async (text: string) => {
  const rows = await parseOwners(text);
  if ("complaints" in rows) throw new Error(JSON.stringify(rows.complaints));
  return Object.fromEntries(rows.rows);
};

describe("a map of owners", () => {
  const whole = {
    kind: "pod",
    name: "web-1",
    namespace: "shop",
    workloadKind: "Deployment",
    workload: "web",
    uid: "u1",
  };

  test("may be JSON", async ({ expect }) => {
    expect(await owners(JSON.stringify({ "10.0.0.1": "printer", "10.0.0.2": whole }))).toEqual({
      "10.0.0.1": { kind: "host", name: "printer" },
      "10.0.0.2": whole,
    });
  });

  test("may be YAML, with addresses in any form", async ({ expect }) => {
    const text = `# who is who
10.0.0.1: printer
FD00:0::0001: { name: door, kind: external }
"::ffff:10.0.0.3":
  name: "42"
`;
    expect(await owners(text)).toEqual({
      "10.0.0.1": { kind: "host", name: "printer" },
      "fd00::1": { kind: "external", name: "door" },
      "::ffff:a00:3": { kind: "host", name: "42" },
    });
  });

  test("takes every kind that the wire knows", async ({ expect }) => {
    for (const kind of OWNER_KINDS)
      expect(await owners(`10.0.0.1: { name: x, kind: ${kind} }`)).toEqual({
        "10.0.0.1": { kind, name: "x" },
      });
  });

  test.for([
    ["a range", "10.0.0.1: a\n10.0.0.0/8: b\n", ['2: "10.0.0.0/8" is a range; list each address']],
    ["no address", "printer: 10.0.0.1\n", ['1: "printer" is no IPv4 or IPv6 address']],
    ["an address in two forms", "fd00::1: a\nfd00:0::1: b\n", ["2: fd00::1 is there twice"]],
    ["a key twice", "10.0.0.1: a\n10.0.0.1: b\n", ["2: 10.0.0.1 is there twice"]],
    ["a number for a name", "10.0.0.1: 42\n", ["1: 10.0.0.1: neither a name nor a map"]],
    ["nothing for a name", "10.0.0.1:\n", ["1: 10.0.0.1: neither a name nor a map"]],
    ["an empty name", '10.0.0.1: ""\n', ["1: 10.0.0.1: name is not a text of 1 to 253"]],
    ["no name", "10.0.0.1: { kind: pod }\n", ["1: 10.0.0.1: has no name"]],
    ["an unknown kind", "10.0.0.1: { name: a, kind: vm }\n", ["1: 10.0.0.1: vm is not one of pod, host"]],
    ["an unknown field", "10.0.0.1: { nmae: a }\n", ["1: 10.0.0.1: nmae is not one of kind, name"]],
    ["a list", "- 10.0.0.1\n", ["undefined: is no map of addresses"]],
    ["nothing", "", ["undefined: is no map of addresses"]],
    ["a list in JSON", "[]", ["undefined: is no map of addresses"]],
    ["a map as a key", "? {a: b}\n: c\n", ['1: "" is no IPv4']],
    ["a range in JSON", '{\n  "10.0.0.1": "a",\n  "10.0.0.0/8": "b"\n}', ['3: "10.0.0.0/8" is a range']],
    ["two things", "x: a\n10.0.0.1: 1\n", ['1: "x" is no IPv4', "2: 10.0.0.1: neither"]],
    ["broken YAML", "10.0.0.1: a\n10.0.0.2: [b\n", ["3: "]],
    ["broken JSON", '{\n "10.0.0.1": "a",\n "10.0.0.2": }x', ["3: "]],
    ["two documents", "10.0.0.1: a\n---\n10.0.0.2: b\n", ["2: "]],
  ] as const)("with %s is refused, and the line is named", async ([, text, expected], { expect }) => {
    const said = await complaints(text);
    expect(said.slice(0, expected.length)).toEqual(expected.map((words) => expect.stringContaining(words)));
    for (const [i, words] of expected.entries()) expect(said[i]!.startsWith(words)).toBe(true);
  });

  test("that unfolds into more and more of itself is refused", async ({ expect }) => {
    const bomb = ["a: &a {name: x}"];
    for (let i = 1; i < 12; i++)
      bomb.push(`${"abcdefghijkl"[i]}: &${"abcdefghijkl"[i]} [${`*${"abcdefghijkl"[i - 1]},`.repeat(9)}]`);
    expect(await complaints(bomb.join("\n"))).not.toEqual([]);
  });

  test.for([
    [253, 0],
    [254, 1],
  ] as const)("a name of %i characters: complaints %i", async ([length, count], { expect }) => {
    expect(await complaints(`10.0.0.1: ${"n".repeat(length)}`)).toHaveLength(count);
  });

  test.for([
    [MAX_ROWS, 0],
    [MAX_ROWS + 1, 1],
  ] as const)("%i addresses: complaints %i", async ([count, expected], { expect }) => {
    const map = Object.fromEntries(
      Array.from({ length: count }, (_, i) => [`10.0.${i >> 8}.${i & 255}`, "n"]),
    );
    expect(await complaints(JSON.stringify(map))).toHaveLength(expected);
  });

  test.for([
    [MAX_YAML_CHARACTERS, 0],
    [MAX_YAML_CHARACTERS + 1, 1],
  ] as const)("YAML of %i characters: complaints %i", async ([length, count], { expect }) => {
    expect(await complaints("10.0.0.1: a\n".padEnd(length, "#"))).toHaveLength(count);
  });

  test("of any text is taken or refused, and never throws", async ({ expect }) => {
    const parts = fc.constantFrom(
      "10.0.0.1",
      "fd00::1",
      ": ",
      "\n",
      "  ",
      "name",
      "{",
      "}",
      "[",
      "&a ",
      "*a",
      "- ",
      '"',
      "---",
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(parts, fc.string()), { maxLength: 20 }), async (words) => {
        const rows = await parseOwners(words.join(""));
        expect("rows" in rows || rows.complaints.length > 0).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

describe("the file", () => {
  test("is read again when it changed, and what it no longer says is let go", async ({ file, expect }) => {
    await writeFile(file.path, "10.0.0.1: a\n10.0.0.2: b\n10.0.0.3: c\n");
    await file.poll();
    expect(file.told).toEqual([
      "a holds 10.0.0.1 since ?",
      "b holds 10.0.0.2 since ?",
      "c holds 10.0.0.3 since ?",
    ]);
    await file.poll();
    expect(file.told).toEqual([]);
    file.now = 2_000;
    await writeFile(file.path, "10.0.0.1: a\n10.0.0.2: bb\n10.0.0.4: d\n");
    await file.poll();
    expect(file.told).toEqual([
      "b left 10.0.0.2 at 2000",
      "c left 10.0.0.3 at 2000",
      "a holds 10.0.0.1 since ?",
      "bb holds 10.0.0.2 since 2000",
      "d holds 10.0.0.4 since 2000",
    ]);
    expect(file.log).toEqual([
      { level: "info", event: "owners-file-read", file: file.path, addresses: 3 },
      { level: "info", event: "owners-file-read", file: file.path, addresses: 3 },
    ]);
  });

  test("holds from when it was put there, but not from before the look that found another one", async ({
    file,
    expect,
  }) => {
    await writeFile(file.path, "10.0.0.1: a\n");
    await file.poll();
    await writeFile(file.path, "10.0.0.1: b\n");
    const { ctimeMs } = await stat(file.path);
    const put = Math.floor(ctimeMs);
    file.now = put + POLL_MS;
    await file.poll();
    expect(file.told).toEqual([`a left 10.0.0.1 at ${put}`, `b holds 10.0.0.1 since ${put}`]);
    await writeFile(file.path, "10.0.0.1: c\n");
    const looked = file.now;
    file.now += POLL_MS;
    await file.poll();
    expect(file.told).toEqual([`b left 10.0.0.1 at ${looked}`, `c holds 10.0.0.1 since ${looked}`]);
  });

  test("is read again when another took its place with the same size and date", async ({ file, expect }) => {
    const date = new Date("2026-11-21T08:00:00Z");
    const write = async (path: string, name: string) => {
      await writeFile(path, `10.0.0.1: ${name}\n`);
      await utimes(path, date, date);
    };
    await write(file.path, "a");
    await file.poll();
    await write(`${file.path}.new`, "b");
    await rename(`${file.path}.new`, file.path);
    await file.poll();
    expect(file.told).toEqual(["a left 10.0.0.1 at 1000", "b holds 10.0.0.1 since 1000"]);
  });

  test("is read again when Kubernetes turns the link of a ConfigMap", async ({ file, expect }) => {
    const folder = join(file.path, "..");
    for (const name of ["a", "b"]) {
      await mkdir(join(folder, name));
      await writeFile(join(folder, name, "owners.yaml"), `10.0.0.1: ${name}\n`);
    }
    await symlink("a", join(folder, "..data"));
    await symlink("..data/owners.yaml", file.path);
    await file.poll();
    await symlink("b", join(folder, "..new"));
    await rename(join(folder, "..new"), join(folder, "..data"));
    await file.poll();
    expect(file.told).toEqual(["a left 10.0.0.1 at 1000", "b holds 10.0.0.1 since 1000"]);
  });

  test("that is broken, gone or not there yet does not say who holds an address now", async ({
    file,
    expect,
  }) => {
    const current = async (text?: string) => {
      if (text === undefined) await rm(file.path, { force: true });
      else await writeFile(file.path, text);
      await file.poll();
      return file.isCurrent();
    };
    expect(file.isCurrent()).toBe(false);
    const after: boolean[] = [];
    for (const text of [undefined, "10.0.0.1: a\n", "10.0.0.0/8: c\n", "10.0.0.1: bb\n", undefined])
      after.push(await current(text));
    expect(after).toEqual([false, true, false, true, false]);
  });

  test("that is broken or gone leaves what it said last, and is complained about once", async ({
    file,
    expect,
  }) => {
    await writeFile(file.path, "10.0.0.1: a\n");
    await file.poll();
    file.log.length = 0;
    await writeFile(file.path, "10.0.0.1: b\n10.0.0.0/8: c\n");
    await file.poll();
    expect(file.told).toEqual([]);
    await file.poll();
    expect(file.log).toMatchObject([
      { level: "warning", event: "owners-file-refused", file: file.path, line: 2 },
    ]);
    await rm(file.path);
    await file.poll();
    await file.poll();
    expect(file.told).toEqual([]);
    expect(file.log.slice(1)).toMatchObject([{ level: "warning", complaint: "cannot be read (ENOENT)" }]);
    await writeFile(file.path, "10.0.0.1: b\n");
    await file.poll();
    expect(file.told).toEqual(["a left 10.0.0.1 at 1000", "b holds 10.0.0.1 since 1000"]);
  });

  test.for(["pipe", "device", "folder"] as const)(
    "that is a %s is not opened, and complained about once",
    async (kind, { file, expect }) => {
      if (kind === "pipe") execFileSync("mkfifo", [file.path]);
      else if (kind === "device") await symlink("/dev/zero", file.path);
      else await mkdir(file.path);
      await file.poll();
      await file.poll();
      expect(file.log).toEqual([
        expect.objectContaining({
          event: "owners-file-refused",
          complaint: "is no regular file; name one, or a link to one",
        }),
      ]);
      await rm(file.path, { recursive: true });
      await writeFile(`${file.path}.there`, "10.0.0.1: a\n");
      await symlink(`${file.path}.there`, file.path);
      await file.poll();
      expect(file.told).toEqual(["a holds 10.0.0.1 since ?"]);
    },
  );

  test("that comes later is read when it is there", async ({ file, expect }) => {
    await file.poll();
    await writeFile(file.path, '{"10.0.0.1": "a"}');
    await file.poll();
    expect(file.told).toEqual(["a holds 10.0.0.1 since ?"]);
  });

  test.for([
    [MAX_COMPLAINTS, MAX_COMPLAINTS],
    [MAX_COMPLAINTS + 5, MAX_COMPLAINTS + 1],
  ] as const)("with %i faults makes %i lines in the log", async ([faults, lines], { file, expect }) => {
    await writeFile(file.path, Array.from({ length: faults }, (_, i) => `x${i}: a\n`).join(""));
    await file.poll();
    expect(file.log).toHaveLength(lines);
    if (faults > MAX_COMPLAINTS) expect(file.log.at(-1)).toMatchObject({ complaint: "and 5 more" });
  });

  test.for([
    [MAX_BYTES, 1],
    [MAX_BYTES + 1, 0],
  ] as const)("of %i bytes gives %i owners", async ([bytes, count], { file, expect }) => {
    await writeFile(file.path, '{"10.0.0.1": "a"}'.padEnd(bytes));
    await file.poll();
    expect(file.told).toHaveLength(count);
  });
});
