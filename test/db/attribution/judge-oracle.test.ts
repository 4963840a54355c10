import * as fc from "fast-check";
import { describe, test } from "vitest";
import type { Attribution, Question, Reason } from "../../../db/attribution/answer.ts";
import { firstRange, judge, type PlaceRead } from "../../../db/attribution/judge.ts";
import { seeded } from "../../fleet/random.ts";
import {
  aWorld,
  NAT_ADDRESS,
  narrowed,
  NODE,
  PEERS,
  PORTS,
  type Trouble,
  type TrueLease,
  type World,
} from "../../support/lease-world.ts";

const CLUSTER = "prod";

/** Asks as a reader of a database does: a range first, and what is needed after it. */
function answer(world: World, question: Question): { answer: Attribution; rounds: number } {
  const windows = world.windows.map((window) => narrowed(window, question.port, question.peer));
  const read = (from: number, to: number): PlaceRead => ({
    cluster: CLUSTER,
    node: NODE,
    windows: windows.filter((window) => window.from < to && window.to > from),
    from,
    to,
    lastEnd: world.lastEnd || null,
    blind: [],
  });
  const first = firstRange(question);
  let place = read(first.from, first.to);
  const asked = new Set<string>();
  for (let rounds = 1; rounds < 20; rounds++) {
    const verdict = judge({
      question,
      now: world.now,
      keptFrom: 0,
      clusters: [CLUSTER],
      places: [place],
      holders: (_, address) => (asked.has(address) ? (world.holders.get(address) ?? []) : undefined),
    });
    if ("answer" in verdict) return { answer: verdict.answer, rounds };
    for (const { address } of verdict.needs.owners) asked.add(address);
    for (const { from, to } of verdict.needs.windows) {
      if (from > place.from || to < place.to || (from === place.from && to === place.to))
        throw new Error("more was to be read, and is not more");
      place = read(from, to);
    }
  }
  throw new Error("it does not come to an end");
}

/** Who really had what is asked for at some instant of it. */
function truth(world: World, { port, peer, at, toleranceMs }: Question) {
  return world.truth.filter(
    (lease) =>
      (port === undefined || lease.natPort === port) &&
      (peer === undefined || lease.peer === peer) &&
      lease.from <= at + toleranceMs &&
      lease.to > at - toleranceMs,
  );
}

const pair = (source: string, owner: string | undefined) => `${source} ${owner ?? ""}`;
const pairs = (answer: Attribution) => answer.candidates.map(({ source, owner }) => pair(source, owner?.uid));

/** What no answer may be, whatever went wrong: what is wrong with it, or nothing. */
function wrongness(world: World, question: Question, answer: Attribution): string | undefined {
  const { certainty, reasons } = answer;
  const held = truth(world, question);
  const really = new Set(held.map(({ source, owner }) => pair(source, owner)));
  const said = pairs(answer);
  if (certainty === "certain" && (really.size !== 1 || said.join() !== [...really].join()))
    return `certain of ${said.join()}, truly ${[...really].join(" and ") || "nobody"}`;
  if (certainty === "none" && held.length > 0) return `none, truly ${[...really].join(" and ")}`;
  if ((said.length === 0) !== EMPTY.has(certainty)) return `${certainty} with ${said.length} candidates`;
  if (reasons.length === 0 && !FIRM.has(certainty)) return `${certainty} for no reason`;
  const left = leftOut(answer, held);
  return left && `${certainty} without ${left}, by complete evidence`;
}

const EMPTY = new Set<string>(["none", "blind"]);
const FIRM = new Set<string>(["none", "certain"]);
const OWNER_DOUBTS = new Set<Reason>(["opened-unknown", "owner-unknown", "owner-gap", "owner-changed"]);

/** By complete evidence whoever had it is among the candidates, and so is his Pod unless there is a doubt about Pods. */
function leftOut({ evidence, candidates }: Attribution, held: readonly TrueLease[]): string | undefined {
  if (!evidence.every(({ complete }) => complete)) return undefined;
  for (const { source, owner } of held) {
    const same = candidates.filter((candidate) => candidate.source === source);
    const doubted = same.some(({ reasons }) => reasons.some((reason) => OWNER_DOUBTS.has(reason)));
    if (same.length === 0) return source;
    if (!doubted && !same.some((candidate) => candidate.owner?.uid === owner)) return pair(source, owner);
  }
  return undefined;
}

