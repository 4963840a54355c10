import { test } from "vitest";
import type * as z from "zod";
import { Attribution, Batch, Leases } from "../../api/attribution/schema.ts";
import { conntrail, json } from "./world.ts";

type Answer = z.input<typeof Attribution>;
type Candidate = Answer["candidates"][number];

const OWNER: NonNullable<Candidate["owner"]> = {
  kind: "pod",
  namespace: "shop",
  name: "web-7d9f-x2x4v",
  uid: "3edc22ce-4f1e-49c2-a52d-5ec7d20c2274",
  workloadKind: "Deployment",
  workload: "web",
  node: "node-3",
  since: "2026-11-20T09:00:00.000Z",
  until: null,
};
const LEASE: NonNullable<Candidate["lease"]> = {
  natAddress: "192.168.50.10",
  natPort: 39_510,
  protocol: "tcp",
  peer: "10.9.0.5",
  peerPort: 3306,
  zone: 0,
  opened: "2026-11-21T11:58:01.000Z",
  closed: null,
  lastSeen: "2026-11-21T11:59:30.000Z",
};
const CANDIDATE: Candidate = {
  certainty: "certain",
  cluster: "prod",
  node: "node-3",
  via: "snat",
  source: "10.244.0.11",
  sourcePort: 41_234,
  owner: OWNER,
  lease: LEASE,
  reasons: [],
};
const NODE: Answer["evidence"]["nodes"][number] = {
  cluster: "prod",
  node: "node-3",
  keyframeAt: "2026-11-21T11:50:00.000Z",
  windows: 19,
  from: "2026-11-21T11:50:00.000Z",
  to: "2026-11-21T11:59:30.000Z",
  complete: true,
  reasons: [],
  blind: [],
};
const ASKED: Answer["evidence"]["asked"] = {
  address: "192.168.50.10",
  port: 39_510,
  protocol: "tcp",
  peer: "10.9.0.5",
  peerPort: 3306,
  at: "2026-11-21T11:59:00.000Z",
  toleranceSeconds: 5,
};

function anAnswer(differing: Partial<Answer> = {}): Answer {
  return Attribution.parse({
    certainty: "certain",
    candidates: [CANDIDATE],
    more: 0,
    reasons: [],
    evidence: { asked: ASKED, nodes: [NODE] },
    ...differing,
  });
}
const asked = (answer: Answer, around = {}) =>
  conntrail("who 192.168.50.10:39510", { answer: json(answer), ...around });

test("one who is certain: who, where and how sure in the first line, then why", async ({ expect }) => {
  const { code, out } = await asked(anAnswer());
  expect(code).toBe(0);
  expect(out).toBe(`Pod shop/web-7d9f-x2x4v of Deployment web, node node-3, cluster prod: certain

  flow     10.244.0.11:41234 → as 192.168.50.10:39510 → 10.9.0.5:3306, tcp
  open     since 2026-11-21 11:58:01, still there when last seen, 2026-11-21 11:59:30
  address  10.244.0.11 held since 2026-11-20 09:00:00, still
  uid      3edc22ce-4f1e-49c2-a52d-5ec7d20c2274

Read of prod/node-3: 19 windows, 2026-11-21 11:50:00 to 2026-11-21 11:59:30; all leases as of 2026-11-21 11:50:00; every beginning and end known.

Asked: 192.168.50.10:39510 towards 10.9.0.5:3306, tcp, at 2026-11-21 11:59:00 ± 5 s. Times: UTC.
`);
});

test("times are those of the clock of whoever asks, and it is said which", async ({ expect }) => {
  const { out } = await asked(anAnswer(), { timeZone: "America/New_York" });
  expect(out).toContain("since 2026-11-21 06:58:01");
  expect(out).toContain("Times: America/New_York.");
});

test("one who is probable, with the reasons, of an owner and a begin nobody knows", async ({ expect }) => {
  const lease = { ...LEASE, opened: null, closed: "2026-11-21T11:58:30.000Z" };
  const reasons: Candidate["reasons"] = [
    { code: "opened-unknown", text: "The flow began before anybody watched." },
    { code: "closed-before", text: "It had ended before that time." },
  ];
  const candidate = { ...CANDIDATE, certainty: "probable" as const, owner: null, lease, reasons };
  const { code, out } = await asked(anAnswer({ certainty: "probable", candidates: [candidate] }));
  expect(code).toBe(0);
  expect(out).toMatch(
    /^10\.244\.0\.11, of whom nobody knows whose it was, node node-3, cluster prod: probable\n/,
  );
  expect(out).toContain("from before anybody watched, until 2026-11-21 11:58:30");
  expect(out).toContain("  The flow began before anybody watched.\n  It had ended before that time.");
});

