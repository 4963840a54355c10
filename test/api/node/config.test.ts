import { test } from "vitest";
import { databaseFile, loadConfig } from "../../../api/node/config.ts";
import { greeting } from "../../../api/node/greeting.ts";
import { DEFAULT_RETENTION } from "../../../db/tiers.ts";

test("without any setting there is a local service on a file", ({ expect }) => {
  expect(loadConfig({ CONNTRAIL_ADMIN_TOKEN: "" })).toEqual({
    config: {
      host: "127.0.0.1",
      port: 8787,
      databaseUrl: "file:data/conntrail.db",
      tickMs: 10_000,
      retention: DEFAULT_RETENTION,
      alerting: { hosts: { allowed: [], allowPrivate: false } },
    },
  });
});

test("every setting is taken", ({ expect }) => {
  const env = {
    CONNTRAIL_HOST: "::",
    CONNTRAIL_PORT: "0",
    CONNTRAIL_DATABASE_URL: "libsql://example.turso.io",
    CONNTRAIL_DATABASE_TOKEN: "token",
    CONNTRAIL_ADMIN_TOKEN: "a".repeat(32),
    CONNTRAIL_TICK: "1m",
    CONNTRAIL_KEEP_WINDOWS: "1h",
    CONNTRAIL_KEEP_MINUTES: "90m",
    CONNTRAIL_KEEP_TEN_MINUTES: "2h",
    CONNTRAIL_KEEP_HOURS: "399d",
    CONNTRAIL_KEEP_DAYS: "400d",
    CONNTRAIL_PUBLIC_URL: "https://conntrail.example.com/",
    CONNTRAIL_WEBHOOK_HOSTS: "chat.example.com, .corp.example:8443",
    CONNTRAIL_ALLOW_PRIVATE_WEBHOOKS: "1",
    CONNTRAIL_SECRET_KEY: btoa("k".repeat(32)),
  };
  expect(loadConfig(env)).toEqual({
    config: {
      host: "::",
      port: 0,
      databaseUrl: "libsql://example.turso.io",
      databaseToken: "token",
      adminToken: "a".repeat(32),
      tickMs: 60_000,
      retention: { 0: 3_600_000, 1: 5_400_000, 2: 7_200_000, 3: 399 * 86_400_000, 4: 400 * 86_400_000 },
      alerting: {
        publicUrl: "https://conntrail.example.com",
        hosts: { allowed: ["chat.example.com", ".corp.example:8443"], allowPrivate: true },
        secretKey: new TextEncoder().encode("k".repeat(32)),
      },
    },
  });
});

test.for([
  ["0s", false],
  ["1s", true],
  ["10m", true],
  ["601s", false],
  ["10", false],
])("a tick of %s is taken: %s", ([text, accepted], { expect }) => {
  const loaded = loadConfig({ CONNTRAIL_TICK: String(text) });
  expect("config" in loaded).toBe(accepted);
});

test.for([
  ["CONNTRAIL_KEEP_WINDOWS", { CONNTRAIL_KEEP_WINDOWS: "59m" }],
  ["CONNTRAIL_KEEP_WINDOWS", { CONNTRAIL_KEEP_WINDOWS: "401d", CONNTRAIL_KEEP_TEN_MINUTES: "401d" }],
  ["CONNTRAIL_KEEP_MINUTES", { CONNTRAIL_KEEP_MINUTES: "2 days" }],
  // An hour is folded from ten minutes, and reports of 72 hours ago are taken.
  ["CONNTRAIL_KEEP_TEN_MINUTES", { CONNTRAIL_KEEP_TEN_MINUTES: "72h" }],
  ["CONNTRAIL_KEEP_TEN_MINUTES", { CONNTRAIL_KEEP_WINDOWS: "2h", CONNTRAIL_KEEP_TEN_MINUTES: "2h" }],
  ["CONNTRAIL_KEEP_HOURS", { CONNTRAIL_KEEP_HOURS: "335h" }],
  ["CONNTRAIL_KEEP_DAYS", { CONNTRAIL_KEEP_DAYS: "399d" }],
] as const)("%s is complained of in %j", ([name, env], { expect }) => {
  expect(loadConfig(env)).toEqual({
    complaints: expect.arrayContaining([expect.stringContaining(name)]),
  });
});

