import { readFile } from "node:fs/promises";
import { describe, onTestFinished, test as base, type ExpectStatic } from "vitest";
import type { LogLine } from "../../../agent/log.ts";
import { OwnerBook } from "../../../agent/owners/book.ts";
import { SILENCE_MS } from "../../../agent/owners/kube-watch.ts";
import { openKubernetes } from "../../../agent/owners/kubernetes.ts";
import { aPod, aService, containers, running, terminated } from "../../support/kube-objects.ts";
import {
  type Asked,
  bookmark,
  type KubeServer,
  list,
  noOpenssl,
  openKubeServer,
  refuse,
  status,
  tell,
} from "../../support/kube-server.ts";

const T = Date.parse("2026-11-21T08:00:00Z");
const A = "10.244.0.11";
const reason = noOpenssl();

interface Followed {
  server: KubeServer;
  book: OwnerBook;
  log: LogLine[];
  waits: number[];
  clock: { now: number };
  isCurrent: () => boolean;
  /** Holdings of an address as "name [since, until)" in seconds after T. */
  of: (address: string) => string[];
}

/** Follows a server; clock and waiting are the test's, and every wait is over at once. */
async function following(random = () => 0.5): Promise<Followed> {
  const server = await openKubeServer();
  const book = new OwnerBook("kubernetes");
  const stop = new AbortController();
  const clock = { now: T + 100_000 };
  const log: LogLine[] = [];
  const waits: number[] = [];
  const source = openKubernetes({
    node: "node-1",
    host: server.host,
    port: server.port,
    serviceAccount: server.serviceAccount,
    readFile: (path) => readFile(path, "utf8"),
    now: () => clock.now,
    random,
    wait: async (ms) => void waits.push(ms),
    deadline: () => new AbortController().signal,
    log: (line) => log.push(line),
  });
  const done = source.run(book, stop.signal);
  onTestFinished(async () => {
    stop.abort();
    await done;
  });
  const seconds = (at: number | undefined) => (at === undefined ? "" : (at - T) / 1000);
  const of = (address: string) =>
    book
      .holdings(address)
      .map(({ owner, since, until }) => `${owner.name} [${seconds(since)}, ${seconds(until)})`);
  return { server, book, log, waits, clock, of, isCurrent: () => source.isCurrent() };
}

/** Lists those Pods and gives the watch that follows. */
async function listed({ server }: Followed, ...pods: object[]): Promise<Asked> {
  list(await server.asked("pods"), pods);
  const watch = await server.asked("pods");
  watch.response.writeHead(200, { "content-type": "application/json" });
  return watch;
}

/** Ends the watch, and gives the next one: by then all that was told has been taken. */
async function next({ server }: Followed, watch: Asked): Promise<Asked> {
  watch.response.end();
  const asked = await server.asked("pods");
  asked.response.writeHead(200, { "content-type": "application/json" });
  return asked;
}

const test = base.runIf(reason === undefined);
if (reason) base("kubernetes over https", ({ skip }) => skip(reason));

const at = (second: number) => new Date(T + second * 1000).toISOString().replace(".000", "");
const names = (expect: ExpectStatic, query: URLSearchParams, want: Record<string, string | null>) =>
  expect(Object.fromEntries(Object.keys(want).map((name) => [name, query.get(name)]))).toEqual(want);

