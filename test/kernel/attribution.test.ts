import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, test } from "vitest";
import { missing, type Network, openNetwork } from "../support/namespaces.ts";
import { type Lab, openLab } from "./attribution/lab.ts";
import { asked, play, type Story } from "./attribution/story.ts";
import { KINDS } from "./attribution/traffic.ts";
import { type Answer, counted, type Verdict, verdict } from "./attribution/verdict.ts";
import { openService, type Service } from "./service.ts";

/** The clocks of this machine agree; lookups allow for more by default. */
const TOLERANCE = "1s";
const OUTAGE = ["outage", "outage, gone"];
const LATE = ["settled", "restarted", ...OUTAGE];
/** Of plain flows, those of which the answer is to be certain: the kernel may lose an event where the machine is busy. */
const MOST = 0.9;

const reason = missing();
let folder: string;
let network: Network;
let service: Service;
let lab: Lab;
let story: Story;
/** The answers about all that was seen, with the default tolerance; and about what was seen near the end, with what this machine needs. */
let usual: Verdict[];
let close: Verdict[];

beforeAll(async () => {
  if (reason) return;
  folder = await mkdtemp(join(tmpdir(), "conntrail-attribution-"));
  network = await openNetwork();
  [lab, service] = await Promise.all([openLab(network), openService(network, { CONNTRAIL_TICK: "1s" })]);
  story = await play({ network, service, lab, folder });
  while (await isFolding());
  const about = lab.records.map((record) => ({ record, at: record.at }));
  usual = await asked(service, about);
  close = await asked(
    service,
    about
      .filter(({ record }) => LATE.includes(record.truth.what))
      .map((one) => ({ ...one, tolerance: TOLERANCE })),
  );
  for (const [name, verdicts] of Object.entries({ usual, close, during: story.during }))
    console.log(name, counted(verdicts));
}, 300_000);
afterAll(async () => {
  await service?.[Symbol.asyncDispose]();
  await network?.dispose();
  if (folder) await rm(folder, { recursive: true });
});
beforeEach((context) => {
  if (reason) context.skip(reason);
});

/** Whether a tick has still to look at something that came. */
async function isFolding(): Promise<boolean> {
  const { body } = await service.ask("GET", "/v1/talkers?by=pod&since=10m");
  return (body["window"] as object & { foldedUntil?: string }).foldedUntil !== undefined;
}

const of = (verdicts: readonly Verdict[], ...parts: readonly string[]) =>
  verdicts.filter(({ record }) => parts.includes(record.truth.what));
const isCertain = ({ answer }: Verdict) => answer.certainty === "certain";
const isWrong = ({ is }: Verdict) => is === "wrong";
const mappingOf = ({ address, port, protocol, peer, peerPort }: Verdict["record"]) =>
  [address, port, protocol, peer, peerPort].join(" ");
const share = (verdicts: readonly Verdict[], is: (one: Verdict) => boolean) =>
  verdicts.filter(is).length / verdicts.length;

test("of thousands of flows no answer is certain and wrong", ({ expect }) => {
  expect(lab.records.length).toBeGreaterThan(5_000);
  expect([...usual, ...close, ...story.during].filter((one) => isCertain(one) && isWrong(one))).toEqual([]);
});

test.for(KINDS)("who was behind %s is named, and nearly always certain", (kind, { expect }) => {
  const verdicts = of(usual, kind);
  expect(verdicts.length).toBeGreaterThan(100);
  expect(verdicts.filter(({ is }) => is !== "right")).toEqual([]);
  expect(share(verdicts, isCertain)).toBeGreaterThan(MOST);
});

test("of ports that change hands within the tolerance all holders are named, and none for sure", ({
  expect,
}) => {
  const both = of(usual, "port re-used");
  expect(both).toHaveLength(300);
  expect(both.filter(({ is, answer }) => is !== "right" || answer.certainty !== "ambiguous")).toEqual([]);
});

test("an address that another Pod got is the old Pod's before, the new one's after, and of either at the change", ({
  expect,
}) => {
  const change = of(usual, "before the change", "after the change");
  expect(change.length).toBeGreaterThan(200);
  expect(change.filter((one) => one.is !== "right" || isCertain(one))).toEqual([]);
  const settled = of(close, "settled");
  expect(settled.filter(({ is }) => is !== "right")).toEqual([]);
  expect(share(settled, isCertain)).toBeGreaterThan(MOST);
  const names = new Set(settled.map(({ record }) => record.truth.uid));
  expect(names).toContain("uid-checkout-2");
});

test("flows that an agent finds when it comes are named, and never for sure", async ({ expect }) => {
  const older = of(usual, "older");
  const later = await asked(
    service,
    older
      .filter(({ record }) => record.protocol === 6)
      .map(({ record }) => ({ record, at: story.replaced - 3_000 })),
  );
  for (const verdicts of [older, later]) {
    expect(verdicts.length).toBeGreaterThan(100);
    expect(verdicts.filter(({ is, answer }) => is !== "right" || answer.certainty === "certain")).toEqual([]);
  }
});

test("while no agent watches nothing is certain, neither then nor once it is back", ({ expect }) => {
  const outage = [...story.during, ...of(usual, ...OUTAGE), ...of(close, ...OUTAGE)];
  expect(outage.length).toBeGreaterThan(1_000);
  expect(outage.filter(isCertain)).toEqual([]);
  expect(of(usual, "outage").filter(({ is }) => is !== "right")).toEqual([]);
  // The kernel now and then gives a flow of the outage a mapping whose lease the agent has seen, and nobody saw end.
  const before = new Set(lab.records.filter(({ at }) => at < story.killed).map(mappingOf));
  expect(outage.filter((one) => isWrong(one) && !before.has(mappingOf(one.record)))).toEqual([]);
});

test("a single question is answered as it is among many, and says on what grounds", async ({ expect }) => {
  for (const one of KINDS.map((kind) => of(usual, kind).find(isCertain)!)) {
    const { address, port, protocol, peer, peerPort, at } = one.record;
    const query = new URLSearchParams({
      address,
      port: String(port),
      protocol: String(protocol),
      peer,
      at: String(at),
    });
    if (peerPort !== undefined) query.set("peerPort", String(peerPort));
    const { body } = await service.ask("GET", `/v1/attribution?${query.toString()}`);
    const answer = body as unknown as Answer;
    expect(verdict(one.record, at, answer).is).toBe("right");
    expect(answer).toMatchObject({
      certainty: "certain",
      evidence: { nodes: [{ node: "node-1", complete: true }] },
    });
  }
});
