import * as fc from "fast-check";
import { describe, test } from "vitest";
import {
  BUDGET,
  decide,
  type Group,
  MAX_WAIT_MS,
  type News,
  readyAt,
  RETRIES_MS,
  retryIn,
  withOneLess,
} from "../../../../api/alerts/grouping.ts";

const NOW = 1_800_000_000_000;
const MINUTE = 60_000;
const HOUR = 3_600_000;
const QUIET: Group = { sentAt: null, repeatAt: null, episode: 0, fleet: null };
const NOTHING: News = {
  opened: 0,
  resolved: 0,
  quiet: 0,
  over: 0,
  open: 0,
  openCritical: 0,
  unacknowledged: 0,
  affected: 0,
  nodes: 0,
  hushed: 0,
  anomalies: [],
};
const told = (
  group: Partial<Group>,
  news: Partial<News>,
  more: { resendMs?: number; tried?: boolean } = {},
) => decide({ ...QUIET, ...group }, { ...NOTHING, ...news }, { now: NOW, tried: false, ...more });
const fleetOf = (news: Partial<News>) => {
  const decision = told({}, { opened: 1, open: 1, ...news });
  return decision.do === "tell" && (decision.alert.fleet ?? false);
};

describe("how long until the next try", () => {
  test("is anything up to the next of the waits, and the last of them for ever", ({ expect }) => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (attempt, random) => {
          const wait = retryIn(attempt, random);
          const longest = RETRIES_MS[Math.min(attempt - 1, RETRIES_MS.length - 1)] ?? 0;
          return wait >= 0 && wait <= longest;
        },
      ),
      { numRuns: 200 },
    );
    expect([1, 7, 8, 50].map((attempt) => retryIn(attempt, 1 - Number.EPSILON))).toEqual([
      5_000,
      6 * HOUR,
      6 * HOUR,
      6 * HOUR,
    ]);
  });

  test.for([
    [0, 15_000],
    [15_001, 15_001],
    [90_000, 90_000],
    [MAX_WAIT_MS, MAX_WAIT_MS],
    [MAX_WAIT_MS + 1, MAX_WAIT_MS],
    [-1, 15_000],
  ] as const)(
    "is what the provider asks for, and 5 s for each failure at least: %d ms",
    ([asked, wait], { expect }) => {
      expect(retryIn(3, 0.5, asked)).toBe(wait);
      expect(retryIn(0, 0, 0)).toBe(5_000);
    },
  );
});

describe("the budget of a channel", () => {
  test("never lets more through in a minute than its provider takes, nor more than 120 in an hour from full", ({
    expect,
  }) => {
    fc.assert(
      fc.property(
        fc.constantFrom(1, 5, 9, 10, 20, 60),
        fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 300 }),
        (perMinute, gaps) => {
          let bucket = { tokens: BUDGET, refilledAt: NOW, spacedAt: 0 };
          let now = NOW;
          const sent: number[] = [];
          for (const gap of gaps) {
            now += gap;
            if (readyAt({ ...bucket, pausedUntil: null, perMinute }, now) > now) continue;
            bucket = withOneLess(bucket, perMinute, now);
            sent.push(now);
          }
          const most = (ms: number) =>
            Math.max(0, ...sent.map((at) => sent.filter((other) => other >= at && other < at + ms).length));
          expect(most(MINUTE)).toBeLessThanOrEqual(perMinute);
          expect(most(HOUR)).toBeLessThanOrEqual(2 * BUDGET);
        },
      ),
      { numRuns: 40 },
    );
  });

  test("is ready when it says so, and not a millisecond before", ({ expect }) => {
    fc.assert(
      fc.property(
        fc.double({ min: -5, max: BUDGET, noNaN: true }),
        fc.integer({ min: -HOUR, max: 5 * MINUTE }),
        fc.integer({ min: -MINUTE, max: 90_000 }),
        fc.constantFrom(1, 20, 60),
        (tokens, refilled, spaced, perMinute) => {
          const bucket = {
            tokens,
            refilledAt: NOW + Math.min(refilled, 0),
            spacedAt: NOW + spaced,
            pausedUntil: null,
            perMinute,
          };
          const at = readyAt(bucket, NOW);
          if (at <= NOW) return;
          expect(readyAt(bucket, at)).toBeLessThanOrEqual(at);
          expect(readyAt(bucket, at - 1)).toBeGreaterThan(at - 1);
        },
      ),
      { numRuns: 200 },
    );
  });

  test("holds for what is told once, keeps some of it, and does not hold for what has to be repeated", ({
    expect,
  }) => {
    const bucket = { tokens: 10, refilledAt: NOW, spacedAt: 0, pausedUntil: null, perMinute: 60 };
    expect(readyAt(bucket, NOW)).toBe(NOW);
    expect(readyAt({ ...bucket, kept: 9 }, NOW)).toBe(NOW);
    expect(readyAt({ ...bucket, kept: 10 }, NOW)).toBe(NOW + MINUTE);
    expect(readyAt({ ...bucket, tokens: 0 }, NOW)).toBe(NOW + MINUTE);
    expect(readyAt({ ...bucket, tokens: 0, resends: true }, NOW)).toBe(NOW);
    expect(withOneLess({ ...bucket, tokens: 0 }, 60, NOW).tokens).toBe(0);
  });

  test("does not wait for a time that a clock gone wrong has set", ({ expect }) => {
    const wrong = { tokens: 1, refilledAt: NOW + 400 * 24 * HOUR, spacedAt: NOW + 400 * 24 * HOUR };
    expect(readyAt({ ...wrong, pausedUntil: null, perMinute: 60 }, NOW)).toBe(NOW);
    expect(readyAt({ ...wrong, pausedUntil: NOW + 5, perMinute: 60 }, NOW)).toBe(NOW + 5);
  });
});

