import { freshDb } from "#fresh-db";
import { test } from "vitest";
import {
  deleteToken,
  insertToken,
  listTokens,
  tokenById,
  tokenReader,
  touchToken,
} from "../../db/queries/tokens.ts";
import type { TokenRow } from "../../db/queries/tokens.ts";
import { aCluster } from "../support/stored-report.ts";

const aToken = (token: Partial<TokenRow> = {}): TokenRow => ({
  id: "a1",
  clusterId: null,
  scope: "read",
  label: null,
  hash: "c0ffee",
  createdAt: 7,
  expiresAt: null,
  ...token,
});

test("a token is found by its id, with the name of its cluster", async ({ expect }) => {
  const db = await freshDb();
  const clusterId = await aCluster(db, "prod");
  const token = aToken({ clusterId, scope: "ingest", label: "it's \u{1F4A9}", expiresAt: 99 });
  await insertToken(db, token);
  expect(await tokenById(db, "a1")).toEqual({ ...token, cluster: "prod", lastUsedAt: null });
});

test("a token of no cluster is good for all", async ({ expect }) => {
  const db = await freshDb();
  await insertToken(db, aToken({ scope: "admin" }));
  expect(await tokenById(db, "a1")).toEqual({
    ...aToken({ scope: "admin" }),
    cluster: null,
    lastUsedAt: null,
  });
});

test.for(["a", "A1", "a1 ", "%", "a1' or '1'='1", "a1\0", ""])(
  "%j finds nobody's token",
  async (id, { expect }) => {
    const db = await freshDb();
    await insertToken(db, aToken());
    expect(await tokenById(db, id)).toBeUndefined();
  },
);

test("an id is given once", async ({ expect }) => {
  const db = await freshDb();
  await insertToken(db, aToken());
  await expect(insertToken(db, aToken({ hash: "other" }))).rejects.toThrow();
  expect((await tokenById(db, "a1"))?.hash).toBe("c0ffee");
});

test("tokens are listed in pages, without what could betray them", async ({ expect }) => {
  const db = await freshDb();
  for (const id of ["c", "a", "b"]) await insertToken(db, aToken({ id }));
  const pages = [await listTokens(db, { limit: 2 }), await listTokens(db, { after: "b", limit: 2 })];
  expect(pages.map((page) => page.map(({ id }) => id))).toEqual([["a", "b"], ["c"]]);
  expect(JSON.stringify(pages)).not.toContain("c0ffee");
});

test("a deleted token is gone", async ({ expect }) => {
  const db = await freshDb();
  await insertToken(db, aToken());
  expect(await deleteToken(db, "a1")).toBe(true);
  expect(await deleteToken(db, "a1")).toBe(false);
  expect(await tokenById(db, "a1")).toBeUndefined();
});

test("a touched token knows when it was used", async ({ expect }) => {
  const db = await freshDb();
  for (const id of ["a1", "a2"]) await insertToken(db, aToken({ id }));
  await touchToken(db, "a1", 1234);
  expect([(await tokenById(db, "a1"))?.lastUsedAt, (await tokenById(db, "a2"))?.lastUsedAt]).toEqual([
    1234,
    null,
  ]);
});

test("look-ups at the same time share one seek, each token its own", async ({ expect }) => {
  const db = await freshDb();
  await insertToken(db, aToken());
  await insertToken(db, aToken({ id: "b2" }));
  let seeks = 0;
  const counting = new Proxy(db, {
    get: (target, name) => {
      seeks += name === "all" ? 1 : 0;
      return Reflect.get(target, name, target) as unknown;
    },
  });
  const find = tokenReader(counting);
  const found = await Promise.all(["a1", "b2", "a1", "no", "a1"].map(find));
  expect([found.map((token) => token?.id), seeks]).toEqual([["a1", "b2", "a1", undefined, "a1"], 3]);
});

test("a token that was revoked is not found by a look-up that begins after it", async ({ expect }) => {
  const db = await freshDb();
  await insertToken(db, aToken());
  const find = tokenReader(db);
  await find("a1");
  await deleteToken(db, "a1");
  expect(await find("a1")).toBeUndefined();
});