describe("list and watch", () => {
  test("a list comes in pages, and the watch goes on from it", async ({ expect }) => {
    const all = await following();
    const { server, of } = all;
    const first = await server.asked("pods");
    expect(first.token).toBe("first");
    names(expect, first.query, { fieldSelector: "spec.nodeName=node-1", limit: "500", resourceVersion: "0" });
    list(first, [aPod({ name: "a" })], "100", "more/of+it");
    const second = await server.asked("pods");
    names(expect, second.query, { continue: "more/of+it", limit: "500", resourceVersion: null });
    list(second, [aPod({ name: "b", ips: ["10.244.0.12", "fd00:10:244::c"] })], "100");
    const watch = await server.asked("pods");
    names(expect, watch.query, {
      fieldSelector: "spec.nodeName=node-1",
      watch: "1",
      resourceVersion: "100",
      allowWatchBookmarks: "true",
      timeoutSeconds: "450",
    });
    expect([of(A), of("10.244.0.12"), of("fd00:10:244::c")]).toEqual([["a [0, )"], ["b [0, )"], ["b [0, )"]]);
    expect(all.log).toEqual([]);
  });

  test("Pods come, change and go; a bookmark moves the place to go on from", async ({ expect }) => {
    const all = await following();
    const watch = await listed(all);
    tell(watch, "ADDED", aPod({ name: "a", ips: [], version: "101" }));
    tell(watch, "MODIFIED", aPod({ name: "a", version: "102" }));
    const second = await next(all, watch);
    expect([all.of(A), second.query.get("resourceVersion")]).toEqual([["a [100, )"], "102"]);
    all.clock.now += 5_000;
    tell(second, "DELETED", aPod({ name: "a", version: "103" }));
    tell(second, "BOOKMARK", bookmark("200"));
    const third = await next(all, second);
    expect([all.of(A), third.query.get("resourceVersion")]).toEqual([["a [100, 105)"], "200"]);
  });

  test("all are known from the list on, until the watch fails or is silent for long", async ({ expect }) => {
    const all = await following();
    expect(all.isCurrent()).toBe(false);
    const watch = await listed(all, aPod({ name: "a" }));
    expect(all.isCurrent()).toBe(true);
    all.clock.now += SILENCE_MS;
    expect(all.isCurrent()).toBe(true);
    all.clock.now += 1;
    expect(all.isCurrent()).toBe(false);
    tell(watch, "BOOKMARK", bookmark("200"));
    const second = await next(all, watch);
    expect(all.isCurrent()).toBe(true);
    second.response.destroy();
    const third = await all.server.asked("pods");
    expect(all.isCurrent()).toBe(false);
    third.response.writeHead(200, { "content-type": "application/json" });
    tell(third, "BOOKMARK", bookmark("300"));
    await next(all, third);
    expect(all.isCurrent()).toBe(true);
  });

  test("an address used again within one window has two rows", async ({ expect }) => {
    const all = await following();
    const old = (more: object) =>
      aPod({ name: "old", metadata: { deletionTimestamp: at(80) }, status: more });
    const watch = await listed(all, old(containers({ state: running(at(3)) })));
    tell(watch, "DELETED", old(containers({ state: terminated(at(3), at(90)) })));
    const started = containers({ state: running(at(95)) });
    tell(watch, "ADDED", aPod({ name: "new", status: { startTime: at(92), ...started } }));
    await next(all, watch);
    const report = all.book.report({ from: T + 80_000, to: T + 110_000 }, true, () => false);
    const rows = report?.name.map((name, row) => [name, report.since[row], report.until[row]]);
    expect(rows?.filter(([name]) => name !== "node-1")).toEqual([
      ["old", T + 3_000, T + 90_000],
      ["new", T + 95_000, null],
    ]);
  });

  test("a finished Job whose Pod still names its address does not hold it", async ({ expect }) => {
    const all = await following();
    const job = aPod({
      name: "job",
      status: { phase: "Succeeded", ...containers({ state: terminated(at(10), at(20)) }) },
    });
    const heir = aPod({ name: "heir", status: { startTime: at(25) } });
    const watch = await listed(all, heir, job);
    tell(watch, "MODIFIED", job);
    await next(all, watch);
    expect(all.of(A)).toEqual(["heir [25, )", "job [10, 20)"]);
  });

  test("a Pod being deleted holds its address until its containers have ended", async ({ expect }) => {
    const all = await following();
    const metadata = { deletionTimestamp: at(130) };
    const watch = await listed(all, aPod({ name: "a", metadata }));
    expect(all.of(A)).toEqual(["a [0, )"]);
    const ended = containers({ state: terminated(at(2), at(98)) }, { state: terminated(at(2), at(99)) });
    tell(watch, "MODIFIED", aPod({ name: "a", metadata, status: ended }));
    tell(await next(all, watch), "DELETED", aPod({ name: "a", metadata, status: ended }));
    expect(all.of(A)).toEqual(["a [0, 99)"]);
  });

  test("a Pod whose sandbox is made anew lets go of its old address", async ({ expect }) => {
    const all = await following();
    const watch = await listed(all, aPod({ name: "a" }));
    tell(watch, "MODIFIED", aPod({ name: "a", ips: ["10.244.0.12"] }));
    await next(all, watch);
    expect([all.of(A), all.of("10.244.0.12")]).toEqual([["a [0, 100)"], ["a [100, )"]]);
  });

  test("what runs in the host's network is the host", async ({ expect }) => {
    const all = await following();
    const host = aPod({ name: "proxy", ips: ["192.0.2.10"], spec: { hostNetwork: true } });
    await listed(all, host, aPod({ name: "a" }));
    expect(all.book.holdings("192.0.2.10").map(({ owner }) => owner)).toEqual([
      { kind: "host", name: "node-1" },
    ]);
  });
});