describe("what affects the fleet", () => {
  test.for([
    { open: 20, affected: 4, nodes: 10, is: false },
    { open: 21, affected: 1, nodes: 100, is: true },
    { open: 5, affected: 4, nodes: 4, is: false },
    { open: 5, affected: 5, nodes: 25, is: true },
    { open: 5, affected: 5, nodes: 26, is: false },
  ])("$open subjects on $affected of $nodes nodes: $is", ({ is, ...news }, { expect }) => {
    expect(fleetOf(news)).toEqual(is && { affected: news.affected, nodes: news.nodes });
  });

  test("is told as one until all is well, every half hour, and at once when it gets critical", ({
    expect,
  }) => {
    const group = { repeatAt: NOW + HOUR, sentAt: NOW - MINUTE, episode: 3, fleet: "warning" } as const;
    expect(told(group, { opened: 1, open: 11 })).toEqual({ do: "wait", until: NOW + 29 * MINUTE });
    expect(
      told({ ...group, sentAt: NOW - 30 * MINUTE }, { resolved: 9, open: 3, affected: 3, nodes: 30 }),
    ).toMatchObject({
      do: "tell",
      alert: { kind: "firing", episode: 3, fleet: { affected: 3, nodes: 30 } },
    });
    expect(told(group, { opened: 1, open: 11, openCritical: 1 })).toMatchObject({
      do: "tell",
      alert: { severity: "critical" },
    });
    expect(told({ ...group, fleet: "critical" }, { opened: 1, open: 11, openCritical: 1 })).toMatchObject({
      do: "wait",
    });
    const clear = told(group, { resolved: 30 });
    expect(clear).toMatchObject({ do: "tell", alert: { kind: "resolved" } });
    expect(clear.do === "tell" && clear.alert.fleet).toBe(undefined);
  });
});

test.for([
  { open: 11, affected: 1, nodes: 100, is: true },
  { open: 10, affected: 2, nodes: 10, is: false },
  { open: 3, affected: 3, nodes: 30, is: true },
  { open: 3, affected: 3, nodes: 31, is: false },
])(
  "of a fleet, $open subjects on $affected of $nodes nodes are left as one: $is",
  ({ is, ...news }, { expect }) => {
    const group = { repeatAt: NOW + HOUR, sentAt: NOW - MINUTE, episode: 3, fleet: "critical" } as const;
    const decision = told(group, { opened: 1, openCritical: 1, ...news });
    if (is) return expect(decision.do).toBe("wait");
    expect(decision.do === "tell" && decision.alert.fleet).toBe(undefined);
  },
);

describe("a group that is due", () => {
  test.for([
    { why: "nothing happened", group: {}, news: {}, repeatAt: null },
    { why: "what opened is over already", group: {}, news: { over: 1 }, repeatAt: null },
    { why: "only muted ones resolved", group: { repeatAt: NOW + 1 }, news: { quiet: 1 }, repeatAt: NOW + 1 },
    {
      why: "all that is open is acknowledged",
      group: { repeatAt: NOW },
      news: { open: 1 },
      repeatAt: NOW + 24 * HOUR,
    },
    {
      why: "a critical one is acknowledged",
      group: { repeatAt: NOW },
      news: { open: 1, openCritical: 1 },
      repeatAt: NOW + 4 * HOUR,
    },
    {
      why: "all that is open is muted",
      group: { repeatAt: NOW },
      news: { hushed: 1 },
      repeatAt: NOW + 24 * HOUR,
    },
    { why: "nothing is open any more", group: { repeatAt: NOW }, news: {}, repeatAt: null },
  ])("is told nothing where $why", ({ group, news, repeatAt }, { expect }) => {
    expect(told(group, news)).toEqual({ do: "nothing", repeatAt });
  });

  test.for([
    {
      why: "what was tried is over",
      group: {},
      news: { over: 2 },
      tried: true,
      kind: "resolved",
      opened: 2,
      resolved: 2,
      repeat: false,
    },
    {
      why: "the last one resolved",
      group: { repeatAt: NOW + 1 },
      news: { resolved: 1 },
      kind: "resolved",
      opened: 0,
      resolved: 1,
      repeat: false,
    },
    {
      why: "the last one resolved, muted",
      group: { repeatAt: NOW },
      news: { quiet: 1 },
      kind: "resolved",
      opened: 0,
      resolved: 1,
      repeat: false,
    },
    {
      why: "one of two resolved",
      group: { repeatAt: NOW + 1 },
      news: { resolved: 1, open: 1 },
      kind: "firing",
      opened: 0,
      resolved: 1,
      repeat: false,
    },
    {
      why: "one goes on",
      group: { repeatAt: NOW },
      news: { open: 1, unacknowledged: 1 },
      kind: "firing",
      opened: 0,
      resolved: 0,
      repeat: true,
    },
  ] as const)(
    "is told where $why",
    ({ group, news, kind, opened, resolved, repeat, ...more }, { expect }) => {
      const tried = "tried" in more;
      expect(told(group, news, { tried })).toMatchObject({
        do: "tell",
        alert: { kind, repeat, counts: { opened, resolved } },
      });
    },
  );

  test("is told of what is acknowledged too where the provider forgets", ({ expect }) => {
    expect(told({ repeatAt: NOW }, { open: 1 }, { resendMs: MINUTE })).toMatchObject({
      do: "tell",
      alert: { repeat: true },
    });
    expect(told({ repeatAt: NOW }, { hushed: 1 }, { resendMs: MINUTE })).toEqual({
      do: "nothing",
      repeatAt: NOW + MINUTE,
    });
  });
});
