import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test as base } from "vitest";
import { readGauges } from "../../../agent/host/gauges.ts";

const test = base.extend<{ proc: string }>({
  // oxlint-disable-next-line no-empty-pattern -- vitest reads the fixtures a fixture needs from its pattern
  proc: async ({}, use) => {
    const proc = await mkdtemp(join(tmpdir(), "conntrail-proc-"));
    await mkdir(join(proc, "sys/net/netfilter"), { recursive: true });
    await use(proc);
    await rm(proc, { recursive: true });
  },
});

const write = (proc: string, name: string, text: string) =>
  writeFile(join(proc, "sys/net/netfilter", name), text);

test("fill, limit and buckets are read", async ({ proc, expect }) => {
  await write(proc, "nf_conntrack_count", "1234\n");
  await write(proc, "nf_conntrack_max", "262144\n");
  await write(proc, "nf_conntrack_buckets", "65536\n");
  expect(await readGauges(proc)).toEqual({ count: 1234, max: 262_144, buckets: 65_536 });
});

test("what is not there or no number is absent, not 0", async ({ proc, expect }) => {
  await write(proc, "nf_conntrack_count", "0\n");
  await write(proc, "nf_conntrack_max", "many\n");
  expect(await readGauges(proc)).toEqual({ count: 0 });
});

test("a kernel without conntrack gives nothing", async ({ proc, expect }) => {
  expect(await readGauges(join(proc, "nowhere"))).toEqual({});
});
