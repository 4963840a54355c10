import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { deployed, knownVariables, ROOT } from "./files.ts";

const NAME = "conntrail-agent.service";
const unit = settings(await deployed(NAME));

/** `Section.Key` and all that is assigned to it, in order; comments and empty lines are nothing. */
function settings(text: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  let section = "";
  for (const line of text.split("\n")) {
    const [, opened] = /^\[(\w+)\]$/.exec(line) ?? [];
    const [, key, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (opened) section = opened;
    else if (key) found.set(`${section}.${key}`, [...(found.get(`${section}.${key}`) ?? []), value ?? ""]);
    else if (line !== "" && !line.startsWith("#")) throw new Error(`not a line of a unit: ${line}`);
  }
  return found;
}
const service = (key: string) => unit.get(`Service.${key}`)?.join(" ");

test("all it has of root is CAP_NET_ADMIN", () => {
  expect([service("AmbientCapabilities"), service("CapabilityBoundingSet")]).toEqual([
    "CAP_NET_ADMIN",
    "CAP_NET_ADMIN",
  ]);
  for (const key of ["DynamicUser", "NoNewPrivileges"]) expect(service(key), key).toBe("yes");
  for (const key of ["User", "SupplementaryGroups"]) expect(service(key), key).toBeUndefined();
});

test("it writes nowhere but into its spool", () => {
  expect([service("ProtectSystem"), service("StateDirectory"), service("StateDirectoryMode")]).toEqual([
    "strict",
    "conntrail",
    "0700",
  ]);
  expect(service("Environment")?.split(" ")).toContain("CONNTRAIL_SPOOL=/var/lib/conntrail");
  for (const key of ["ProtectHome", "PrivateTmp", "PrivateDevices"]) expect(service(key), key).toBe("yes");
  for (const key of ["ReadWritePaths", "BindPaths"]) expect(service(key), key).toBeUndefined();
});

test.for(
  [
    "ProtectClock",
    "ProtectControlGroups",
    "ProtectHostname",
    "ProtectKernelLogs",
    "ProtectKernelModules",
  ].concat([
    "ProtectKernelTunables",
    "RestrictNamespaces",
    "RestrictRealtime",
    "RestrictSUIDSGID",
    "LockPersonality",
  ]),
)("%s is on", (key) => {
  expect(service(key)).toBe("yes");
});

test("it talks netlink, internet and unix, with the calls of ordinary services", () => {
  expect(service("RestrictAddressFamilies")).toBe("AF_NETLINK AF_INET AF_INET6 AF_UNIX");
  expect([service("SystemCallFilter"), service("SystemCallErrorNumber")]).toEqual([
    "@system-service ~@privileged",
    "EPERM",
  ]);
  expect(service("SystemCallArchitectures")).toBe("native");
});

/** Each of these looks like hardening, and takes from the agent what it is for. */
test.for([
  ["PrivateNetwork", "another network's table"],
  ["PrivateUsers", "a capability that counts for nothing"],
  ["ProcSubset", "no /proc/sys"],
  ["IPAddressDeny", "no API"],
  ["CPUQuota", "lost events"],
])("%s is not set: it would mean %s", ([key]) => {
  expect(service(key!)).toBeUndefined();
});

test("V8 may make code executable", () => {
  expect(service("MemoryDenyWriteExecute")).toBe("no");
});

test("memory is limited above what a million entries, a burst and the spool take", () => {
  expect(Number(/^(\d+)M$/.exec(service("MemoryMax") ?? "")?.[1])).toBeGreaterThanOrEqual(120 + 32 + 32);
});

test("it comes back whenever it ends, and has time to stop", () => {
  expect([service("Restart"), unit.get("Unit.StartLimitIntervalSec")]).toEqual(["always", ["0"]]);
  expect(service("RestartPreventExitStatus")).toBeUndefined();
  expect(Number(service("TimeoutStopSec"))).toBeGreaterThanOrEqual(6);
  for (const key of ["Wants", "After"]) expect(unit.get(`Unit.${key}`)).toEqual(["network-online.target"]);
  expect(unit.get("Install.WantedBy")).toEqual(["multi-user.target"]);
});

test("the token comes from a file that must be there, never from the unit", async () => {
  expect(service("EnvironmentFile")).toBe("/etc/conntrail-agent.env");
  const names = [...(service("Environment") ?? "").matchAll(/CONNTRAIL_\w+/g)].map(String);
  expect(names).toEqual(["CONNTRAIL_SPOOL"]);
  expect(await knownVariables()).toEqual(expect.arrayContaining(names));
});

test("systemd takes every line of it", (ctx) => {
  // Whether /usr/bin/node is there is this machine's affair.
  const { error, stderr } = spawnSync(
    "systemd-analyze",
    ["verify", "--man=no", join(ROOT, "agent/deploy", NAME)],
    { encoding: "utf8" },
  );
  if (error) ctx.skip("needs systemd-analyze (package systemd)");
  const complaints = stderr
    .split("\n")
    .filter((line) => line.includes(NAME) && !line.includes("/usr/bin/node"));
  ctx.expect(complaints).toEqual([]);
});
