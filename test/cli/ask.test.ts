import { test } from "vitest";
import { conntrail, json } from "./world.ts";

const answer = json({ clusters: [] });
const LOCAL = { "/there/data/local-read.token": "local-secret\n" };
const problem = (status: number, detail: string) => json({ detail }, status);

test.for([
  { what: "a variable", line: "clusters", env: { CONNTRAIL_TOKEN: " secret\n" }, sent: "Bearer secret" },
  {
    what: "a file",
    line: "clusters --token-file t",
    env: { CONNTRAIL_TOKEN: "other" },
    sent: "Bearer of-file",
  },
  { what: "the service of this machine", line: "clusters", env: {}, sent: "Bearer local-secret" },
  { what: "it by another name", line: "clusters --url http://[::1]:1", env: {}, sent: "Bearer local-secret" },
  {
    what: "it by its name",
    line: "clusters",
    env: { CONNTRAIL_URL: "http://localhost:1/" },
    sent: "Bearer local-secret",
  },
  {
    what: "nobody for another machine",
    line: "clusters --url https://127.0.0.1.example.com",
    env: {},
    sent: undefined,
  },
])("the token is of $what", async ({ line, env, sent }, { expect }) => {
  const files = { ...LOCAL, t: "of-file\n" };
  const { asked } = await conntrail(line, { env, files, answer });
  expect(asked.map(({ headers }) => headers["authorization"])).toEqual([sent]);
});

test("the service is the one of the option, of the variable, or that of npm start", async ({ expect }) => {
  const env = { CONNTRAIL_URL: "https://c.example.com/base//" };
  const url = async (line: string, env = {}) => (await conntrail(line, { env, answer })).asked[0]?.url;
  expect(await url("clusters")).toBe("http://127.0.0.1:8787/v1/clusters?limit=500");
  expect(await url("clusters", env)).toBe("https://c.example.com/base/v1/clusters?limit=500");
  expect(await url("clusters --url http://d:1", env)).toBe("http://d:1/v1/clusters?limit=500");
});

test.for(["d:1", "ftp://d", "http://u:canary@d", "http://d?token=canary", "nonsense"])(
  "%s is no address of a service, and is not repeated",
  async (url, { expect }) => {
    const { code, err, asked } = await conntrail("clusters", { env: { CONNTRAIL_URL: url } });
    expect([code, asked]).toEqual([2, []]);
    expect(err).toContain("CONNTRAIL_URL must be");
    expect(err).not.toContain("canary");
    expect((await conntrail(`clusters --url ${url}`)).err).toContain("--url must be");
  },
);

test("a token that is in no file, or is none, is said so", async ({ expect }) => {
  const files = { empty: " \n", spaced: "a b" };
  const err = async (path: string) =>
    (await conntrail(`clusters --token-file ${path}`, { files, answer })).err;
  expect(await err("nowhere")).toContain("nowhere cannot be read (ENOENT)");
  expect(await err("empty")).toContain("empty holds no token");
  expect(await err("spaced")).toContain("characters no token has");
});

test("nobody listening: what to start, and where it is said to be", async ({ expect }) => {
  const { code, err } = await conntrail("clusters");
  expect(code).toBe(2);
  expect(err).toMatch(/^http:\/\/127\.0\.0\.1:8787: nothing listens there\. npm start .*CONNTRAIL_URL/);
});

test.for([
  [{ cause: { code: "ENOTFOUND" } }, "no machine of that name"],
  [{ cause: { code: "SELF_SIGNED_CERT_IN_CHAIN" } }, "NODE_EXTRA_CA_CERTS"],
  [{ cause: { code: "EWHATEVER", message: "odd\u001b" } }, "cannot be asked: odd\\u{1b}"],
  [{ name: "TimeoutError" }, "no answer in time"],
] as const)("%j is told in words", async ([differing, said], { expect }) => {
  const failing = () => Promise.reject(Object.assign(new Error("failed"), differing));
  expect((await conntrail("clusters", { answer: failing })).err).toContain(said);
});

test("without a token or with a wrong one, it is said how to get one", async ({ expect }) => {
  const refusal = problem(401, "Send a valid token.");
  const none = await conntrail("clusters", { answer: refusal });
  expect([none.code, none.out]).toEqual([2, ""]);
  expect(none.err).toMatch(/CONNTRAIL_TOKEN[^]*POST \/v1\/tokens[^]*\/there\/data\/local-read\.token/);
  const wrong = await conntrail("clusters", { env: { CONNTRAIL_TOKEN: "canary" }, answer: refusal });
  expect(wrong.err).toContain("does not know the token that was given");
  const files = { "/there/data/local-read.token": "canary\n" };
  const kept = await conntrail("clusters --url http://127.0.0.1:9999", { files, answer: refusal });
  expect(kept.err).toMatch(
    /No token was given, and http:\/\/127\.0\.0\.1:9999 does not know the one in \/there\/data\/local-read\.token/,
  );
  const ingest = await conntrail("clusters", {
    env: { CONNTRAIL_TOKEN: "canary" },
    answer: problem(403, "No."),
  });
  expect(ingest.err).toMatch(/No\.[^]*another scope[^]*"scope":"read"/);
  expect(wrong.err + ingest.err + kept.err).not.toContain("canary");
});

test("what is wrong with a question is said as the service says it", async ({ expect }) => {
  const errors = [{ path: ["since"], message: "not a duration" }];
  const { code, err } = await conntrail("top --since 1y", {
    answer: json({ detail: "Invalid.", errors }, 422),
  });
  expect([code, err]).toEqual([2, "Invalid.\n  since: not a duration\n"]);
});

test("what is no service of ours is said to be none, and no redirect is followed", async ({ expect }) => {
  const page = () => new Response("<html>\u001b[2Jhello", { headers: { "content-type": "text/html" } });
  const { code, err } = await conntrail("clusters", { answer: page });
  expect([code, err]).toEqual([
    2,
    expect.stringMatching(/answered 200, and not as Conntrail does.*\\u\{1b\}/),
  ]);
  const moved = () => new Response(null, { status: 302, headers: { location: "https://other.example.com" } });
  const elsewhere = await conntrail("clusters", { answer: moved });
  expect(elsewhere.err).toContain("moved to https://other.example.com");
  expect(elsewhere.asked.map(({ redirect }) => redirect)).toEqual(["manual"]);
  const gateway = () => new Response("bad gateway", { status: 502 });
  expect((await conntrail("clusters", { answer: gateway })).err).toContain("answered 502");
});
