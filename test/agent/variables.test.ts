import { test } from "vitest";
import { help } from "../../agent/help.ts";
import { unknownVariables } from "../../agent/variables.ts";

const unknown = (...names: string[]) =>
  unknownVariables(Object.fromEntries(names.map((name) => [name, "x"])));

test("a misspelt setting is unknown", ({ expect }) => {
  const misspelt = ["CONNTRAIL_EVENT", "CONNTRAIL_", "CONNTRAIL_SPOOLS", "CONNTRAIL_token"];
  expect(unknown("PATH", "CONNTRAIL_SPOOL", "MY_CONNTRAIL_X", ...misspelt)).toEqual(misspelt);
});

test("every setting that --help names is known", ({ expect }) => {
  const named = help("agent").match(/CONNTRAIL_[A-Z_]+/g) ?? [];
  expect([named.length >= 10, unknown(...named)]).toEqual([true, []]);
});

test("what the service hands down to the agent of its machine is known", ({ expect }) => {
  const handed = ["HOST", "PORT", "DATABASE_URL", "DATABASE_TOKEN", "ADMIN_TOKEN"];
  expect(unknown(...handed.map((name) => `CONNTRAIL_${name}`))).toEqual([]);
});

test("what Kubernetes tells every container of Services called conntrail and conntrail-api is known", ({
  expect,
}) => {
  const told = ["SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTP", "PORT", "PORT_8787_TCP"];
  const parts = ["PORT_8787_TCP_PROTO", "PORT_8787_TCP_PORT", "PORT_53_UDP_ADDR"];
  for (const service of ["CONNTRAIL", "CONNTRAIL_API"])
    expect(unknown(...[...told, ...parts].map((name) => `${service}_${name}`))).toEqual([]);
});
