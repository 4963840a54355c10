import { test } from "vitest";
import { databaseFile, loadConfig } from "../../../api/node/config.ts";
import { greeting } from "../../../api/node/greeting.ts";

test("without any setting there is a local service on a file", ({ expect }) => {
  expect(loadConfig({ CONNTRAIL_ADMIN_TOKEN: "" })).toEqual({
    config: { host: "127.0.0.1", port: 8787, databaseUrl: "file:data/conntrail.db" },
  });
});

test("every setting is taken", ({ expect }) => {
  const env = {
    CONNTRAIL_HOST: "::",
    CONNTRAIL_PORT: "0",
    CONNTRAIL_DATABASE_URL: "libsql://example.turso.io",
    CONNTRAIL_DATABASE_TOKEN: "token",
    CONNTRAIL_ADMIN_TOKEN: "a".repeat(32),
  };
  expect(loadConfig(env)).toEqual({
    config: {
      host: "::",
      port: 0,
      databaseUrl: "libsql://example.turso.io",
      databaseToken: "token",
      adminToken: "a".repeat(32),
    },
  });
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

test("a service that listens everywhere says so", ({ expect }) => {
  const said = greeting({ url: "http://127.0.0.1:8787", everywhere: true }, { configured: true });
  expect(said).toContain("on every other address of this machine, without encryption");
});