test.for([
  { CONNTRAIL_KEEP_TEN_MINUTES: "73h" },
  { CONNTRAIL_KEEP_WINDOWS: "2h", CONNTRAIL_KEEP_TEN_MINUTES: "3h" },
  { CONNTRAIL_KEEP_HOURS: "336h" },
  { CONNTRAIL_KEEP_HOURS: "336h", CONNTRAIL_KEEP_DAYS: "336h" },
  { CONNTRAIL_KEEP_MINUTES: "1h" },
])("%j is taken", (env, { expect }) => {
  expect(loadConfig(env)).toHaveProperty("config");
});

test("every complaint comes at once, and none shows the token", ({ expect }) => {
  const token = "canary-that-is-too-short";
  const loaded = loadConfig({
    CONNTRAIL_PORT: "http",
    CONNTRAIL_DATABASE_URL: "postgres://x",
    CONNTRAIL_ADMIN_TOKEN: token,
  });
  expect(loaded).toEqual({
    complaints: [
      expect.stringContaining("CONNTRAIL_PORT"),
      expect.stringContaining("CONNTRAIL_DATABASE_URL"),
      expect.stringContaining("CONNTRAIL_ADMIN_TOKEN has 24 characters"),
    ],
  });
  expect(JSON.stringify(loaded)).not.toContain(token);
});

test.for(["65536", "-1", "1e3", " ", "8787x"])("%j is no port", (text, { expect }) => {
  expect(loadConfig({ CONNTRAIL_PORT: text })).toHaveProperty("complaints");
});

test.for([
  { token: "a".repeat(31), accepted: false },
  { token: "a".repeat(32), accepted: true },
  { token: `${"a".repeat(32)} b`, accepted: false },
])("an admin token $token is taken: $accepted", ({ token, accepted }, { expect }) => {
  expect("config" in loadConfig({ CONNTRAIL_ADMIN_TOKEN: token })).toBe(accepted);
});

test.for([
  { databaseUrl: "file:data/conntrail.db", path: "data/conntrail.db" },
  { databaseUrl: "file:/var/lib/a%20b.db?mode=rw", path: "/var/lib/a b.db" },
  { databaseUrl: "file:///var/lib/c.db", path: "/var/lib/c.db" },
  { databaseUrl: "https://example.com", path: "data/conntrail.db" },
])("what goes beside the database of $databaseUrl goes beside $path", ({ databaseUrl, path }, { expect }) => {
  expect(databaseFile({ databaseUrl })).toBe(path);
});

test("the greeting shows a new admin token once, and a known one never", ({ expect }) => {
  const url = "http://127.0.0.1:8787";
  expect(greeting({ url, everywhere: false }, { token: "ctk_new", configured: false })).toContain(
    "TOKEN=ctk_new\n",
  );
  expect(greeting({ url, everywhere: false }, { configured: false })).toContain("To make another");
  expect(greeting({ url, everywhere: false }, { configured: true })).toContain(
    "CONNTRAIL_ADMIN_TOKEN as $TOKEN",
  );
});

test("who may ask without a token is told where names come from", ({ expect }) => {
  const where = { url: "http://127.0.0.1:8787", everywhere: false };
  const said = greeting(where, { configured: true, command: "npx conntrail top" });
  expect(said).toMatch(/ {2}npx conntrail top\n[^]*CONNTRAIL_OWNERS=file:PATH npm start[^]*--by address/);
  expect(greeting(where, { configured: true })).not.toContain("CONNTRAIL_OWNERS");
});

test("a service that listens everywhere says so", ({ expect }) => {
  const said = greeting({ url: "http://127.0.0.1:8787", everywhere: true }, { configured: true });
  expect(said).toContain("on every other address of this machine, without encryption");
});
