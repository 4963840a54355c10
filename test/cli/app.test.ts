import { test } from "vitest";
import { aReport, NOW, someLeases, someOwners } from "../support/a-report.ts";
import { ADMIN, openService, type Service } from "../support/service.ts";
import { askedOf } from "./world.ts";

/** A window of a node of which everything is known, and two leases in it. */
async function aService(): Promise<Service> {
  const service = await openService();
  const completeness = { source: "netlink" as const, events: "complete" as const, blind: [] };
  const report = aReport({ completeness, ...someLeases(), owners: someOwners() });
  const { status, text } = await service.post(await service.token("ingest", "prod"), report);
  if (status !== 202) throw new Error(text);
  await service.tick();
  return service;
}

test("whoever was behind a node's address is named out of what an agent reported", async ({ expect }) => {
  const service = await aService();
  const at = `--at ${NOW - 10_000}`;
  const who = await askedOf(service, ADMIN, `who 192.168.50.10:1024 --peer 192.168.50.20:5432 ${at}`);
  expect([who.code, who.err]).toEqual([0, ""]);
  expect(who.out).toMatch(
    /^Pod shop\/web-7d4b-x of Deployment web, node node-1, cluster prod: (certain|probable)\n/,
  );
  expect(who.out).toContain("10.244.0.11:1024 → as 192.168.50.10:1024 → 192.168.50.20:5432, tcp");

  const nobody = await askedOf(service, ADMIN, `who 198.51.100.7:1024 ${at}`);
  expect([nobody.code, nobody.err]).toEqual([1, ""]);
  expect(nobody.out).toMatch(/^Nobody can know: blind\n/);
});

test("a process list is answered line by line", async ({ expect }) => {
  const service = await aService();
  const files = { "-": "1\tapp\t192.168.50.10:1024\tshop\tSleep\t4\n2\troot\tlocalhost\t\tQuery\t0\n" };
  const line = `who --file - --peer 192.168.50.20:5432 --at ${NOW - 10_000}`;
  const { code, out, err } = await askedOf(service, ADMIN, line, { files });
  expect([code, err]).toEqual([0, ""]);
  expect(out).toMatch(/^ +1 +192\.168\.50\.10:1024 .*shop\/web-7d4b-x/m);
  expect(out).toMatch(/2 lines: 1 (certain|probable), 1 without a question\./);
});

const FOUND = [
  ["top --by address", /entries +share +address +cluster\n +7 +70\.0% +10\.244\.0\.11 +prod/],
  ["top --by pod", /7 +70\.0% +shop\/web-7d4b-x +Deployment web +node-1 +prod/],
  ["top --by workload", /shop\/web +Deployment/],
  [
    "top --by flow --source 10.244.0.11",
    /10\.244\.0\.11 → 192\.168\.50\.20:5432 tcp +shop\/web-7d4b-x +192\.168\.50\.10/,
  ],
  ["top --by peer --protocol udp", /10\.96\.0\.10:53 udp/],
  ["peers 192.168.50.20:5432", /shop\/web-7d4b-x +Deployment web +192\.168\.50\.10 +node-1 +prod/],
  ["peers 192.168.50.20:5432 --by nat-address", /192\.168\.50\.10 +node-1 +prod/],
  ["peers 192.168.50.20:5432 --by address", /10\.244\.0\.11 +192\.168\.50\.10 +prod/],
  ["leases --source 10.244.0.11", /192\.168\.50\.10:1024 +192\.168\.50\.20:5432 +tcp/],
  ["leases --pod web-7d4b-x --namespace shop", /192\.168\.50\.10:1024/],
  ["clusters", /prod +1 +1 /],
  ["nodes prod", /node-1 +live/],
] as const;

const NOTHING = [
  ["top --by peer --peer 203.0.113.1", /Nothing was reported there/],
  ["peers 203.0.113.1:1", /Nothing was reported there/],
  ["ports", /None that is known/],
  ["leases --source 10.9.9.9", /none that is known/],
] as const;

const REFUSED = [
  ["top --by color", /by: .*pod/],
  ["who 1.2.3", /address: neither an address nor/],
  ["who 1.2.3.4:5 --tolerance 6m", /tolerance: not a duration/],
  ["nodes nowhere", /no such cluster/],
  ["peers nowhere", /peer: neither address:port/],
] as const;

test("each command shows what the service knows, and by its exit code whether that is anything", async ({
  expect,
}) => {
  const service = await aService();
  for (const [line, expected] of FOUND) {
    const { code, out, err } = await askedOf(service, ADMIN, line);
    expect([line, code, err, out]).toEqual([line, 0, "", expect.stringMatching(expected)]);
  }
  for (const [line, expected] of NOTHING) {
    const { code, out, err } = await askedOf(service, ADMIN, line);
    expect([line, code, err, out]).toEqual([line, 1, "", expect.stringMatching(expected)]);
  }
});

test("what is refused is so in the words of the service", async ({ expect }) => {
  const service = await aService();
  for (const [line, expected] of REFUSED) {
    const { code, out, err } = await askedOf(service, ADMIN, line);
    expect([line, code, out, err]).toEqual([line, 2, "", expect.stringMatching(expected)]);
  }
});

test("a token for reports is told that it may not ask", async ({ expect }) => {
  const service = await openService();
  const { code, err } = await askedOf(service, await service.token("ingest", "prod"), "top");
  expect([code, err]).toEqual([2, expect.stringContaining("another scope")]);
});
