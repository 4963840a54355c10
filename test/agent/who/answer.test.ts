import { test } from "vitest";
import { answerOf, type Holding, type Known } from "../../../agent/who/answer.ts";
import { type Matches, matcher, MAX_MATCHES } from "../../../agent/who/match.ts";
import { parseQuestion, type Question } from "../../../agent/who/question.ts";
import { whoText } from "../../../agent/who/text.ts";
import { anEntry, type PlainEntry } from "../../support/entries.ts";

const NOW = 1_700_000_000_000;
const WEB = {
  kind: "pod",
  name: "web-1",
  namespace: "shop",
  uid: "u-1",
  workloadKind: "Deployment",
  workload: "web",
} as const;

function aQuestion(...args: string[]): Question {
  const parsed = parseQuestion(args);
  if (!("question" in parsed)) throw new Error(JSON.stringify(parsed));
  return parsed.question;
}

function matches(question: Question, entries: readonly PlainEntry[]): Matches {
  const { sink, matches } = matcher(question);
  for (const entry of entries) sink(anEntry(entry));
  return matches;
}

/** 10.0.0.11 towards 10.0.0.99:443, which sees 10.0.0.5. */
const FLOW: PlainEntry = {
  source: 11,
  peer: 99,
  peerPort: 443,
  sourcePort: 40_000,
  natAddress: 5,
  natPort: 50_000,
};
const SEEN = "10.0.0.5:50000";

function known(holdings: Holding[] = [], differing: Partial<Known> = {}): Known {
  const of = (address: string) => (address === "10.0.0.11" ? holdings : []);
  return { now: NOW, holdings: of, own: new Set(["10.0.0.5"]), node: "node-1", whole: true, ...differing };
}
const held = (since: number | undefined, until?: number, owner: Holding["owner"] = WEB): Holding => ({
  owner,
  since,
  until,
});
const codes = (reasons: readonly { code: string }[]) => reasons.map(({ code }) => code);

test("a flow answers whose replies go to what was seen, of that protocol and far end", ({ expect }) => {
  const found = (args: string[], differing: Partial<PlainEntry> = {}) =>
    matches(aQuestion(...args), [{ ...FLOW, ...differing }]).found.length;
  expect(found([SEEN])).toBe(1);
  expect(found(["10.0.0.5"])).toBe(1);
  expect(found([SEEN, "--peer", "10.0.0.99:443"])).toBe(1);
  expect(found([SEEN, "--peer", "10.0.0.99"], { service: 77 })).toBe(1);
  expect(found([SEEN, "--peer", "10.0.0.77"], { service: 77 })).toBe(0);
  expect(found([SEEN, "--peer", "10.0.0.99:444"])).toBe(0);
  expect(found(["10.0.0.5:50001"])).toBe(0);
  expect(found(["10.0.0.11:40000"])).toBe(0);
  expect(found([SEEN, "--protocol", "udp"])).toBe(0);
  expect(found([SEEN, "--protocol", "udp"], { protocol: 17 })).toBe(1);
  expect(found(["[a00:5::]:50000"], { ipv6: true })).toBe(1);
  expect(found([SEEN], { ipv6: true })).toBe(0);
});

test("an ICMP id is found where other protocols have a port", ({ expect }) => {
  const echo = { ...FLOW, protocol: 1, sourcePort: 7, natPort: 9 };
  const { found } = matches(aQuestion("10.0.0.5:9", "--protocol", "icmp"), [echo]);
  expect(found).toMatchObject([{ source: "10.0.0.11", sourcePort: 7, natPort: 9, peerPort: 0 }]);
  expect(matches(aQuestion("10.0.0.5:7", "--protocol", "icmp"), [echo]).found).toEqual([]);
});

test("of very many that fit some are kept, and the rest counted", ({ expect }) => {
  const { sink, matches } = matcher(aQuestion("10.0.0.5"));
  const entry = anEntry(FLOW);
  for (let i = 0; i < MAX_MATCHES + 1; i += 1) sink(entry);
  expect([matches.found.length, matches.more]).toEqual([MAX_MATCHES, 1]);
});

