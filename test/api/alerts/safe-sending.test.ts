import { assert, domain, property } from "fast-check";
import { describe, test } from "vitest";
import { isGlobalAddress } from "../../../api/alerts/global-address.ts";
import { checkUrl, type HostPolicy, MAX_URL, NO_HOSTS, readHosts } from "../../../api/alerts/hosts.ts";
import { readKey, sealer } from "../../../api/alerts/sealed.ts";
import { MAX_ANSWER_BYTES, readAnswer, sendByFetch } from "../../../api/alerts/send.ts";

const SLACK = ["hooks.slack.com"];

describe("addresses of the public internet", () => {
  test.for([
    ["0.255.255.255", false],
    ["1.0.0.0", true],
    ["9.255.255.255", true],
    ["10.0.0.0", false],
    ["10.255.255.255", false],
    ["11.0.0.0", true],
    ["100.63.255.255", true],
    ["100.64.0.0", false],
    ["100.127.255.255", false],
    ["100.128.0.0", true],
    ["127.0.0.1", false],
    ["169.254.169.254", false],
    ["172.15.255.255", true],
    ["172.16.0.0", false],
    ["172.31.255.255", false],
    ["172.32.0.0", true],
    ["192.0.0.8", false],
    ["192.0.1.1", true],
    ["192.0.2.1", false],
    ["192.88.99.1", false],
    ["192.168.0.1", false],
    ["198.17.255.255", true],
    ["198.18.0.0", false],
    ["198.19.255.255", false],
    ["198.20.0.0", true],
    ["198.51.100.1", false],
    ["203.0.113.1", false],
    ["223.255.255.255", true],
    ["224.0.0.1", false],
    ["240.0.0.1", false],
    ["255.255.255.255", false],
    ["8.8.8.8", true],
    ["::", false],
    ["::1", false],
    ["::ffff:8.8.8.8", false],
    ["::ffff:127.0.0.1", false],
    ["64:ff9b::8.8.8.8", false],
    ["64:ff9b:1::1", false],
    ["100::1", false],
    ["2001::1", false],
    ["2001:1ff:ffff::1", false],
    ["2001:200::1", true],
    ["2001:db8::1", false],
    ["2002:7f00:1::1", false],
    ["2606:4700::1111", true],
    ["3fff:fff::1", false],
    ["3fff:1000::1", true],
    ["4000::1", false],
    ["5f00::1", false],
    ["fc00::1", false],
    ["fd12:3456::1", false],
    ["fe80::1", false],
    ["fec0::1", false],
    ["ff02::1", false],
    ["fe80::1%eth0", false],
    ["0x7f.1", false],
    ["2130706433", false],
    ["", false],
    ["localhost", false],
  ] as const)("%s: %s", ([address, expected], { expect }) => {
    expect(isGlobalAddress(address)).toBe(expected);
  });
});

/** Ways to write an address that is not the provider's, or not as one speaks to it. */
const ELSEWHERE = [
  "127.0.0.1",
  "2130706433",
  "0x7f000001",
  "0177.0.0.1",
  "127.1",
  "[::1]",
  "[::ffff:127.0.0.1]",
  "[::]",
  "0",
  "localhost",
  "localhost.",
  "LOCALHOST",
  "169.254.169.254",
  "metadata.google.internal",
  "[fe80::1]",

  "[fd00::1]",
  "10.0.0.1",
  "192.168.1.1",
  "100.64.0.1",
  "[2002:7f00:1::]",
  "[64:ff9b::7f00:1]",
  "①②⑦.0.0.1",
  "hooks.slack.com.evil.example",
  "evil-hooks.slack.com",
  "hooks.slack.com@evil.example",
  "slack.com",

  "hooks.slack.com:8443",
  "hooks.slack.com:80",
  "hooks.slack.com:22",
  "xhooks.slack.com",
  "hooks.slack.comx",
  "evil.example#hooks.slack.com",
  "evil.example?hooks.slack.com",
  "evil.example/hooks.slack.com",

  "evil.example\\@hooks.slack.com",
  "user:pass@hooks.slack.com",
  "user@hooks.slack.com",
  "hооks.slack.com",

  "hooks%2eslack%2ecom.evil.example",
  "hooks.slack.com%00.evil.example",
  "hooks.slack.com%0d%0a.evil.example",
];
const OTHER_SCHEMES = ["http", "ftp", "file", "gopher", "javascript", "data", "ws", "wss", "unix"];

