import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, onTestFinished, test } from "vitest";
import { eventsMode } from "../../../agent/host/events-mode.ts";

/** A procfs with that content in nf_conntrack_events; without, the folder alone. */
async function proc(content?: string): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), "conntrail-events-mode-"));
  onTestFinished(() => rm(root, { recursive: true }));
  const folder = join(root, "sys/net/netfilter");
  await mkdir(folder, { recursive: true });
  if (content !== undefined) await writeFile(join(folder, "nf_conntrack_events"), content);
  return root;
}

describe("the events mode of a kernel", () => {
  test.for([
    ["0\n", "off", false, /events=0\): flows that begin and end between .* Set it to 2 or 1/],
    ["2\n", "listening", true, /began while nobody listened.*events=2\)\. Set it to 1/],
    ["3\n", "unknown", true, /not known/],
    ["", "unknown", true, /not known/],
    [undefined, "absent", false, /CONFIG_NF_CONNTRACK_EVENTS.*: flows that begin and end between/],
  ] as const)("%j is %s", async ([content, setting, reported, sentence], { expect }) => {
    const mode = await eventsMode(await proc(content));
    expect(mode).toEqual({ setting, reported, blind: [expect.stringMatching(sentence)] });
  });

  test("1 leaves nothing unseen", async ({ expect }) => {
    expect(await eventsMode(await proc("1\n"))).toEqual({ setting: "all", reported: true, blind: [] });
  });

  test("a setting that cannot be read, as a folder in its place, is unknown and worth a try", async ({
    expect,
  }) => {
    const root = await proc();
    await mkdir(join(root, "sys/net/netfilter/nf_conntrack_events"));
    expect(await eventsMode(root)).toMatchObject({ setting: "unknown", reported: true });
  });
});
