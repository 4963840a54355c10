import * as fc from "fast-check";
import { describe, test } from "vitest";
import { MAX_OWNERS, Owners } from "../../../api/wire.ts";
import { MAX_CLAIMS, MAX_ROWS, MAX_SERVICE_CLAIMS, OwnerBook } from "../../../agent/owners/book.ts";
import type { Owner } from "../../../agent/owners/owner.ts";

const pod = (name: string): Owner => ({ kind: "pod", namespace: "shop", name, uid: `uid-${name}` });
const service = (name: string): Owner => ({ kind: "service", namespace: "shop", name, uid: `uid-${name}` });
const A = "10.244.0.11";
const all = () => true;
const none = () => false;
const windowAt = (from: number) => ({ from, to: from + 30_000 });
const W0 = windowAt(90_000);
const W1 = windowAt(120_000);

/** Rows as "address name [since, until)". */
function rowsOf(owners: Owners | undefined): string[] | undefined {
  if (!owners) return undefined;
  Owners.parse(owners);
  return owners.address.map(
    (address, row) => `${address} ${owners.name[row]} [${owners.since[row]}, ${owners.until[row]})`,
  );
}

describe("the book of owners", () => {
  test("a report names what is new, then what ended, then nothing", ({ expect }) => {
    const book = new OwnerBook("kubernetes");
    book.hold("fd00:0244::0011", { ...pod("web"), workloadKind: "Deployment", workload: "web" }, 100_000);
    expect(book.report(W0, false, none)).toEqual({
      source: "kubernetes",
      complete: false,
      address: ["fd00:244::11"],
      kind: ["pod"],
      namespace: ["shop"],
      name: ["web"],
      uid: ["uid-web"],
      workloadKind: ["Deployment"],
      workload: ["web"],
      since: [100_000],
      until: [null],
    });
    expect(book.report(W0, false, none)).toBeUndefined();
    book.release("fd00:244::11", pod("web"), 125_000);
    expect(rowsOf(book.report(W1, false, none))).toEqual(["fd00:244::11 web [100000, 125000)"]);
    expect(book.report(W1, false, none)).toBeUndefined();
  });

  test("an address used again within one window has two holders, one after the other", ({ expect }) => {
    const book = new OwnerBook("kubernetes");
    book.hold(A, pod("old"), 10_000);
    book.report(W0, false, none);
    book.release(A, pod("old"), 130_000);
    book.hold(A, pod("new"), 135_000);
    const rows = [`${A} old [10000, 130000)`, `${A} new [135000, null)`];
    expect(rowsOf(book.report(W1, false, none))).toEqual(rows);
    expect(rowsOf(book.report(W1, true, none))).toEqual(rows);
  });

  test("an end that is noticed late does not reach into the time of the successor", ({ expect }) => {
    const book = new OwnerBook("kubernetes");
    book.hold(A, pod("old"), 10_000);
    book.hold(A, pod("new"), 135_000);
    expect(rowsOf(book.report(W1, false, none))).toEqual([
      `${A} old [10000, 135000)`,
      `${A} new [135000, null)`,
    ]);
    book.release(A, pod("old"), 149_000);
    expect(book.report(W1, false, none)).toBeUndefined();
  });

  test.for([["finished", "running"] as const, ["running", "finished"] as const])(
    "what is over never wins over what runs: %s learnt of first",
    (order, { expect }) => {
      const book = new OwnerBook("kubernetes");
      for (const name of order) {
        book.hold(A, pod(name), name === "running" ? 100_000 : 110_000);
        if (name === "finished") book.release(A, pod(name), 119_000);
      }
      expect(rowsOf(book.report(W1, true, none))).toEqual([`${A} running [100000, null)`]);
    },
  );

  test("a holding that was reported and turns out to be none ends where it began", ({ expect }) => {
    const book = new OwnerBook("kubernetes");
    book.hold(A, pod("stale"), 100_000);
    book.hold(A, pod("brief"), 125_000);
    book.report(W1, false, none);
    book.release(A, pod("brief"), 140_000);
    expect(rowsOf(book.report(W1, false, none))).toEqual([
      `${A} stale [100000, null)`,
      `${A} brief [125000, 125000)`,
    ]);
    expect(book.report(W1, false, none)).toBeUndefined();
  });

  test("of several starts and ends the earliest count, and a later start after the end is another holding", ({
    expect,
  }) => {
    const book = new OwnerBook("docker");
    book.hold(A, pod("a"));
    book.hold(A, pod("a"), 120_000);
    book.hold(A, pod("a"), 110_000);
    book.hold(A, pod("a"), 115_000);
    book.release(A, pod("a"), 130_000);
    book.release(A, pod("a"), 140_000);
    book.hold(A, pod("a"), 130_000);
    expect(book.holdings(A).map(({ since, until }) => [since, until])).toEqual([
      [110_000, 130_000],
      [130_000, undefined],
    ]);
    book.release(A, pod("a"), 140_000);
    book.hold(A, pod("a"), 139_999);
    expect(book.holdings(A).map(({ since, until }) => [since, until])).toEqual([
      [110_000, 130_000],
      [130_000, undefined],
    ]);
  });

  test("a new name or workload is news", ({ expect }) => {
    const book = new OwnerBook("docker");
    book.hold(A, pod("a"), 1);
    book.report(W0, false, none);
    book.hold(A, { ...pod("a") }, 1);
    expect(book.report(W0, false, none)).toBeUndefined();
    book.hold(A, { ...pod("a"), name: "b" }, 1);
    expect(rowsOf(book.report(W0, false, none))).toEqual([`${A} b [1, null)`]);
    book.hold(A, { ...pod("a"), name: "b", workload: "w" }, 1);
    expect(book.report(W0, false, none)?.workload).toEqual(["w"]);
  });

  test("without a uid an owner is told by its kind, its namespace and its name", ({ expect }) => {
    const book = new OwnerBook("file");
    book.hold(A, { kind: "external", name: "partner" });
    book.release(A, { kind: "host", name: "partner" }, 125_000);
    book.release(A, { kind: "external", name: "partner", namespace: "x" }, 125_000);
    expect(rowsOf(book.report(W1, false, none))).toEqual([`${A} partner [null, null)`]);
    book.release(A, { kind: "external", name: "partner" }, 125_000);
    expect(rowsOf(book.report(W1, false, none))).toEqual([`${A} partner [null, 125000)`]);
  });

  test("a complete report has all who hold now or held within the window, changed or not", ({ expect }) => {
    const book = new OwnerBook("kubernetes");
    book.hold("10.0.0.1", pod("a"), 1);
    book.hold("10.0.0.2", pod("b"), 2);
    book.hold("10.0.0.3", pod("c"), 3);
    book.release("10.0.0.2", pod("b"), W0.from + 1);
    book.release("10.0.0.3", pod("c"), W0.from);
    for (let time = 0; time < 2; time++)
      expect(rowsOf(book.report(W0, true, none))).toEqual([
        "10.0.0.1 a [1, null)",
        `10.0.0.2 b [2, ${W0.from + 1})`,
      ]);
    expect(rowsOf(new OwnerBook("file").report(W0, true, none))).toEqual([]);
  });

  test("services are named once their address was met, and go with a complete report while they are", ({
    expect,
  }) => {
    const book = new OwnerBook("kubernetes");
    book.hold("10.96.0.1", service("api"), 1);
    book.hold("10.96.0.2", service("idle"), 1);
    expect(book.report(W0, false, none)).toBeUndefined();
    const api = ["10.96.0.1 api [1, null)"];
    const met = (address: string) => address === "10.96.0.1";
    expect(rowsOf(book.report(W0, false, met))).toEqual(api);
    expect(book.report(W0, false, met)).toBeUndefined();
    expect(rowsOf(book.report(W0, true, none))).toEqual(api);
    expect(rowsOf(book.report(W0, true, none))).toEqual([]);
    expect(rowsOf(book.report(W1, false, met))).toEqual(api);
    book.release("10.96.0.1", service("api"), 121_000);
    expect(rowsOf(book.report(W1, false, none))).toEqual(["10.96.0.1 api [1, 121000)"]);
  });

  test("an address of a service that is a node's too is the node's", ({ expect }) => {
    const book = new OwnerBook("kubernetes");
    book.hold("192.0.2.1", service("balancer"), 100_000);
    book.hold("192.0.2.1", { kind: "host", name: "node-1" });
    expect(rowsOf(book.report(W1, true, all))).toEqual(["192.0.2.1 node-1 [null, null)"]);
  });

  test("what ended is forgotten after a few windows, and does not become news again", ({ expect }) => {
    const book = new OwnerBook("kubernetes");
    book.hold(A, pod("old"), 10_000);
    book.hold(A, pod("mid"), 100_000);
    book.release(A, pod("mid"), 110_000);
    book.release(A, pod("old"), 128_000);
    expect(rowsOf(book.report(W0, false, none))).toEqual([
      `${A} old [10000, 100000)`,
      `${A} mid [100000, 110000)`,
    ]);
    for (let from = 120_000; from < 600_000; from += 1_000)
      expect(book.report(windowAt(from), false, none)).toBeUndefined();
    expect(book.holdings(A)).toEqual([]);
  });

  test("an end of long ago that nobody was told of is no news", ({ expect }) => {
    const book = new OwnerBook("kubernetes");
    const late = windowAt(1_000_000);
    book.hold(A, pod("a"), 1);
    book.release(A, pod("a"), late.from - 4 * 30_000);
    book.hold("10.0.0.2", pod("b"), 1);
    book.release("10.0.0.2", pod("b"), late.from - 4 * 30_000 + 1);
    expect(rowsOf(book.report(late, false, none))).toEqual(["10.0.0.2 b [1, 880001)"]);
  });
});

