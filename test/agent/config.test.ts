import { test } from "vitest";
import { type Config, loadConfig } from "../../agent/config.ts";

const where = { CONNTRAIL_URL: "https://conntrail.example", CONNTRAIL_TOKEN: "ctk_x" };
const load = (env: Record<string, string>, once = false) => loadConfig(env, { hostname: "node-1", once });
const config = (env: Record<string, string>) => (load(env) as { config: Config }).config;
const complaints = (env: Record<string, string>, once = false) =>
  (load(env, once) as { complaints: string[] }).complaints;

const DEFAULTS = {
  node: "node-1",
  intervalMs: 30_000,
  source: "auto",
  events: "on",
  cpuBudget: 0.02,
  leases: "full",
  owners: "auto",
};

test("the defaults serve a first user", ({ expect }) => {
  expect(config(where)).toEqual({
    ...DEFAULTS,
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
  expect(load({}, true)).toEqual({ config: DEFAULTS });
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

test.for(["admin", "read"])("a token of scope %s is refused without being shown", (scope, { expect }) => {
  const all = complaints({ ...where, CONNTRAIL_TOKEN: `ctk_${scope}_0123_secret` });
  expect(all).toEqual([expect.stringMatching(`CONNTRAIL_TOKEN has scope ${scope}.* scope ingest`)]);
  expect(all.join()).not.toContain("secret");
});

test.for(["ctk_ingest_0123_x", "ctk_reader", "my_ctk_read_token"])(
  "the token %s is taken",
  (token, { expect }) => {
    expect(config({ ...where, CONNTRAIL_TOKEN: token }).target?.token).toBe(token);
  },
);

test.for([
  [253, 0],
  [254, 1],
])("a node name of %i characters draws %i complaints", ([length, count], { expect }) => {
  const loaded = load({ ...where, CONNTRAIL_NODE: "n".repeat(length!) });
  expect("complaints" in loaded ? loaded.complaints.length : 0).toBe(count);
});

test.for([
  ["0.1%", 0.001],
  ["2%", 0.02],
  ["12.5%", 0.125],
  ["100%", 1],
] as const)("a CPU budget of %s is %d of a core", ([text, share], { expect }) => {
  expect(config({ ...where, CONNTRAIL_CPU_BUDGET: text }).cpuBudget).toBeCloseTo(share, 9);
});

test.for(["0%", "0.09%", "101%", "2", "-2%", "2 %", "1e1%", "NaN%"])(
  "a CPU budget of %s is refused with what is allowed",
  (text, { expect }) => {
    const refused = complaints({ ...where, CONNTRAIL_CPU_BUDGET: text });
    expect(refused).toEqual([expect.stringMatching(/CPU_BUDGET .* 0\.1% to 100%/)]);
  },
);

test.for([
  ["CONNTRAIL_EVENTS", "events", ["on", "updates", "off"]],
  ["CONNTRAIL_LEASES", "leases", ["full", "keyframes", "off"]],
  ["CONNTRAIL_OWNERS", "owners", ["auto", "kubernetes", "docker", "none", "file:/etc/owners.yaml"]],
] as const)("%s takes its words and refuses others with all of them", ([name, key, words], { expect }) => {
  for (const word of words) expect(config({ ...where, [name]: word })[key]).toBe(word);
  expect(complaints({ ...where, [name]: "everything" })).toEqual([
    expect.stringMatching(new RegExp(`^${name} is "everything".*${words[1]}`)),
  ]);
});

test("a file of owners needs a path", ({ expect }) => {
  expect(complaints({ ...where, CONNTRAIL_OWNERS: "file:" })).toEqual([
    expect.stringMatching(/file: and a path/),
  ]);
});

test("reports wait in the folder that is given", ({ expect }) => {
  expect(config({ ...where, CONNTRAIL_SPOOL: "/var/lib/conntrail" }).spool).toBe("/var/lib/conntrail");
});