describe("where a channel may post", () => {
  test("its provider's host, by https", ({ expect }) => {
    for (const text of [
      "https://hooks.slack.com/services/T/B/x",
      "https://hooks.slack.com:443/x",
      "HTTPS://HOOKS.SLACK.COM/x",
      "https://hooks.slack.com./x",
    ])
      expect(checkUrl(text, SLACK, NO_HOSTS), text).toMatchObject({ private: false });
  });

  test.for(ELSEWHERE)("not https://%s", (host, { expect }) => {
    const checked = checkUrl(`https://${host}/x`, SLACK, NO_HOSTS);
    expect(Object.keys(checked)).toEqual(["complaint"]);
  });

  test.for(OTHER_SCHEMES)("not %s:", (scheme, { expect }) => {
    expect(Object.keys(checkUrl(`${scheme}://hooks.slack.com/x`, SLACK, NO_HOSTS))).toEqual(["complaint"]);
  });

  test.for([
    ["chat.example.com", "https://chat.example.com/x", true],
    ["chat.example.com", "https://chat.example.com:8065/x", true],
    ["chat.example.com:8065", "https://chat.example.com/x", false],
    ["chat.example.com:8065", "https://chat.example.com:8065/x", true],
    [".example.com", "https://a.b.example.com/x", true],
    [".example.com", "https://example.com/x", false],
    [".example.com", "https://evilexample.com/x", false],
    ["example.com", "https://a.example.com/x", false],
    ["[fd00::1]:9093", "https://[fd00::1]:9093/x", true],
    ["[fd00::1]:9093", "https://[fd00::1]:9094/x", false],
    ["127.0.0.1", "https://2130706433/x", true],
  ] as const)("where the operator allows %s, %s: %s", ([host, text, expected], { expect }) => {
    const checked = checkUrl(text, [], { allowed: [host], allowPrivate: false });
    expect("url" in checked).toBe(expected);
  });

  test("plain http and private networks only where the operator says so", ({ expect }) => {
    const policy: HostPolicy = { allowed: ["chat.example.com"], allowPrivate: false };
    expect(checkUrl("http://chat.example.com/x", [], policy)).toMatchObject({
      complaint: expect.stringContaining("CONNTRAIL_ALLOW_PRIVATE_WEBHOOKS"),
    });
    expect(checkUrl("https://chat.example.com/x", [], policy)).toMatchObject({ private: false });
    const open = { ...policy, allowPrivate: true };
    expect(checkUrl("http://chat.example.com/x", [], open)).toMatchObject({ private: true });
    expect(checkUrl("https://hooks.slack.com/x", SLACK, open)).toMatchObject({ private: false });
    expect(checkUrl("http://hooks.slack.com/x", SLACK, open)).toHaveProperty("complaint");
  });

  test("an address has a longest length", ({ expect }) => {
    const address = (length: number) => "https://hooks.slack.com/".padEnd(length, "x");
    expect(checkUrl(address(MAX_URL), SLACK, NO_HOSTS)).toHaveProperty("url");
    expect(checkUrl(address(MAX_URL + 1), SLACK, NO_HOSTS)).toHaveProperty("complaint");
  });

  test("no complaint repeats the address, which is a secret", ({ expect }) => {
    assert(
      property(domain(), (host) => {
        const checked = checkUrl(`https://${host}/canary-secret`, SLACK, NO_HOSTS);
        expect(JSON.stringify(checked)).not.toContain("canary-secret");
      }),
      { numRuns: 50 },
    );
  });

  test("lists of hosts are read, or complained of", ({ expect }) => {
    expect(readHosts(" A.example , .b:1,[::1]:80,, ")).toEqual({ hosts: ["a.example", ".b:1", "[::1]:80"] });
    for (const wrong of ["https://a", "a/b", "*.a", "a b", "a:", "."])
      expect(Object.keys(readHosts(wrong)), wrong).toEqual(["complaint"]);
  });
});

