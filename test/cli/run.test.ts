import { test } from "vitest";
import { conntrail, json } from "./world.ts";

const NO_ROWS = json({ clusters: [] });
const ONE_ROW = json({
  clusters: [{ name: "prod", createdAt: "", nodes: 1, reporting: 1, lastSeenAt: null, utilisation: null }],
});

test.for(["", "help", "--help", "-h"])(
  "%j lists the commands, the variables and the exit codes",
  async (line, { expect }) => {
    const { code, out, asked } = await conntrail(line);
    expect([code, asked]).toEqual([0, []]);
    for (const word of [
      "who",
      "leases",
      "top",
      "peers",
      "ports",
      "clusters",
      "nodes",
      "CONNTRAIL_URL",
      "CONNTRAIL_TOKEN",
    ])
      expect(out).toContain(word);
    expect(out).toContain("http://127.0.0.1:8787");
    expect(out).toMatch(/0 {3}found[^]*1 {3}nothing[^]*2 {3}wrong/);
  },
);

test.for(["who", "leases", "top", "peers", "ports", "clusters", "nodes"])(
  "%s --help says how it is used, and asks nobody",
  async (name, { expect }) => {
    const { code, out, asked } = await conntrail(`${name} --help`);
    expect([code, asked]).toEqual([0, []]);
    expect(out).toMatch(new RegExp(`^Usage: conntrail ${name}`));
    for (const option of ["--url", "--token-file", "--json", "--utc"]) expect(out).toContain(option);
    for (const line of out.split("\n")) expect(line.length).toBeLessThanOrEqual(200);
  },
);

test("--version is that of the package", async ({ expect }) => {
  expect(await conntrail("--version")).toMatchObject({ code: 0, out: "1.2.3\n" });
});

test.for([
  ["whom 1.2.3.4", `"whom" is none of who, leases, top, peers, ports, clusters, nodes`],
  ["who", "ADDRESS[:PORT] is missing"],
  ["who 1.2.3.4:5 6.7.8.9", '"6.7.8.9" is one word too many'],
  ["who 1.2.3.4:5 --file x", '"1.2.3.4:5" is one word too many'],
  ["who --file nowhere", "nowhere cannot be read (ENOENT)"],
  ["who 1.2.3.4:5 --at soon", '--at is "soon"; give "now", "10m" (ago)'],
  ["who 1.2.3.4:5 --zone +01:00", "--zone goes with --file"],
  ["who 1.2.3.4:5 --type csv", "--type goes with --file"],
  ["who --file - --type xml", "--type is one of text, csv, json"],
  ["who 1.2.3.4:5 --pear 1.1.1.1", "'--pear'"],
  ["top all", '"all" is one word too many'],
  ["top --from yesterday", '--from is "yesterday"'],
  ["leases", "give --pod or --source"],
  ["leases --pod web-1 --source 10.0.0.1", "give --pod or --source"],
  ["peers", "ADDRESS[:PORT] is missing"],
  ["nodes", "CLUSTER is missing"],
])("%s: wrong usage, which is said", async ([line, said], { expect }) => {
  const { code, out, err, asked } = await conntrail(line!);
  expect([code, out, asked]).toEqual([2, "", []]);
  expect(err).toContain(said);
  expect(err).toContain("--help");
});

test("options become the parameters of the API, times as the clock of whoever asks has them", async ({
  expect,
}) => {
  const around = { answer: NO_ROWS, timeZone: "Europe/Paris", env: { CONNTRAIL_TOKEN: "t" } };
  const paths = async (line: string) => (await conntrail(line, around)).asked.map(({ url }) => url.slice(21));
  expect(
    await paths("who [fd00::9]:39510 --peer 10.0.0.9:3306 --at 10m --tolerance 1s --node n --cluster c"),
  ).toEqual([
    "/v1/attribution?address=%5Bfd00%3A%3A9%5D%3A39510&peer=10.0.0.9%3A3306&at=1795261800000&tolerance=1s&node=n&cluster=c",
  ]);
  expect(await paths("top --metric opened --from 11:30 --to 12:30 --utc")).toEqual([
    "/v1/talkers?by=pod&limit=20&metric=opened&from=1795260600000&to=1795177800000",
  ]);
  expect(await paths("top --from 12:30 --limit 3")).toEqual([
    "/v1/talkers?by=pod&limit=3&from=1795260600000",
  ]);
  expect(await paths("peers fd00::9 --by nat-address --since 2h")).toEqual([
    "/v1/peers/%5Bfd00%3A%3A9%5D/sources?by=nat-address&since=2h",
  ]);
  expect(await paths("peers 10.0.0.9:3306")).toEqual(["/v1/peers/10.0.0.9%3A3306/sources"]);
  expect(await paths("nodes a/b")).toEqual(["/v1/clusters/a%2Fb/nodes?limit=500"]);
  expect(await paths("leases --pod web-1 --namespace shop --at 12:59")).toEqual([
    "/v1/attribution/leases?pod=web-1&namespace=shop&at=1795262340000",
  ]);
  expect(await paths("ports --pod web-1 --limit 1")).toEqual(["/v1/ports?pod=web-1&limit=1"]);
});

