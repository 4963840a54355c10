import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test as base } from "vitest";
import { openConntrack } from "../../../agent/sources/conntrack-cli.ts";

/** A command that answers the probe as the real one does, and a listing with the given shell lines. */
const test = base.extend<{ command: (listing: string, probe?: string) => Promise<string> }>({
  // oxlint-disable-next-line no-empty-pattern -- vitest reads the names of fixtures from the pattern
  command: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), "conntrack-"));
    await use(
      async (
        listing,
        probe = `echo "${PREFIX} Operation failed: such conntrack doesn't exist" >&2; exit 1`,
      ) => {
        const path = join(folder, "conntrack");
        await writeFile(path, `#!/bin/sh\nif [ "$1" = -G ]; then ${probe}; fi\n${listing}\n`, {
          mode: 0o755,
        });
        return path;
      },
    );
    await rm(folder, { recursive: true });
  },
});

const PREFIX = "conntrack v1.4.7 (conntrack-tools):";
const never = new AbortController().signal;
const FLOW =
  "tcp 6 9 CLOSE src=1.1.1.1 dst=2.2.2.2 sport=1 dport=2 src=2.2.2.2 dst=1.1.1.1 sport=2 dport=1 use=1";

describe("the conntrack command as a source", () => {
  test("lists each family once and counts what cannot be read", async ({ command, expect }) => {
    const source = await openConntrack(
      await command(`echo "${FLOW}"; echo "$@"; echo "${PREFIX} 1 shown" >&2`),
    );
    expect(await source.dump(() => {}, never)).toEqual({
      entries: 2,
      interrupted: false,
      unreadable: { lines: 2, samples: ["-L -f ipv4 -o extended", "-L -f ipv6 -o extended"] },
    });
  });

  test("a command that is not there says which package has it", async ({ expect }) => {
    await expect(openConntrack("/nowhere/conntrack")).rejects.toMatchObject({
      name: "SourceError",
      message: expect.stringContaining("not installed"),
      remedy: expect.stringContaining("package conntrack"),
    });
  });

  test("a command that is not let in says which capability it lacks", async ({ command, expect }) => {
    const denied = `echo "${PREFIX} Operation failed: sorry, you must be root or get CAP_NET_ADMIN capability to do this" >&2; exit 1`;
    await expect(openConntrack(await command("", denied))).rejects.toMatchObject({
      name: "SourceError",
      message: expect.stringContaining("sorry, you must be root"),
      remedy: expect.stringContaining("CAP_NET_ADMIN"),
    });
  });

  test("a listing that fails midway is an error with the command's words", async ({ command, expect }) => {
    const source = await openConntrack(
      await command(`echo "${FLOW}"; echo "${PREFIX} Operation failed: odd" >&2; exit 3`),
    );
    await expect(source.dump(() => {}, never)).rejects.toMatchObject({
      name: "SourceError",
      message: "the conntrack command failed (3): Operation failed: odd",
    });
  });

  test("a command killed from outside is an error", async ({ command, expect }) => {
    const source = await openConntrack(await command(`echo "${FLOW}"; kill -9 $$`));
    await expect(source.dump(() => {}, never)).rejects.toMatchObject({
      message: expect.stringContaining("SIGKILL"),
    });
  });

  test("an abort ends a listing that would not end, with the abort's own reason", async ({
    command,
    expect,
  }) => {
    const source = await openConntrack(await command(`while :; do echo "${FLOW}"; done`));
    const abort = new AbortController();
    const dump = source.dump(() => abort.abort(new Error("enough")), abort.signal);
    await expect(dump).rejects.toThrow("enough");
  });
});