describe("secrets at rest", () => {
  const key = new Uint8Array(32).fill(7);

  test("are opened by the same key for the same purpose only, and never look the same", async ({
    expect,
  }) => {
    const { seal, open } = await sealer(key);
    const [one, other] = [await seal("秘密 secret", "channel 1"), await seal("秘密 secret", "channel 1")];
    expect(one).not.toEqual(other);
    expect(new TextDecoder().decode(one)).not.toContain("secret");
    expect(await open(one, "channel 1")).toBe("秘密 secret");
    await expect(open(one, "channel 2")).rejects.toThrow("another key");
    const stranger = await sealer(new Uint8Array(32).fill(8));
    await expect(stranger.open(one, "channel 1")).rejects.toThrow("CONNTRAIL_SECRET_KEY");
  });

  test("whatever is damaged is not opened", async ({ expect }) => {
    const { seal, open } = await sealer(key);
    const sealed = await seal("secret", "x");
    for (let at = 0; at < sealed.length; at++)
      await expect(open(sealed.with(at, (sealed[at] ?? 0) ^ 1), "x")).rejects.toThrow("secret was sealed");
    await expect(open(new Uint8Array(), "x")).rejects.toThrow("another version");
    await expect(open(sealed.subarray(0, 5), "x")).rejects.toThrow("another key");
  });

  test.for([
    ["A".repeat(43) + "=", true],
    ["A".repeat(40) + "=", false],
    ["A".repeat(44), false],
    ["not base64!", false],
    ["", false],
  ] as const)("a key is 32 bytes in base64: %s", ([text, expected], { expect }) => {
    expect(readKey(text) !== undefined).toBe(expected);
  });
});

describe("answers", () => {
  const bytes = (size: number) => new TextEncoder().encode("x".repeat(size));

  test("no more is read than an answer can have", async ({ expect }) => {
    let read = 0;
    async function* endless() {
      for (; ; read++) yield bytes(1_000);
    }
    expect(await readAnswer(endless())).toHaveLength(MAX_ANSWER_BYTES);
    expect(read).toBeLessThan(70);
    expect(await readAnswer(null)).toBe("");
  });

  test("by fetch, redirects are answers and failures are told in words", async ({ expect }) => {
    const asked: [string, RequestInit | undefined][] = [];
    const send = sendByFetch(async (url, init) => {
      asked.push([(url as URL).href, init]);
      return new Response("moved", { status: 302, headers: { location: "http://169.254.169.254/" } });
    }, NO_HOSTS);
    const outgoing = { url: "https://hooks.slack.com/secret", headers: { "x-a": "b" }, body: "{}" };
    expect(await send(outgoing, SLACK)).toMatchObject({ status: 302, body: "moved" });
    expect(asked).toMatchObject([["https://hooks.slack.com/secret", { method: "POST", redirect: "manual" }]]);
    const failing = sendByFetch(() => Promise.reject(new Error("https://hooks.slack.com/secret")), NO_HOSTS);
    await expect(failing(outgoing, SLACK)).rejects.toMatchObject({
      message: "the connection failed",
      passing: true,
    });
    await expect(failing({ ...outgoing, url: "https://evil.example/" }, SLACK)).rejects.toMatchObject({
      passing: false,
    });
    expect(asked).toHaveLength(1);
  });
});
