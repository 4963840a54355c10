import { test } from "vitest";
import { type Config, loadConfig } from "../../agent/config.ts";

const where = { CONNTRAIL_URL: "https://conntrail.example", CONNTRAIL_TOKEN: "ctk_x" };
const load = (env: Record<string, string>, once = false) => loadConfig(env, { hostname: "node-1", once });
const config = (env: Record<string, string>) => (load(env) as { config: Config }).config;
const complaints = (env: Record<string, string>, once = false) =>
  (load(env, once) as { complaints: string[] }).complaints;

test("the defaults serve a first user", ({ expect }) => {
  expect(config(where)).toEqual({
    node: "node-1",
    intervalMs: 30_000,
    source: "auto",
    target: { url: "https://conntrail.example", token: "ctk_x" },
  });
});

test.for([
  ["5s", 5_000],
  ["300s", 300_000],
  ["5m", 300_000],
  ["1m", 60_000],
] as const)("an interval of %s is %i ms", ([text, ms], { expect }) => {
  expect(config({ ...where, CONNTRAIL_INTERVAL: text }).intervalMs).toBe(ms);
});

test.for(["4s", "301s", "6m", "30", "0s", "-5s", "1h", "5 s", "abc", "1e3s", "00005555s"])(
  "an interval of %s is refused with what is allowed",
  (text, { expect }) => {
    expect(complaints({ ...where, CONNTRAIL_INTERVAL: text })).toEqual([expect.stringMatching(/5s to 300s/)]);
  },
);

test("every complaint comes at once", ({ expect }) => {
  const all = complaints({ CONNTRAIL_INTERVAL: "1s", CONNTRAIL_SOURCE: "ebpf", CONNTRAIL_URL: "ftp://x" });
  expect(all.map((text) => text.split(" ")[0])).toEqual([
    "CONNTRAIL_INTERVAL",
    "CONNTRAIL_SOURCE",
    "CONNTRAIL_URL",
    "CONNTRAIL_TOKEN",
  ]);
});

test("reading once needs no server", ({ expect }) => {
  expect(load({}, true)).toEqual({ config: { node: "node-1", intervalMs: 30_000, source: "auto" } });
});

test.for([
  "http://user:hunter2@h",
  "http://:hunter2@h",
  "http://h/?key=hunter2",
  "http://h/#hunter2",
  "hunter2",
])("%s is no address to add paths to, and is not repeated", (url, { expect }) => {
  const all = complaints({ ...where, CONNTRAIL_URL: url });
  expect([all.length, all.join().includes("hunter2")]).toEqual([1, false]);
});

test.for([" ", "a\nb", "\u001b[31mred"])("the node name %j is refused", (name, { expect }) => {
  expect(complaints({ ...where, CONNTRAIL_NODE: name })).toEqual([expect.stringContaining("CONNTRAIL_NODE")]);
});

test("a path below which the API lives is kept and its last slash is not", ({ expect }) => {
  expect(config({ ...where, CONNTRAIL_URL: "http://h:1/conntrail/" }).target?.url).toBe(
    "http://h:1/conntrail",
  );
});

test("a token with a line end is refused without being shown", ({ expect }) => {
  const all = complaints({ ...where, CONNTRAIL_TOKEN: "secret\n" });
  expect([all.length, all.join().includes("secret")]).toEqual([1, false]);
});

test.for([
  [253, 0],
  [254, 1],
])("a node name of %i characters draws %i complaints", ([length, count], { expect }) => {
  const loaded = load({ ...where, CONNTRAIL_NODE: "n".repeat(length!) });
  expect("complaints" in loaded ? loaded.complaints.length : 0).toBe(count);
});