describe("limits of the book", () => {
  const address = (n: number) => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`;

  test("no more claims are taken than there is room for, and forgotten ones make room", ({ expect }) => {
    const book = new OwnerBook("kubernetes");
    for (let n = 0; n <= MAX_CLAIMS; n++) book.hold(address(n), pod(`p${n}`), 1);
    for (let n = 0; n <= MAX_SERVICE_CLAIMS; n++) book.hold(address(100_000 + n), service(`s${n}`), 1);
    expect([book.refused, book.holdings(address(MAX_CLAIMS))]).toEqual([2, []]);
    book.release(address(0), pod("p0"), 2);
    book.report(windowAt(1_000_000), false, none);
    book.hold(address(MAX_CLAIMS), pod("late"), 1);
    expect([book.refused, book.holdings(address(MAX_CLAIMS)).length]).toEqual([2, 1]);
  });

  test("what is no address is refused", ({ expect }) => {
    const book = new OwnerBook("file");
    for (const text of ["", "None", "10.0.0", "10.0.0.1x", "1".repeat(1_000_000)])
      book.hold(text, pod("a"), 1);
    expect([book.refused, rowsOf(book.report(W0, true, all))]).toEqual([5, []]);
  });

  test("a report takes what the wire does; the rest of the news goes with the next one, services last", ({
    expect,
  }) => {
    expect(MAX_ROWS).toBe(MAX_OWNERS);
    const book = new OwnerBook("kubernetes");
    for (let n = 0; n <= MAX_ROWS; n++) book.hold(address(n), { kind: "service", name: "s" }, 1);
    book.hold(A, pod("a"), 1);
    const first = book.report(W0, false, all);
    expect([first?.address.length, first?.address[0], book.leftOut]).toEqual([MAX_ROWS, A, 2]);
    expect([book.report(W0, false, all)?.address.length, book.leftOut]).toEqual([2, 0]);
  });

  test("names and instants are made to fit the wire", ({ expect }) => {
    const book = new OwnerBook("file");
    book.hold("10.0.0.1", { kind: "external", name: "x".repeat(254) }, -5.5);
    book.hold("10.0.0.2", { kind: "external", name: "x".repeat(253) }, Number.NaN);
    book.hold("10.0.0.3", { kind: "external", name: "y", workload: "z".repeat(999) }, 1e99);
    const owners = Owners.parse(book.report(W0, true, none));
    expect(owners.name.map((name) => name.length)).toEqual([253, 253, 1]);
    expect(owners.since).toEqual([0, null, 253_402_300_799_999]);
  });
});

describe("the book beside a model that asks each instant", () => {
  const HORIZON = 40;
  const step = fc.record({
    owner: fc.integer({ min: 0, max: 3 }),
    act: fc.constantFrom("hold", "hold", "release"),
    at: fc.option(fc.integer({ min: 0, max: HORIZON }), { nil: undefined }),
    report: fc.constantFrom("no", "no", "changes", "complete"),
  });
  type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
  interface Said {
    owner: number;
    since: number | undefined;
    until: number | undefined;
  }

  /** What the source said, taken word by word. */
  function listen(said: Said[], { owner, act, at }: Step): void {
    const own = said.findLast((claim) => claim.owner === owner);
    if (act === "release") {
      if (own && at !== undefined) own.until = Math.min(at, own.until ?? at);
    } else if (!own || (own.until !== undefined && own.until <= (at ?? -1)))
      said.push({ owner, since: at, until: undefined });
    else {
      own.until = undefined;
      if (at !== undefined) own.since = Math.min(at, own.since ?? at);
    }
  }

  /** The place in `said` of who holds at an instant, by the rule. */
  function holderAt(said: readonly Said[], at: number): number | undefined {
    const begun = said
      .map((claim, place) => ({ ...claim, place, begin: claim.since ?? -1 }))
      .filter(({ begin }) => begin <= at);
    const running = begun.filter(({ until }) => until === undefined);
    const last = (running.length > 0 ? running : begun).reduce<(typeof begun)[number] | undefined>(
      (best, claim) => (best && best.begin > claim.begin ? best : claim),
      undefined,
    );
    return last && at < (last.until ?? Number.POSITIVE_INFINITY) ? last.place : undefined;
  }

  test("each instant has the holder that the rule names, and what was told adds up to it", ({ expect }) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const book = new OwnerBook("kubernetes");
        const said: Said[] = [];
        const told = new Map<string, { uid: string; since: number; until: number }>();
        // One window of all time, so that nothing is too old to be told or remembered.
        const hear = (owners: Owners | undefined) =>
          owners?.uid.forEach((uid, row) => {
            const since = owners.since[row] ?? -1;
            told.set(`${uid} ${row}`, { uid: uid ?? "", since, until: owners.until[row] ?? Infinity });
          });
        const uidAt = (at: number) => {
          const place = holderAt(said, at);
          return place === undefined ? [] : [`uid-p${said[place]?.owner}`];
        };
        const held = (at: number) =>
          book
            .holdings(A)
            .filter(({ since, until }) => (since ?? -1) <= at && at < (until ?? Infinity))
            .map(({ owner }) => owner.uid);
        const reported = (at: number) =>
          [...told.values()].filter(({ since, until }) => since <= at && at < until).map(({ uid }) => uid);
        const instants = Array.from({ length: HORIZON + 3 }, (_, at) => at - 1);
        for (const one of steps) {
          const owner = pod(`p${one.owner}`);
          if (one.act === "hold") book.hold(A, owner, one.at);
          else if (one.at !== undefined) book.release(A, owner, one.at);
          listen(said, one);
          if (one.report === "changes") book.report({ from: 0, to: 1_000 }, false, none);
          expect(instants.map(held)).toEqual(instants.map(uidAt));
          if (one.report !== "complete") continue;
          told.clear();
          hear(book.report({ from: -1, to: 1_000 }, true, none));
          expect(instants.slice(1).map(reported)).toEqual(instants.slice(1).map(uidAt));
        }
      }),
    );
  });

  test("the changes, one after the other, leave a reader with the same holdings as the book", ({
    expect,
  }) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const book = new OwnerBook("kubernetes");
        // A reader here keeps the last holding of each owner; one that holds again after its end is another.
        const read = new Map<string, [number | null, number | null]>();
        const released = new Map<number, number>();
        steps.forEach(({ at, act, owner, report }, place) => {
          const lives = released.get(owner) ?? 0;
          if (act === "hold") book.hold(A, pod(`p${owner}.${lives}`), at);
          else {
            book.release(A, pod(`p${owner}.${lives}`), at ?? place);
            released.set(owner, lives + 1);
          }
          if (report === "no" && place < steps.length - 1) return;
          const owners = book.report({ from: 0, to: 1_000 }, false, none);
          owners?.uid.forEach((uid, row) =>
            read.set(`${uid}`, [owners.since[row] ?? null, owners.until[row] ?? null]),
          );
        });
        const last = new Map(
          book.holdings(A).map(({ owner, since, until }) => [owner.uid, [since ?? null, until ?? null]]),
        );
        for (const [uid, interval] of last) expect(read.get(`${uid}`)).toEqual(interval);
        expect(read.size).toBeGreaterThanOrEqual(last.size);
      }),
    );
  });
});