test.for([
  {
    what: "held it before the flow began",
    holding: held(NOW - 9_000),
    began: NOW - 5_000,
    certainty: "certain",
    reasons: [],
  },
  {
    what: "had it just so long before",
    holding: held(NOW - 8_000),
    began: NOW - 5_000,
    certainty: "certain",
    reasons: [],
  },
  ...[NOW - 7_999, NOW - 5_000, NOW - 2_000].map((since) => ({
    what: `got it about then or later, at ${since - NOW}`,
    holding: held(since),
    began: NOW - 5_000,
    certainty: "probable",
    reasons: ["owner-gap"],
  })),
  {
    what: "lost it just so long after it",
    holding: held(NOW - 90_000, NOW - 1_999),
    began: NOW - 5_000,
    certainty: "certain",
    reasons: [],
  },
  {
    what: "lost it soon after it",
    holding: held(NOW - 90_000, NOW - 2_000),
    began: NOW - 5_000,
    certainty: "probable",
    reasons: ["owner-gap"],
  },
  {
    what: "has it since nobody knows when",
    holding: held(undefined),
    began: NOW - 5_000,
    certainty: "probable",
    reasons: ["owner-not-confirmed"],
  },
  {
    what: "has it now, who knows since when the flow",
    holding: held(NOW - 9_000),
    began: -1,
    certainty: "probable",
    reasons: ["opened-unknown"],
  },
])("whoever $what", ({ holding, began, certainty, reasons }, { expect }) => {
  const found = matches(aQuestion(SEEN), [{ ...FLOW, startedAt: began }]);
  const answer = answerOf(found, known([holding]));
  expect(answer).toMatchObject({ certainty, candidates: [{ via: "snat", certainty, owner: WEB }] });
  expect(codes(answer.candidates[0]?.reasons ?? [])).toEqual(reasons);
});

test("a flow left over from a Pod that is gone is that Pod's, not its successor's", ({ expect }) => {
  const job = { kind: "pod", name: "job-1", uid: "u-0" } as const;
  const found = matches(aQuestion(SEEN), [{ ...FLOW, startedAt: NOW - 60_000 }]);
  const holdings = [held(NOW - 90_000, NOW - 30_000, job), held(NOW - 20_000)];
  expect(answerOf(found, known(holdings)).candidates).toMatchObject([{ owner: job, certainty: "certain" }]);
  const [candidate] = answerOf(found, known(holdings.slice(1))).candidates;
  expect([candidate?.owner?.name, codes(candidate?.reasons ?? [])]).toEqual(["web-1", ["owner-gap"]]);
});

test("a source nobody is known to hold is named by its address, and never certain", ({ expect }) => {
  const answer = answerOf(matches(aQuestion(SEEN), [{ ...FLOW, startedAt: NOW }]), known());
  expect(answer).toMatchObject({
    certainty: "probable",
    candidates: [{ source: "10.0.0.11", owner: undefined }],
  });
  expect(codes(answer.candidates[0]?.reasons ?? [])).toEqual(["owner-unknown"]);
});

test("the node's own flows are the host's, translated or not", ({ expect }) => {
  const own = { ...FLOW, source: 5, startedAt: NOW };
  const host = { kind: "host", name: "node-1" };
  const plain = answerOf(matches(aQuestion("10.0.0.5:40000"), [{ ...own, natPort: 40_000 }]), known());
  expect(plain).toMatchObject({ certainty: "certain", candidates: [{ via: "host", owner: host }] });
  const translated = answerOf(matches(aQuestion(SEEN), [own]), known());
  expect(translated).toMatchObject({ candidates: [{ via: "snat", owner: host }] });
  const untranslated = { source: 11, peer: 99, sourcePort: 40_000, startedAt: NOW };
  const pod = answerOf(matches(aQuestion("10.0.0.11:40000"), [untranslated]), known([held(NOW - 90_000)]));
  expect(pod).toMatchObject({ certainty: "certain", candidates: [{ via: "own", owner: WEB }] });
});

test("several sources are ambiguous, several flows of one are not", ({ expect }) => {
  const flows = [
    { ...FLOW, startedAt: NOW },
    { ...FLOW, peer: 98, startedAt: NOW },
  ];
  expect(answerOf(matches(aQuestion(SEEN), flows), known([held(NOW - 90_000)])).certainty).toBe("certain");
  const answer = answerOf(matches(aQuestion(SEEN), [...flows, { ...FLOW, source: 12, peer: 97 }]), known());
  expect(answer).toMatchObject({ certainty: "ambiguous", candidates: [{ certainty: "ambiguous" }, {}, {}] });
  expect(codes(answer.reasons)).toEqual(["several-sources"]);
});

