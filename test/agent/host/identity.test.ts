import type { NetworkInterfaceInfo } from "node:os";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "vitest";
import { nodeAddresses, readIdentity } from "../../../agent/host/identity.ts";

const at = (address: string, internal = false) => ({ address, internal }) as NetworkInterfaceInfo;

test("a node's addresses are those others can see it by, each once", ({ expect }) => {
  const interfaces = {
    lo: [at("127.0.0.1", true), at("::1", true)],
    eth0: [at("192.168.50.10"), at("fd00:50::10"), at("fe80::1")],
    "cni-a": [at("10.244.0.1")],
    "cni-b": [at("10.244.0.1")],
  };
  expect(nodeAddresses(interfaces)).toEqual(["192.168.50.10", "fd00:50::10", "10.244.0.1"]);
});

test.for([256, 257])("of %i addresses 256 are reported", (count, { expect }) => {
  const many = Array.from({ length: count }, (_, n) => at(`10.0.${n >> 8}.${n & 255}`));
  expect(nodeAddresses({ eth0: many })).toHaveLength(256);
});

test("the agent's version is the package's", async ({ expect }) => {
  const path = join(import.meta.dirname, "../../../package.json");
  const manifest = JSON.parse(await readFile(path, "utf8")) as { version: string };
  expect((await readIdentity("node-1")).agent).toBe(manifest.version);
});
