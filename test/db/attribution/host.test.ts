import { test } from "vitest";
import type { Holder } from "../../../db/attribution/holders.ts";
import { judge } from "../../../db/attribution/judge.ts";

const NODE = "192.168.50.10";
const AT = 1_800_000_000_000;

const host = {
  address: NODE,
  kind: "host",
  namespace: "",
  name: "node-1",
  uid: "",
  workloadKind: "",
  workload: "",
  node: "node-1",
  since: 0,
  until: null,
  confirmedUntil: null,
};

/** The answer about a node of which there is no window at that time. */
function unseen(translates: boolean | undefined, holder: Holder = host) {
  const verdict = judge({
    question: {
      address: NODE,
      port: 40_000,
      protocol: 6,
      peer: "10.0.0.9",
      peerPort: 3306,
      at: AT,
      toleranceMs: 0,
    },
    now: AT + 60_000,
    keptFrom: 0,
    clusters: ["prod"],
    // All was read that could be.
    places: [
      {
        cluster: "prod",
        node: "node-1",
        windows: [],
        from: 0,
        to: AT + 60_000,
        lastEnd: AT - 60_000,
        blind: [],
        translates,
      },
    ],
    holders: () => [holder],
  });
  return "answer" in verdict ? verdict.answer : undefined;
}

test.for([[true], [undefined]] as const)(
  "a port of a node that nobody watched is not the node's own where it translates (%s)",
  ([translates], { expect }) => {
    const answer = unseen(translates);
    expect(answer).toMatchObject({ certainty: "blind", candidates: [] });
    expect(answer?.reasons.length).toBeGreaterThan(0);
  },
);

test("a port of a node that never translates is its own, even where nobody watched", ({ expect }) => {
  expect(unseen(false)).toMatchObject({ certainty: "probable", candidates: [{ via: "host", source: NODE }] });
});

test("since when a node has an address is said where somebody told, and else not", ({ expect }) => {
  const held = { ...host, since: AT - 3_600_000, until: AT + 3_600_000 };
  const listed = unseen(false, held);
  expect(listed?.candidates[0]?.owner).toMatchObject({ name: "node-1", since: 0, until: null });
  const told = unseen(false, { ...held, told: { nodeId: 1, source: "kubernetes", end: false } });
  expect(told?.candidates[0]?.owner).toMatchObject({ since: held.since, until: held.until });
});