test("a file goes to the service as it is, by what its name or --type says that it is", async ({
  expect,
}) => {
  const files = { "-": "1.2.3.4:5\n", "a.csv": "address\n1.2.3.4\n", "b.JSON": "[]" };
  const sent = async (path: string) => {
    const { asked } = await conntrail(`who --file ${path} --peer 10.0.0.9:3306`, { files, answer: NO_ROWS });
    const [{ url, method, headers, body }] = asked as [Required<(typeof asked)[number]>];
    expect(url).toBe("http://127.0.0.1:8787/v1/attribution?peer=10.0.0.9%3A3306");
    return [method, headers["content-type"], body];
  };
  expect(await sent("-")).toEqual(["POST", "text/plain", "1.2.3.4:5\n"]);
  expect(await sent("a.csv")).toEqual(["POST", "text/csv", "address\n1.2.3.4\n"]);
  expect(await sent("b.JSON")).toEqual(["POST", "application/json", "[]"]);
  expect(await sent("- --type csv")).toEqual(["POST", "text/csv", "1.2.3.4:5\n"]);
  expect(await sent("b.JSON --type text")).toEqual(["POST", "text/plain", "[]"]);
});

test("who waits long is told for what", async ({ expect }) => {
  const files = { x: "1.2.3.4:5\n".repeat(1_500) };
  const around = { files, answer: json({ counts: { lines: 0, errors: 0 }, lines: [] }) };
  expect((await conntrail("who --file x", { ...around, slow: true })).err).toBe(
    "Asking about 1,500 lines ...\n",
  );
  expect((await conntrail("who --file x", around)).err).toBe("");
});

test("--json prints the answer as it is, and the exit code is the same", async ({ expect }) => {
  const text = '{ "clusters": [], "new": "\\u001b[2J" }';
  const answer = () => new Response(text, { headers: { "content-type": "application/json" } });
  expect(await conntrail("clusters --json", { answer })).toMatchObject({ code: 1, out: `${text}\n` });
  expect(await conntrail("clusters --json", { answer: ONE_ROW })).toMatchObject({ code: 0 });
});

test("an answer of another version is said to be one, and --json prints it", async ({ expect }) => {
  const answer = json({ groups: ["prod"] });
  const { code, out, err } = await conntrail("clusters", { answer });
  expect([code, out]).toEqual([2, ""]);
  expect(err).toContain("another version");
  expect((await conntrail("clusters --json", { answer })).out).toBe('{"groups":["prod"]}\n');
});

test("names that would steer a terminal are shown as what they are", async ({ expect }) => {
  const name = "web\u001b]0;owned\u0007\u202Eevil\nnext";
  const answer = json({
    clusters: [{ name, createdAt: "", nodes: 1, reporting: 1, lastSeenAt: null, utilisation: null }],
  });
  const { out } = await conntrail("clusters", { answer });
  expect(out).toContain("web\\u{1b}]0;owned\\u{7}\\u{202e}evil\\u{a}next");
  const refusal = json({ detail: name, errors: [{ path: [name], message: name }] }, 422);
  const { err } = await conntrail("clusters", { answer: refusal });
  // oxlint-disable-next-line no-control-regex -- what must not be there
  expect(err).not.toMatch(/[\u0000-\u0009\u001b\u202e]/);
  expect(err).toContain("\\u{1b}");
});