/** Moments at which something happens, and others. */
function questions(world: World, seed: number, count: number): Question[] {
  const random = seeded(seed);
  return Array.from({ length: count }, () => {
    const lease = world.truth[Math.floor(random() * world.truth.length)];
    const near = [lease?.from ?? world.from, lease?.to ?? world.to][Math.floor(random() * 2)]!;
    const at =
      random() < 0.6
        ? near + Math.floor((random() - 0.5) * 12_000)
        : world.from + random() * (world.to - world.from);
    return {
      address: NAT_ADDRESS,
      port: random() < 0.95 ? PORTS[Math.floor(random() * PORTS.length)]! : undefined,
      protocol: 6,
      ...(random() < 0.8 && { peer: `10.0.0.${PEERS[Math.floor(random() * PEERS.length)]!}`, peerPort: 443 }),
      at: Math.floor(at),
      toleranceMs: [0, 100, 1_000, 5_000, 20_000][Math.floor(random() * 5)]!,
    };
  });
}

const PLAIN: Omit<Trouble, "seed"> = {
  windows: 50,
  keyframeEvery: 20,
  dumpEvery: 1,
  gap: 30_000,
  lasts: 600_000,
  late: 50,
  drained: true,
  losses: 0,
  restarts: 0,
  reboots: false,
  missing: 0,
  silent: false,
  timestamps: false,
  parts: false,
  omitted: 0,
  torn: false,
  leases: "full",
  events: true,
  ago: 0,
};

/** One lease has the port all the time and some seconds more; its Pod was there before and is still; the agent has seen it begin. */
function isPlain(world: World, question: Question): boolean {
  const held = truth(world, { ...question, toleranceMs: question.toleranceMs + 3_000 });
  const [lease] = held;
  if (held.length !== 1 || !lease || lease.from < world.from + 3_000) return false;
  const { at, toleranceMs } = question;
  const reported = at + toleranceMs + 3_000 < world.lastEnd;
  const holder = world.holders.get(lease.source)?.find(({ uid }) => uid === lease.owner);
  const settled = !holder || (holder.since < lease.from - 5_000 && (holder.until ?? at) > lease.from + 5_000);
  const before = lease.from < at - 1_500 && lease.to > at - toleranceMs + 3_000;
  return reported && settled && before && at - toleranceMs > world.from;
}

const rarely = <T>(value: T, other: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(value) }, { weight: 2, arbitrary: other });

const trouble: fc.Arbitrary<Trouble> = fc.record({
  seed: fc.nat(),
  windows: fc.integer({ min: 1, max: 60 }),
  keyframeEvery: fc.constantFrom(2, 5, 20, 45),
  dumpEvery: fc.constantFrom(1, 1, 3),
  gap: fc.constantFrom(30_000, 300_000),
  lasts: fc.constantFrom(20_000, 600_000),
  late: rarely(50, fc.constant(1_900)),
  drained: rarely(true, fc.constant(false)),
  losses: rarely(0, fc.integer({ min: 1, max: 3 })),
  restarts: rarely(0, fc.integer({ min: 1, max: 4 })),
  reboots: fc.boolean(),
  missing: rarely(0, fc.constant(0.15)),
  silent: fc.boolean(),
  timestamps: fc.boolean(),
  parts: fc.boolean(),
  omitted: rarely(0, fc.constant(0.2)),
  torn: rarely(false, fc.constant(true)),
  leases: fc.oneof(
    { weight: 12, arbitrary: fc.constant("full" as const) },
    fc.constantFrom("keyframes" as const, "off" as const),
  ),
  events: fc.oneof({ weight: 12, arbitrary: fc.constant(true) }, fc.constant(false)),
  ago: fc.constantFrom(-40_000, 0, 100_000),
});

describe("whoever had a port", () => {
  test("of a node without trouble whoever is asked for is certain", ({ expect }) => {
    const counts: Record<string, number> = {};
    for (let seed = 1; seed <= 30; seed++) {
      const world = aWorld({ ...PLAIN, seed });
      for (const question of questions(world, seed, 40)) {
        const { at, peer, port } = question;
        if (peer === undefined || port === undefined || !isPlain(world, question)) continue;
        const { answer: told } = answer(world, question);
        counts[told.certainty] = (counts[told.certainty] ?? 0) + 1;
        expect(told.certainty === "certain" || told.reasons.length > 0, `seed ${seed} at ${at}`).toBe(true);
      }
    }
    const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
    expect(all).toBeGreaterThan(200);
    expect((counts["certain"] ?? 0) / all).toBeGreaterThan(0.97);
  });

  test("no answer is wrong, whatever went wrong", ({ expect }) => {
    const counts: Record<string, number> = {};
    fc.assert(
      fc.property(trouble, (trouble) => {
        const world = aWorld(trouble);
        for (const question of questions(world, trouble.seed, 40)) {
          const { answer: told } = answer(world, question);
          counts[told.certainty] = (counts[told.certainty] ?? 0) + 1;
          const wrong = wrongness(world, question, told);
          if (wrong) throw new Error(`${wrong}\n${JSON.stringify({ question, told }, null, 1)}`);
        }
      }),
      { numRuns: 300 },
    );
    expect(Object.keys(counts).toSorted()).toEqual(["ambiguous", "blind", "certain", "none", "probable"]);
  });
});
