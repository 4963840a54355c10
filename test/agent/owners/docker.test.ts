import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test as base, vi } from "vitest";
import type { LogLine } from "../../../agent/log.ts";
import { MAX_CONTAINERS, openDocker, RELIST_MS } from "../../../agent/owners/docker.ts";
import { MAX_EVENT_CHARACTERS, TIMEOUT_MS } from "../../../agent/owners/docker-api.ts";
import type { Owner, OwnerSink } from "../../../agent/owners/owner.ts";
import { aContainer, DockerDaemon, T0 } from "../../support/docker-daemon.ts";

/** What the sink was told, in words. */
class Told implements OwnerSink {
  readonly lines: string[] = [];
  readonly owners: Owner[] = [];

  hold(address: string, owner: Owner, since?: number): void {
    this.owners.push(owner);
    this.lines.push(`${owner.name} holds ${address} since ${after(since)}`);
  }

  release(address: string, owner: Owner, until: number): void {
    this.lines.push(`${owner.name} left ${address} at ${after(until)}`);
  }
}
const after = (at: number | undefined) => (at === undefined ? "?" : `${(at - T0) / 1000} s`);

interface Running {
  daemon: DockerDaemon;
  told: Told;
  log: LogLine[];
  /** Delays it slept. */
  slept: number[];
  /** Lets it try again. */
  wake: () => void;
  run: () => void;
  isCurrent: () => boolean;
  /** Lets all deadlines of so many ms pass. */
  pass: (ms: number) => void;
}

const NOW = T0 + 900_000;

const test = base.extend<{ docker: Running }>({
  // oxlint-disable-next-line no-empty-pattern -- vitest reads the fixtures a fixture needs from its pattern
  docker: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), "conntrail-docker-"));
    const socketPath = join(folder, "docker.sock");
    const deadlines = new Map<number, AbortController[]>();
    const docker: Running = {
      daemon: new DockerDaemon(socketPath),
      told: new Told(),
      log: [],
      slept: [],
      wake: () => {},
      isCurrent: () => source.isCurrent(),
      pass: (ms) => deadlines.get(ms)?.forEach((deadline) => deadline.abort()),
      run: () => {
        running = source.run(docker.told, stop.signal);
      },
    };
    const source = openDocker({
      socketPath,
      now: () => NOW,
      log: (line) => docker.log.push(line),
      sleep: (ms, signal) =>
        new Promise((awake) => {
          docker.slept.push(ms);
          docker.wake = awake;
          signal.addEventListener("abort", () => awake());
        }),
      deadline: (ms) => {
        const controller = new AbortController();
        deadlines.set(ms, [...(deadlines.get(ms) ?? []), controller]);
        return controller.signal;
      },
    });
    const stop = new AbortController();
    let running = Promise.resolve();
    await docker.daemon.start();
    await use(docker);
    stop.abort();
    await running;
    await docker.daemon.stop();
    await rm(folder, { recursive: true });
  },
});

/** However busy the machine is. */
const eventually = <T>(look: () => T) => vi.waitFor(look, 20_000);
const followed = ({ log }: Running, times = 1) =>
  eventually(() => {
    const seen = log.filter(({ event }) => event === "docker-followed").length;
    if (seen < times) throw new Error(`followed ${seen} times`);
  });
/** Waits until the sink was told so many things. */
const toldOf = ({ told }: Running, count: number) =>
  eventually(() => {
    if (told.lines.length < count) throw new Error(`told ${JSON.stringify(told.lines)}`);
  });

const network = (IPAddress: string, GlobalIPv6Address = "") => ({ IPAddress, GlobalIPv6Address });
const started = (seconds: number, finished?: number) => ({
  Running: true,
  StartedAt: new Date(T0 + seconds * 1000).toISOString(),
  FinishedAt: finished === undefined ? "0001-01-01T00:00:00Z" : new Date(T0 + finished * 1000).toISOString(),
});

describe("containers", () => {
  test("hold every address of every network since they started", async ({ docker, expect }) => {
    const Networks = { a: network("172.17.0.2", "fd00::2"), b: network("10.1.0.7") };
    docker.daemon.put(aContainer("web", { State: started(5), NetworkSettings: { Networks } }));
    docker.run();
    await followed(docker);
    expect(docker.told.lines).toEqual([
      "web-name holds 172.17.0.2 since 5 s",
      "web-name holds fd00::2 since 5 s",
      "web-name holds 10.1.0.7 since 5 s",
    ]);
  });

  test("are named with their id and what compose made them for", async ({ docker, expect }) => {
    const Labels = { "com.docker.compose.project": "shop", "com.docker.compose.service": "db" };
    docker.daemon.put(aContainer("one", { Config: { Labels } }));
    docker.run();
    await followed(docker);
    expect(docker.told.owners).toEqual([
      {
        kind: "container",
        name: "one-name",
        uid: "one",
        workloadKind: "compose project",
        workload: "shop/db",
      },
    ]);
  });

  test("of the host's network, and those that do not run, hold nothing", async ({ docker, expect }) => {
    const host = { host: network("") };
    docker.daemon.put(
      aContainer("proxy", { HostConfig: { NetworkMode: "host" }, NetworkSettings: { Networks: host } }),
      aContainer("done", { State: { ...started(1, 2), Running: false } }),
    );
    docker.run();
    await followed(docker);
    expect(docker.told.lines).toEqual([]);
  });
});