test("one who has another node than the one that translated, or none", async ({ expect }) => {
  const away = { ...CANDIDATE, node: "node-7" };
  expect((await asked(anAnswer({ candidates: [away] }))).out).toContain(
    "node node-3, cluster prod (translated by node node-7)",
  );
  const service: Candidate = {
    ...CANDIDATE,
    node: null,
    via: "service",
    lease: null,
    sourcePort: null,
    owner: {
      ...OWNER,
      kind: "service",
      name: "web",
      workload: null,
      workloadKind: null,
      node: null,
      uid: null,
    },
  };
  const { out } = await asked(anAnswer({ candidates: [service] }));
  expect(out).toMatch(/^Service shop\/web, cluster prod: certain\n\n {2}The address is a Service's/);
});

test("several: a table of all, and what would tell them apart", async ({ expect }) => {
  const other: Candidate = {
    ...CANDIDATE,
    certainty: "ambiguous",
    source: "10.244.0.12",
    owner: { ...OWNER, namespace: "pay", name: "ledger-0", workloadKind: "StatefulSet", workload: "ledger" },
    lease: { ...LEASE, peer: "fd00::9" },
    reasons: [{ code: "seen-only-before", text: "Only of this one." }],
  };
  const { code, out } = await asked(
    anAnswer({
      certainty: "ambiguous",
      candidates: [{ ...CANDIDATE, certainty: "ambiguous" }, other],
      reasons: [{ code: "several-sources", text: "Several sources fit." }],
    }),
  );
  expect(code).toBe(0);
  const [headline, , titles, first, second, , reason, , advice] = out.split("\n");
  expect(headline).toBe("One of 2: ambiguous");
  expect(titles).toMatch(/^who +of +source +towards +opened +node +cluster$/);
  expect(first).toMatch(
    /^pod shop\/web-7d9f-x2x4v +Deployment web +10\.244\.0\.11:41234 +10\.9\.0\.5:3306 +2026/,
  );
  expect(second).toMatch(/^pod pay\/ledger-0 +StatefulSet ledger +10\.244\.0\.12:41234 +\[fd00::9\]:3306 /);
  expect([reason, advice]).toEqual([
    "  Several sources fit.",
    expect.stringMatching(/^ {2}Try: --peer ADDRESS:PORT/),
  ]);
  expect(out).not.toContain("Only of this one");
});

test.for([
  ["none", 1, /^Nobody: none\n/],
  ["blind", 1, /^Nobody can know: blind\n\n {2}No report came\.\n\n {2}Try: conntrail nodes CLUSTER/],
] as const)(
  "%s: nobody is named, with the reasons of the nodes",
  async ([certainty, exit, said], { expect }) => {
    const reasons = certainty === "blind" ? [{ code: "no-reports" as const, text: "No report came." }] : [];
    const nodes = [{ ...NODE, windows: 0, from: null, to: null, keyframeAt: null, complete: false, reasons }];
    const { code, out } = await asked(
      anAnswer({ certainty, candidates: [], evidence: { asked: ASKED, nodes } }),
    );
    expect([code, out]).toEqual([exit, expect.stringMatching(said)]);
    expect(out).toContain("Read of prod/node-3: 0 windows.");
  },
);

test("of many nodes that were read most are only counted", async ({ expect }) => {
  const nodes = Array.from({ length: 8 }, (_, i) => ({ ...NODE, node: `node-${i}`, windows: 1 }));
  const { out } = await asked(anAnswer({ evidence: { asked: ASKED, nodes } }));
  expect(out.match(/^Read of prod/gm)).toHaveLength(5);
  expect(out).toContain("node-4: 1 window,");
  expect(out).toContain("And of 3 more nodes.");
});

test("a file: line by line, who it was how often, and how sure all that is", async ({ expect }) => {
  const line = (at: number, differing: object = {}) => ({
    line: at,
    asked: ASKED,
    certainty: "certain" as const,
    candidates: [CANDIDATE],
    reasons: [],
    more: 0,
    ...differing,
  });
  const batch = Batch.parse({
    counts: { lines: 5, certain: 2, probable: 0, ambiguous: 1, none: 0, blind: 1, errors: 1 },
    lines: [
      line(2),
      line(3),
      line(4, {
        certainty: "ambiguous",
        candidates: [CANDIDATE, CANDIDATE],
        more: 3,
        reasons: [{ code: "several-sources", text: "Several fit." }],
      }),
      line(5, {
        certainty: "blind",
        candidates: [],
        reasons: [{ code: "no-reports", text: "No report came." }],
      }),
      { line: 7, error: { code: "nothing-found", text: "No address is found in it." } },
    ],
  });
  const files = { "list.txt": "x" };
  const { code, out } = await conntrail("who --file list.txt", { files, answer: json(batch), width: 110 });
  expect(code).toBe(0);
  expect(out)
    .toBe(`line  seen                 certainty  who                            of              cluster
   2  192.168.50.10:39510  certain    shop/web-7d9f-x2x4v            Deployment web  prod
   3  192.168.50.10:39510  certain    shop/web-7d9f-x2x4v            Deployment web  prod
   4  192.168.50.10:39510  ambiguous  shop/web-7d9f-x2x4v or 4 more  Deployment web  prod
   5  192.168.50.10:39510  blind      (no-reports)                   -               -
   7  -                    -          (nothing-found)                -               -

lines  share  who, cluster
    2  40.0%  Pod shop/web-7d9f-x2x4v of Deployment web, prod

  1 several-sources: Several fit.
  1 no-reports: No report came.
  1 nothing-found: No address is found in it.

  Try: --peer ADDRESS:PORT; --at TIME; --tolerance 1s; conntrail nodes CLUSTER says whether its agent lives

5 lines: 2 certain, 1 ambiguous, 1 blind, 1 without a question. Times: UTC.
`);
  const none = { counts: { ...batch.counts, lines: 1 }, lines: batch.lines.slice(3, 4) };
  expect((await conntrail("who --file list.txt", { files, answer: json(none) })).code).toBe(1);
});

const EARLY = { code: "not-reported-yet" as const, text: "Ask again in a minute." };

test("where a node has yet to report it is said when and how to ask again about that very moment", async ({
  expect,
}) => {
  const before = { code: "seen-only-before" as const, text: "Nobody saw." };
  const asked = { ...ASKED, at: "2026-11-21T11:59:36.000Z" };
  const answer = anAnswer({
    certainty: "probable",
    candidates: [{ ...CANDIDATE, certainty: "probable", reasons: [EARLY, before] }],
    reasons: [EARLY, before],
    evidence: { asked, nodes: [NODE] },
  });
  const { out } = await conntrail("who 192.168.50.10:39510", { answer: json(answer) });
  expect(out).toContain("  It was still open when last seen, 6 s before that time.\n");
  expect(out).toContain("  Ask again from 2026-11-21 12:00:36 on: --at 2026-11-21T11:59:36.000Z\n");
  // Where that is over already, the report is late.
  const late = anAnswer({ certainty: "probable", candidates: [], reasons: [EARLY] });
  expect((await conntrail("who 192.168.50.10:39510 --at 10m", { answer: json(late) })).out).toContain(
    "  Ask again from 2026-11-21 12:00:30 on: --at 2026-11-21T11:59:00.000Z\n",
  );
});

test("a lease that ended about then is said to have", async ({ expect }) => {
  const text = "Nobody saw whether it still was.";
  const closed = async (at: string) => {
    const lease = { ...LEASE, closed: at };
    const reasons = [{ code: "seen-only-before" as const, text }];
    const candidates = [{ ...CANDIDATE, certainty: "probable" as const, lease, reasons }];
    return (await asked(anAnswer({ certainty: "probable", candidates, reasons }))).out;
  };
  expect(await closed("2026-11-21T11:58:57.000Z")).toContain("  It ended within 5 s of that time.\n");
  expect(await closed("2026-11-21T11:58:54.000Z")).toContain(text);
});

test("of a node of which nobody says since when it has an address no times are shown", async ({ expect }) => {
  const owner = { ...OWNER, kind: "host", namespace: null, name: "node-3", uid: null, workload: null };
  const host: Candidate = { ...CANDIDATE, via: "host", lease: null, owner: { ...owner, since: null } };
  expect((await asked(anAnswer({ candidates: [host] }))).out).not.toContain("held since");
  const told = { ...host, owner: { ...owner, since: OWNER.since } };
  expect((await asked(anAnswer({ candidates: [told] }))).out).toContain(
    "held since 2026-11-20 09:00:00, still",
  );
});

test("what was given already is not advised, but for a peer without its port", async ({ expect }) => {
  const reasons = [{ code: "several-sources" as const, text: "Several." }];
  const several = anAnswer({ certainty: "ambiguous", candidates: [CANDIDATE, CANDIDATE], reasons });
  const line = "who 192.168.50.10:39510 --peer 10.9.0.5:3306 --at 11:59";
  expect((await conntrail(line, { answer: json(several) })).out).toContain("  Try: --tolerance 1s\n");
  const noPeer = anAnswer({ reasons: [{ code: "no-peer", text: "No peer." }] });
  expect((await conntrail(line, { answer: json(noPeer) })).out).toContain("  Try: --peer ADDRESS:PORT\n");
});

test("of lines with times of their own it is said which zone was taken, and when to ask again", async ({
  expect,
}) => {
  const line = (at: number, time: string) => ({
    line: at,
    asked: { ...ASKED, at: time },
    certainty: "probable" as const,
    candidates: [CANDIDATE],
    reasons: [EARLY],
    more: 0,
  });
  const counts = { lines: 2, certain: 0, probable: 2, ambiguous: 0, none: 0, blind: 0, errors: 0 };
  const said = async (times: readonly string[], options = "") => {
    const answer = json(Batch.parse({ counts, lines: times.map((time, at) => line(at, time)) }));
    const around = { files: { x: "x" }, answer, timeZone: "Europe/Paris" };
    return (await conntrail(`who --file x${options}`, around)).out;
  };
  const [first, second] = ["2026-11-21T11:58:00.000Z", "2026-11-21T11:59:50.000Z"];
  const own = await said([first, second]);
  expect(own).toContain(
    "  2 not-reported-yet: Ask again in a minute.\n\n  Ask again from 2026-11-21 13:00:50 on\n",
  );
  expect(own).toContain("Times: Europe/Paris. Those in lines that name no zone were read as UTC: --zone");
  expect(await said([first, second], " --zone +01:00")).not.toContain("read as UTC");
  const same = await said([second, second]);
  expect(same).toContain(`on: --at ${second}\n`);
  expect(same).not.toContain("read as UTC");
});

test("of a file without any line that asks it is said that there is none", async ({ expect }) => {
  const counts = { lines: 0, certain: 0, probable: 0, ambiguous: 0, none: 0, blind: 0, errors: 0 };
  const around = { files: { x: "" }, answer: json({ counts, lines: [] }) };
  expect(await conntrail("who --file x", around)).toMatchObject({
    code: 1,
    out: "No line with an address was sent.\n",
  });
});

test("what a Pod looked like from outside: its leases, the latest first, and whether there are more", async ({
  expect,
}) => {
  const held = {
    cluster: "prod",
    node: "node-3",
    source: "10.244.0.11",
    sourcePort: 41_234,
    owner: OWNER,
    ...LEASE,
    reasons: [],
  };
  const range = {
    from: "2026-11-21T11:00:00.000Z",
    to: "2026-11-21T12:00:00.000Z",
    nodes: [NODE, { ...NODE, complete: false }],
    reasons: [{ code: "beyond-retention" as const, text: "No longer kept." }],
  };
  const some = Leases.parse({ leases: [held], more: 7, ...range });
  const { code, out } = await conntrail("leases --pod web-7d9f-x2x4v", { answer: json(some), width: 80 });
  expect(code).toBe(0);
  expect(out).toBe(`In force between 2026-11-21 11:00:00 and 2026-11-21 12:00:00 (UTC)

as                   towards        opened               who
192.168.50.10:39510  10.9.0.5:3306  2026-11-21 11:58:01  shop/web-7d9f-x2x4v

And 7 more: narrow it, or raise --limit.

Of 1 of 2 nodes not all is known: there may be more.

No longer kept.
`);
  const unsure = { ...held, reasons: [{ code: "owner-changed" as const, text: "Several held it." }] };
  const doubted = await conntrail("leases --pod web-7d9f-x2x4v", {
    answer: json(Leases.parse({ leases: [held, unsure], more: 0, ...range })),
  });
  expect(doubted.out).toMatch(/ unsure [^]* - [^]* owner-changed [^]*owner-changed: Several held it\./);
  const none = Leases.parse({ leases: [], more: 0, ...range });
  expect(await conntrail("leases --pod x", { answer: json(none) })).toMatchObject({
    code: 1,
    out: expect.stringContaining("none that is known"),
  });
});
