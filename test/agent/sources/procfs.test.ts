import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test as base } from "vitest";
import { openProcfs } from "../../../agent/sources/procfs.ts";
import { SourceError } from "../../../agent/sources/source.ts";
import { aRow, asRow, procfsLine, type Row } from "../../support/rows.ts";

const test = base.extend<{ folder: string }>({
  // oxlint-disable-next-line no-empty-pattern -- vitest reads the names of fixtures from the pattern
  folder: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), "procfs-"));
    await use(folder);
    await rm(folder, { recursive: true });
  },
});

const never = new AbortController().signal;

describe("the procfs source", () => {
  test("reads the file to its end and counts what it cannot read", async ({ folder, expect }) => {
    const path = join(folder, "nf_conntrack");
    await writeFile(path, `${procfsLine(aRow())}\ngarbage\n`.repeat(2_000));
    const source = await openProcfs([path]);
    const rows: Row[] = [];
    const dump = await source.dump((entry) => rows.push(asRow(entry)), never);
    expect(dump).toMatchObject({ entries: 2_000, interrupted: false, unreadable: { lines: 2_000 } });
    expect(rows.at(-1)).toEqual(aRow());
  });

  test("takes the old file where there is no new one", async ({ folder, expect }) => {
    const path = join(folder, "ip_conntrack");
    await writeFile(
      path,
      "tcp 6 9 CLOSE src=1.1.1.1 dst=2.2.2.2 sport=1 dport=2 src=2.2.2.2 dst=1.1.1.1 sport=2 dport=1 use=1\n",
    );
    const source = await openProcfs([join(folder, "nf_conntrack"), path]);
    expect(await source.dump(() => {}, never)).toMatchObject({ entries: 1, unreadable: { lines: 0 } });
  });

  test("says which module to load where there is no file", async ({ folder, expect }) => {
    const opening = openProcfs([join(folder, "nf_conntrack")]);
    await expect(opening).rejects.toBeInstanceOf(SourceError);
    await expect(opening).rejects.toMatchObject({
      message: expect.stringContaining("there is no"),
      remedy: expect.stringContaining("nf_conntrack"),
    });
  });

  test("says that root is needed where the file may not be opened", async ({ folder, expect, skip }) => {
    if (process.getuid?.() === 0) skip("root may open every file");
    const path = join(folder, "nf_conntrack");
    await writeFile(path, "");
    await chmod(path, 0);
    await expect(openProcfs([path])).rejects.toMatchObject({
      message: expect.stringContaining("EACCES"),
      remedy: expect.stringContaining("root"),
    });
  });

  test("a file that cannot be read is an error of the source, not of the agent", async ({
    folder,
    expect,
  }) => {
    const source = await openProcfs([folder]);
    await expect(source.dump(() => {}, never)).rejects.toBeInstanceOf(SourceError);
  });

  test("an abort ends the read with its own reason", async ({ folder, expect }) => {
    const path = join(folder, "nf_conntrack");
    await writeFile(path, `${procfsLine(aRow())}\n`.repeat(50_000));
    const source = await openProcfs([path]);
    const abort = new AbortController();
    const dump = source.dump(() => abort.abort(new Error("enough")), abort.signal);
    await expect(dump).rejects.toThrow("enough");
  });
});