test.for([
  [MAX_CONTAINERS, 0],
  [MAX_CONTAINERS + 1, 1],
] as const)("of %i containers %i are not followed", async ([count, left], { docker, expect }) => {
  for (let i = 0; i < count; i++) docker.daemon.put(aContainer(`c${i}`));
  docker.run();
  await eventually(() => expect(docker.log).toHaveLength(1));
  expect(docker.told.lines).toHaveLength(count - left);
  docker.daemon.event("container", "start", `c${count - 1}`, T0);
  docker.daemon.event("container", "die", "c0", T0);
  await toldOf(docker, count - left + 1 + (1 - left));
  expect(docker.told.lines.at(-1)).toBe("c0-name left 172.17.0.2 at 0 s");
});

describe("events", () => {
  test("start, rename, join, leave and die are told at their time", async ({ docker, expect }) => {
    docker.run();
    await followed(docker);
    const put = (name: string, Networks: Record<string, ReturnType<typeof network>>) =>
      docker.daemon.put(aContainer("web", { Name: name, State: started(10), NetworkSettings: { Networks } }));

    put("/web", { a: network("172.17.0.2") });
    docker.daemon.event("container", "start", "web", T0 + 10_050);
    await toldOf(docker, 1);
    put("/shop", { a: network("172.17.0.2") });
    docker.daemon.event("container", "rename", "web", T0 + 20_000);
    await toldOf(docker, 2);
    put("/shop", { a: network("172.17.0.2"), b: network("10.1.0.7") });
    docker.daemon.event("network", "connect", "web", T0 + 30_000);
    await toldOf(docker, 4);
    put("/shop", { b: network("10.1.0.7") });
    docker.daemon.event("network", "disconnect", "web", T0 + 40_000);
    await toldOf(docker, 6);
    docker.daemon.event("container", "die", "web", T0 + 50_000);
    await toldOf(docker, 7);
    expect(docker.told.lines).toEqual([
      "web holds 172.17.0.2 since 10 s",
      "shop holds 172.17.0.2 since 10 s",
      "shop holds 172.17.0.2 since 10 s",
      "shop holds 10.1.0.7 since 30 s",
      "shop holds 10.1.0.7 since 30 s",
      "shop left 172.17.0.2 at 40 s",
      "shop left 10.1.0.7 at 50 s",
    ]);
  });

  test("of an address that goes to another container give both their time", async ({ docker, expect }) => {
    docker.daemon.put(aContainer("old"));
    docker.run();
    await followed(docker);
    docker.daemon.put(aContainer("new", { State: started(61) }));
    docker.daemon.event("container", "die", "old", T0 + 60_000);
    docker.daemon.event("container", "start", "new", T0 + 61_000);
    await toldOf(docker, 3);
    expect(docker.told.lines.slice(1)).toEqual([
      "old-name left 172.17.0.2 at 60 s",
      "new-name holds 172.17.0.2 since 61 s",
    ]);
  });

  test("of an end before the start that was listed end nothing", async ({ docker, expect }) => {
    docker.daemon.put(aContainer("web", { State: started(10) }));
    docker.run();
    await followed(docker);
    docker.daemon.event("container", "die", "web", T0 + 9_000);
    docker.daemon.event("container", "die", "web", T0 + 10_000);
    await toldOf(docker, 2);
    expect(docker.told.lines[1]).toBe("web-name left 172.17.0.2 at 10 s");
  });

  test("may come in pieces, several at once, and about what is no container", async ({ docker, expect }) => {
    docker.daemon.put(aContainer("a"), aContainer("b"));
    docker.run();
    await followed(docker);
    const die = (id: string, extra = "") =>
      `{"Type":"container","Action":"die","Actor":{"ID":"${id}","Attributes":{"name":"ü"${extra}}},"timeNano":${(T0 + 1000) * 1e6}}\n`;
    const two = `${die("a")}\n{"Type":"network","Action":"create","Actor":{"ID":"n","Attributes":{}},"timeNano":1}\n${die("b")}`;
    for (const piece of two.match(/[^]{1,7}/g) ?? []) docker.daemon.tell(piece);
    await toldOf(docker, 4);
    expect(docker.told.lines.slice(2)).toEqual([
      "a-name left 172.17.0.2 at 1 s",
      "b-name left 172.17.0.2 at 1 s",
    ]);
  });
});

