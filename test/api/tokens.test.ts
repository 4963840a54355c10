import { test } from "vitest";
import { hashToken, mintToken, sameHash, tokenId } from "../../api/tokens.ts";

test("a token says its scope and id, and hides 256 random bits", async ({ expect }) => {
  const { id, token } = mintToken("read");
  expect(token).toMatch(/^ctk_read_[0-9a-f]{16}_[\w-]{43}$/);
  expect(tokenId(token)).toBe(id);
});

test("no two tokens are alike", async ({ expect }) => {
  const tokens = Array.from({ length: 100 }, () => mintToken("ingest"));
  expect(new Set(tokens.map(({ id }) => id)).size).toBe(100);
  expect(new Set(tokens.map(({ token }) => token.slice(-43))).size).toBe(100);
});

test("what is stored is the SHA-256 of the whole token", async ({ expect }) => {
  expect(hashToken("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const { token, hash } = mintToken("admin");
  expect(hashToken(token)).toBe(hash);
});

test.for([
  "",
  "ctk",
  "ctk_read__",
  `ctk_root_0123456789abcdef_${"A".repeat(43)}`,
  `ctk_read_0123456789ABCDEF_${"A".repeat(43)}`,
  `ctk_read_0123456789abcdef_${"A".repeat(42)}`,
  `ctk_read_0123456789abcdef_${"A".repeat(44)}`,
  ` ctk_read_0123456789abcdef_${"A".repeat(43)}`,
])("%j is no token of ours", (text, { expect }) => {
  expect(tokenId(text)).toBe(undefined);
});

test.for([
  { one: "ab", other: "ab", same: true },
  { one: "ab", other: "aB", same: false },
  { one: "ab", other: "bb", same: false },
  { one: "ab", other: "abc", same: false },
  { one: "", other: "a", same: false },
])("$one and $other are the same hash: $same", ({ one, other, same }, { expect }) => {
  expect(sameHash(one, other)).toBe(same);
});