test("flows of one address that began under several holders are ambiguous, and named so", ({ expect }) => {
  const job = { kind: "pod", name: "job-1", uid: "u-0" } as const;
  const question = aQuestion(SEEN);
  const flows = [
    { ...FLOW, startedAt: NOW - 60_000 },
    { ...FLOW, peer: 98, startedAt: NOW - 9_000 },
  ];
  const holdings = [held(NOW - 90_000, NOW - 30_000, job), held(NOW - 20_000)];
  const answer = answerOf(matches(question, flows), known(holdings));
  expect(answer).toMatchObject({
    certainty: "ambiguous",
    candidates: [{ owner: job }, { owner: WEB, certainty: "ambiguous" }],
  });
  expect(codes(answer.reasons)).toEqual(["owner-changed"]);
  const reading = { node: "node-1", source: "netlink", takenAt: NOW, entries: 2, blind: [] };
  expect(whoText(answer, question, reading)).toMatch(/^One of 2 flows: ambiguous\n/);
});

test("nothing is certain where more flows fit than are looked at", ({ expect }) => {
  const { found } = matches(aQuestion(SEEN), [{ ...FLOW, startedAt: NOW }]);
  const answer = answerOf({ found, more: 1 }, known([held(NOW - 90_000)]));
  expect(answer).toMatchObject({ certainty: "probable", candidates: [{ certainty: "probable" }] });
  expect(codes(answer.reasons)).toEqual(["too-many-flows"]);
});

test("a table that was not read as a whole makes nothing certain, and nobody is blind instead of none", ({
  expect,
}) => {
  const torn = known([held(NOW - 90_000)], { whole: false });
  const found = matches(aQuestion(SEEN), [{ ...FLOW, startedAt: NOW }]);
  expect(answerOf(found, torn)).toMatchObject({
    certainty: "probable",
    reasons: [{ code: "dump-incomplete" }],
  });
  expect(answerOf(matches(aQuestion(SEEN), []), torn).certainty).toBe("blind");
  expect(answerOf(matches(aQuestion(SEEN), []), known()).certainty).toBe("none");
});

test("the answer in text begins with who it is, and a terminal obeys no name in it", ({ expect }) => {
  const reading = { node: "node-1", source: "netlink", takenAt: NOW, entries: 7, blind: ["No BPF."] };
  const question = aQuestion(SEEN, "--peer", "10.0.0.99:443");
  const found = matches(question, [{ ...FLOW, startedAt: NOW - 1_000 }]);
  expect(whoText(answerOf(found, known([held(NOW - 90_000)])), question, reading)).toBe(
    `Pod shop/web-1 of Deployment web, node node-1: certain

  10.0.0.11:40000 → as 10.0.0.5:50000 → 10.0.0.99:443, tcp, since 2023-11-14T22:13:19.000Z

Asked: 10.0.0.5:50000 towards 10.0.0.99:443, tcp. Read: 7 entries of node-1 through netlink at 2023-11-14T22:13:20.000Z.
`,
  );
  const evil = { kind: "container", name: "web\u001b[2J\u202e\n" } as const;
  const text = whoText(answerOf(found, known([held(NOW - 90_000, undefined, evil)])), question, reading);
  expect(text).toMatch(/^container web\?\[2J\?\?, node node-1: certain\n/);
  const unknown = whoText(answerOf(found, known()), question, { ...reading, unknown: "owners: none here" });
  expect(unknown).toMatch(/^10\.0\.0\.11, of whom nobody here knows whose it is, node node-1: probable/);
  expect(unknown).toContain("Not known: owners: none here");
  const nobody = whoText(answerOf(matches(question, []), known()), question, reading);
  expect(nobody).toMatch(/^Nobody: none\n[^]*conntrail who \.\.\. --at[^]*Not seen: No BPF\./);
});

test("of very many flows a screenful is shown", ({ expect }) => {
  const question = aQuestion("10.0.0.5");
  const flows = Array.from({ length: 30 }, (_, i) => ({ ...FLOW, source: 11 + i, natPort: 50_000 + i }));
  const reading = { node: "node-1", source: "netlink", takenAt: NOW, entries: 30, blind: [] };
  const text = whoText(answerOf(matches(question, flows), known()), question, reading);
  expect(text).toMatch(/^One of 30 flows: ambiguous\n/);
  expect(text.match(/→ as/g)).toHaveLength(20);
  expect(text).toContain("and 10 more flows");
});