describe("trouble", () => {
  test("Pods of other nodes, named by a server that does not select, hold nothing", async ({ expect }) => {
    const all = await following();
    const other = { nodeName: "node-2" };
    const theirs = (name: string, ip: string, more: object = {}) =>
      aPod({ name, ips: [ip], spec: other, status: { hostIP: "192.0.2.20", hostIPs: undefined, ...more } });
    const watch = await listed(all, theirs("b", "10.244.1.12"), aPod({ name: "a" }));
    tell(watch, "ADDED", theirs("c", A));
    tell(watch, "DELETED", theirs("c", A));
    tell(watch, "MODIFIED", theirs("d", "10.244.1.13", { phase: "Succeeded" }));
    await next(all, watch);
    const rows = all.book.report({ from: T + 80_000, to: T + 110_000 }, true, () => false);
    expect(rows?.name.toSorted()).toEqual(["a", "node-1"]);
    expect([all.of("192.0.2.20"), all.of(A), all.log]).toEqual([[], ["a [0, )"], []]);
  });

  test("after 410 what vanished in between is released, over HTTP and within a watch", async ({ expect }) => {
    const all = await following();
    const watch = await listed(all, aPod({ name: "a" }), aPod({ name: "b", ips: ["10.244.0.12"] }));
    tell(watch, "ERROR", status(410, "too old resource version: 100 (200)"));
    const again = await all.server.asked("pods");
    names(expect, again.query, { watch: null, resourceVersion: null });
    list(again, [aPod({ name: "b", ips: ["10.244.0.12"] })], "200");
    const second = await all.server.asked("pods");
    expect([all.of(A), all.of("10.244.0.12")]).toEqual([["a [0, 100)"], ["b [0, )"]]);
    refuse(second, 410, "Expired");
    list(await all.server.asked("pods"), [], "300");
    const third = await all.server.asked("pods");
    expect([all.of("10.244.0.12"), third.query.get("resourceVersion")]).toEqual([["b [0, 100)"], "300"]);
    expect(all.log).toEqual([]);
  });

  test("a page that expired makes the list begin again", async ({ expect }) => {
    const { server, of } = await following();
    list(await server.asked("pods"), [aPod({ name: "a" })], "100", "next");
    refuse(await server.asked("pods"), 410, "The provided continue parameter is too old");
    const again = await server.asked("pods");
    expect(again.query.get("continue")).toBeNull();
    list(again, []);
    await server.asked("pods");
    expect(of(A)).toEqual(["a [0, 100)"]);
  });

  test("a stream cut within a line goes on from the last whole one", async ({ expect }) => {
    const all = await following();
    const watch = await listed(all);
    tell(watch, "ADDED", aPod({ name: "a", version: "150" }));
    watch.response.write('{"type":"DELETED","object":{"metadata":{"na', () =>
      watch.response.socket?.destroy(),
    );
    const second = await all.server.asked("pods");
    expect([second.query.get("resourceVersion"), all.of(A)]).toEqual(["150", ["a [100, )"]]);
    expect([all.waits, all.log.map(({ event }) => event)]).toEqual([[1_000], ["kubernetes-watch-failed"]]);
    second.response.writeHead(200);
    all.clock.now += 1_000;
    tell(second, "BOOKMARK", bookmark("160"));
    await next(all, second);
    expect(all.log.at(-1)).toEqual({ level: "info", event: "kubernetes-watch-back", resource: "pods" });
  });

  test("a token is read anew for each request", async ({ expect }) => {
    const all = await following();
    const { server } = all;
    const watch = await listed(all);
    server.setToken("second");
    watch.response.end();
    const asked = await server.asked("pods");
    expect(asked.token).toBe("second");
    server.setToken("third");
    refuse(asked, 401, "Unauthorized");
    expect((await server.asked("pods")).token).toBe("third");
    expect(all.log).toMatchObject([{ event: "kubernetes-watch-failed", resource: "pods" }]);
  });

  test("a missing right is named once, and the other resource goes on", async ({ expect }) => {
    const { server, book, log, waits } = await following();
    for (let time = 0; time < 3; time++)
      refuse(await server.asked("pods"), 403, 'pods is forbidden: User "x" cannot list resource "pods"');
    list(await server.asked("services"), [aService("api")]);
    await server.asked("services");
    await server.asked("pods");
    expect(book.holdings("10.96.0.10")).toHaveLength(1);
    expect([waits, log.length]).toEqual([[60_000, 60_000, 60_000], 1]);
    expect(log[0]?.["remedy"]).toContain('resources ["pods"], verbs ["list", "watch"]');
  });

  test("a server that is busy is asked again when it says, else ever more rarely", async ({ expect }) => {
    const { server, waits } = await following();
    refuse(await server.asked("pods"), 429, "too many", { "retry-after": "7" });
    refuse(await server.asked("pods"), 503, "unavailable");
    refuse(await server.asked("pods"), 500, "broken");
    (await server.asked("pods")).response.end("a proxy's welcome page");
    refuse(await server.asked("pods"), 429, "too many", { "retry-after": "0" });
    await server.asked("pods");
    expect(waits).toEqual([7_000, 1_500, 2_500, 4_500, 500]);
  });

  test("a watch that ends at once and tells nothing is not asked for in a loop", async ({ expect }) => {
    const all = await following();
    await next(all, await next(all, await listed(all)));
    expect(all.waits).toEqual([1_000, 1_500]);
  });

  test.for([
    ["tells the same again and again", "100", 59_999, [1_000, 1_500, 2_500]],
    ["tells what has no version", undefined, 59_999, [1_000, 1_500, 2_500]],
    ["is cut at once after something new", "101", 999, [1_000, 1_500, 2_500]],
    ["told something new and lasted", "101", 1_000, []],
    ["was silent for as long as one may be", undefined, 60_000, []],
  ] as const)("a watch that %s pauses as it should", async ([, version, lasts, waits], { expect }) => {
    const all = await following();
    let watch = await listed(all);
    for (let time = 0; time < 3; time++) {
      all.clock.now += lasts;
      const told = version === undefined ? undefined : `${Number(version) + (version === "100" ? 0 : time)}`;
      tell(watch, "BOOKMARK", bookmark(told));
      watch = await next(all, watch);
    }
    expect(all.waits).toEqual(waits);
  });

  test("a watch that expires as soon as it told something is not listed in a loop", async ({ expect }) => {
    const all = await following();
    for (let time = 0; time < 3; time++) {
      const watch = await listed(all);
      tell(watch, "BOOKMARK", bookmark("101"));
      tell(watch, "ERROR", status(410, "too old resource version"));
    }
    await all.server.asked("pods");
    expect(all.waits).toEqual([1_500, 2_500]);
  });

  test("however the dice fall, nothing is asked for again at once", async ({ expect }) => {
    const all = await following(() => 0);
    refuse(await all.server.asked("pods"), 503, "unavailable");
    await next(all, await listed(all));
    expect(all.waits).toEqual([500, 500]);
  });

  test("a line that is none costs itself alone", async ({ expect }) => {
    const all = await following();
    const watch = await listed(all);
    watch.response.write(`{"type":\nnull\n[]\n\n{"type":"ADDED","object":7}\n`);
    tell(watch, "ADDED", aPod({ name: "a" }));
    await next(all, watch);
    expect([all.of(A), all.log.map(({ event }) => event)]).toEqual([
      ["a [100, )"],
      ["kubernetes-object-unreadable"],
    ]);
  });

  test("more addresses than are remembered are said once", async ({ expect }) => {
    const all = await following();
    const ips = (third: number) => Array.from({ length: 65 }, (_, n) => `10.244.${third}.${n}`);
    const watch = await listed(all, aPod({ name: "a", ips: ips(1) }));
    tell(watch, "ADDED", aPod({ name: "b", ips: ips(2) }));
    await next(all, watch);
    expect(all.of("10.244.2.63")).toEqual(["b [100, )"]);
    expect(all.log).toMatchObject([{ event: "kubernetes-objects-left-out", resource: "pods" }]);
  });

  test("another certificate than the cluster's is not spoken to", async ({ expect }) => {
    const [one, other] = [await openKubeServer(), await openKubeServer()];
    const stop = new AbortController();
    const log: LogLine[] = [];
    await openKubernetes({
      node: "n",
      host: one.host,
      port: one.port,
      serviceAccount: other.serviceAccount,
      now: () => T,
      readFile: (path) => readFile(path, "utf8"),
      random: () => 0.5,
      wait: async () => stop.abort(),
      deadline: () => new AbortController().signal,
      log: (line) => log.push(line),
    }).run(new OwnerBook("kubernetes"), stop.signal);
    expect(log[0]?.["reason"]).toMatch(/certificate/);
  });
});
