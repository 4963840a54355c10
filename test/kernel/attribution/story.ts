import { once } from "node:events";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { lagOf } from "../../../db/queries/attribution/claims.ts";
import { type Agent, startAgent } from "../agents.ts";
import type { Service } from "../service.ts";
import type { Network } from "../../support/namespaces.ts";
import { type Lab, type Recorded, REUSED_PORT } from "./lab.ts";
import { type Answer, type Verdict, verdict } from "./verdict.ts";
import { few, takePorts, wave } from "./traffic.ts";

/** Times of what happened, epoch ms. */
export interface Story {
  /** The agent listened from here on. */
  started: number;
  /** Another Pod has the addresses of the second one. */
  replaced: number;
  /** The agent is killed, and another one listens. */
  killed: number;
  restarted: number;
  /** What was answered while there was no agent. */
  during: readonly Verdict[];
}

export interface Stage {
  network: Network;
  service: Service;
  lab: Lab;
  /** Where the file of owners lies. */
  folder: string;
  /** The agent's file, where it is not that of the kernel tests. */
  built?: string;
}

/** Twice what the API allows for clocks by default: who looks back so far from then on finds a watcher all the time. */
const WATCHED_MS = 10_000;
/** More than what an event or the word of an owner may be late by. */
const SETTLED_MS = 3_000;
/** Only so long after a flow began is it sure that no agent has still to learn whose its address was. */
const TOLD_MS = lagOf("file") + SETTLED_MS;

/** Pods open flows before, while and after an agent watches, and give up ports and addresses to others. */
export async function play(stage: Stage): Promise<Story> {
  const { service, lab } = stage;
  await giveOwners(stage);
  await few(lab, "older", { first: 30_000 });
  const first = await watch(stage);
  const started = Date.now();
  await service.reportedUntil(started + WATCHED_MS);
  await wave(lab);
  await takePorts(lab, "port re-used", { pod: 0, first: 40_000, count: 100 });
  await takePorts(lab, "port re-used", { pod: 1, first: 40_000, count: 100 });
  await service.reportedUntil(Date.now() + SETTLED_MS);

  await few(lab, "before the change", { first: 31_000, pods: [1] });
  lab.replace(1, "uid-checkout-2");
  await giveOwners(stage);
  const replaced = Date.now();
  await few(lab, "after the change", { first: 32_000, pods: [1] });
  await takePorts(lab, "port re-used", { pod: 2, first: 40_000, count: 100 });
  await service.reportedUntil(Date.now() + SETTLED_MS);
  await few(lab, "settled", { first: 33_000 });
  await service.reportedUntil(Date.now() + TOLD_MS);

  first.child.kill("SIGKILL");
  await once(first.child, "exit");
  const killed = Date.now();
  await few(lab, "outage", { first: 34_000 });
  await takePorts(lab, "outage, gone", { pod: 0, first: 41_000, count: 50 });
  await takePorts(lab, "outage, gone", { pod: 1, first: 41_000, count: 50 });
  await lab.onNode(`conntrack -D -p udp --dport ${REUSED_PORT} 2>&1 | tail -1`);
  const missed = lab.records.filter(({ at }) => at >= killed);
  const during = await asked(
    service,
    missed.map((record) => ({ record, at: record.at })),
  );
  await watch(stage);
  const restarted = Date.now();
  await few(lab, "restarted", { first: 35_000 });
  await service.reportedUntil(Date.now());
  return { started, replaced, killed, restarted, during };
}

/** Put in place as editors and Kubernetes do, by renaming. */
export async function giveOwners({ folder, lab }: Stage): Promise<void> {
  await writeFile(join(folder, "new.json"), JSON.stringify(lab.owners()));
  await rename(join(folder, "new.json"), join(folder, "owners.json"));
}

/** An agent that listens. */
export async function watch({ network, service, folder, built }: Stage): Promise<Agent> {
  const env = {
    CONNTRAIL_URL: service.url,
    CONNTRAIL_TOKEN: service.token,
    CONNTRAIL_OWNERS: `file:${join(folder, "owners.json")}`,
  };
  const agent = startAgent(network, env, built);
  await agent.said("started");
  return agent;
}

export interface About {
  record: Recorded;
  at: number;
  /** How far the recorder's clock may be off; the default of the API where it is not given. */
  tolerance?: string;
}

/** What the API takes at once. */
const LINES = 10_000;

/** Asks about what recorders saw, by what they saw. */
export async function asked(service: Service, about: readonly About[]): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (let from = 0; from < about.length; from += LINES) {
    const batch = about.slice(from, from + LINES);
    const questions = batch.map(({ record, at, tolerance }) => {
      const { address, port, protocol, peer, peerPort } = record;
      return { address, port, protocol: String(protocol), peer, peerPort, at, tolerance };
    });
    const { status, body } = await service.ask("POST", "/v1/attribution", questions);
    if (status !== 200) throw new Error(JSON.stringify(body).slice(0, 1_000));
    const answers = body["lines"] as Answer[];
    for (const [i, { record, at }] of batch.entries()) verdicts.push(verdict(record, at, answers[i]!));
  }
  return verdicts;
}