describe("a daemon that goes away", () => {
  test("is listed again when it is back, and what ended meanwhile is let go", async ({ docker, expect }) => {
    const at = (address: string) => ({ NetworkSettings: { Networks: { a: network(address) } } });
    docker.daemon.put(aContainer("kept", at("10.0.0.1")), aContainer("died", at("10.0.0.2")));
    docker.daemon.put(aContainer("removed", at("10.0.0.3")), aContainer("restarted", at("10.0.0.4")));
    expect(docker.isCurrent()).toBe(false);
    docker.run();
    await followed(docker);
    expect(docker.isCurrent()).toBe(true);
    await docker.daemon.stop();
    await eventually(() => expect(docker.slept).toEqual([1_000]));
    expect(docker.isCurrent()).toBe(false);
    docker.daemon.put(aContainer("died", { State: { ...started(0, 70), Running: false } }));
    docker.daemon.containers.delete("removed");
    docker.daemon.put(aContainer("restarted", { ...at("10.0.0.5"), State: started(90, 80) }));
    docker.told.lines.length = 0;
    await docker.daemon.start();
    docker.wake();
    await followed(docker, 2);
    expect(docker.isCurrent()).toBe(true);
    expect(docker.told.lines).toEqual([
      "kept-name holds 10.0.0.1 since 0 s",
      "restarted-name left 10.0.0.4 at 80 s",
      "restarted-name holds 10.0.0.5 since 90 s",
      "died-name left 10.0.0.2 at 70 s",
      "removed-name left 10.0.0.3 at 900 s",
    ]);
  });

  test("is tried again ever more rarely, and complained about once", async ({ docker, expect }) => {
    await docker.daemon.stop();
    docker.run();
    for (let tries = 1; tries <= 7; tries++) {
      await eventually(() => expect(docker.slept).toHaveLength(tries));
      docker.wake();
    }
    await eventually(() => expect(docker.slept).toHaveLength(8));
    expect(docker.slept).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
    expect(docker.log).toEqual([
      expect.objectContaining({
        level: "warning",
        event: "docker-lost",
        reason: expect.stringContaining("ENOENT"),
      }),
    ]);
    await docker.daemon.start();
    docker.wake();
    await followed(docker);
  });

  test.for([
    ["refuses the list", "/containers/json", 500, '{"message":"broken"}', "answered 500"],
    ["refuses its events", "/events", 403, "no", "answered 403"],
    ["answers no JSON", "/containers/json", 200, "<html>", "JSON"],
    ["tells an endless event", "/events", 200, "x".repeat(MAX_EVENT_CHARACTERS + 1), "longer than is taken"],
    ["ends its events", "/events", 200, "", "ended its events"],
  ] as const)("or %s is tried again", async ([, path, status, body, words], { docker, expect }) => {
    docker.daemon.instead.set(path, (response) => response.writeHead(status).end(body));
    docker.run();
    await eventually(() => expect(docker.slept).toHaveLength(1));
    expect(docker.log.at(-1)).toMatchObject({ level: "warning", reason: expect.stringContaining(words) });
    // Nothing is left open behind a failure.
    await eventually(() => expect(docker.daemon.listeners).toBe(0));
    docker.daemon.instead.clear();
    docker.daemon.put(aContainer("web"));
    docker.told.lines.length = 0;
    docker.wake();
    await toldOf(docker, 1);
    expect(docker.told.lines).toEqual(["web-name holds 172.17.0.2 since 0 s"]);
  });

  test("without closing its socket is listed again after a while, and nobody complains", async ({
    docker,
    expect,
  }) => {
    const at = (address: string) => ({ NetworkSettings: { Networks: { a: network(address) } } });
    docker.daemon.put(aContainer("kept", at("10.0.0.1")), aContainer("died", at("10.0.0.2")));
    docker.run();
    await followed(docker);
    docker.told.lines.length = 0;
    docker.daemon.put(aContainer("died", { State: { ...started(0, 70), Running: false } }));
    docker.pass(RELIST_MS);
    await toldOf(docker, 2);
    expect(docker.told.lines).toEqual([
      "kept-name holds 10.0.0.1 since 0 s",
      "died-name left 10.0.0.2 at 70 s",
    ]);
    docker.daemon.event("container", "die", "kept", T0 + 80_000);
    await toldOf(docker, 3);
    expect([docker.slept, docker.log.length]).toEqual([[], 1]);
    await eventually(() => expect(docker.daemon.listeners).toBe(1));
  });

  test("that takes requests and answers none is noticed", async ({ docker, expect }) => {
    docker.run();
    await followed(docker);
    const hanging = vi.fn<() => void>();
    docker.daemon.instead.set("/events", hanging);
    docker.pass(RELIST_MS);
    await eventually(() => expect(hanging).toHaveBeenCalledOnce());
    docker.pass(TIMEOUT_MS);
    await eventually(() => expect(docker.slept).toEqual([1_000]));
    expect(docker.log.at(-1)).toMatchObject({
      event: "docker-lost",
      reason: expect.stringContaining("was not answered in 20 s"),
    });
    docker.daemon.instead.clear();
    docker.wake();
    await followed(docker, 2);
    // Once it has begun, the answer may take as long as it likes.
    docker.daemon.put(aContainer("web"));
    docker.pass(TIMEOUT_MS);
    docker.daemon.event("container", "start", "web", T0);
    await toldOf(docker, 1);
    expect(docker.slept).toEqual([1_000]);
  });
});
