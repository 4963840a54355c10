import type { Config } from "../config.ts";
import { protocolName } from "../conntrack/protocols.ts";
import { readIdentity } from "../host/identity.ts";
import type { OwnerDeps } from "../owners/index.ts";
import { openSource } from "../sources/index.ts";
import { type Source, SourceError } from "../sources/source.ts";
import { type Answer, answerOf, type Candidate } from "./answer.ts";
import { type Holders, listHolders } from "./holders.ts";
import { matcher } from "./match.ts";
import type { Question } from "./question.ts";
import { type Reading, whoText } from "./text.ts";

/** The table cannot be read here; the message says why, and what to do. */
export class NoTable extends Error {}

/** An answer out of the live table of this node. */
export interface Found {
  answer: Answer;
  text: string;
  json: string;
}

/** Reads the table once and says who is behind an address and port now. Throws `NoTable`. */
export async function who(
  question: Question,
  config: Config,
  deps: OwnerDeps & { signal: AbortSignal },
): Promise<Found> {
  const { source, reasons } = await openSource(config.source);
  if (!source) throw new NoTable(reasons.map(sentence).join("\n"));
  const { sink, matches } = matcher(question);
  const takenAt = deps.now();
  const dump = await read(source, sink, deps.signal);
  const none: Holders = { holdings: () => [] };
  // Nobody is asked about nobody.
  const holders = matches.found.length > 0 ? await listHolders(config.owners, deps) : none;
  const { addresses } = await readIdentity(config.node);
  const answer = answerOf(matches, {
    now: deps.now(),
    holdings: holders.holdings,
    own: new Set(addresses),
    node: config.node,
    whole: !dump.interrupted && dump.unreadable.lines === 0,
  });
  const reading: Reading = {
    node: config.node,
    source: source.name,
    takenAt,
    entries: dump.entries,
    blind: source.blind,
    ...(holders.unknown !== undefined && { unknown: holders.unknown }),
  };
  return { answer, text: whoText(answer, question, reading), json: whoJson(answer, reading) };
}

const sentence = ({ message, remedy }: SourceError) => `${message}; ${remedy}`;

async function read(source: Source, sink: Parameters<Source["dump"]>[0], signal: AbortSignal) {
  try {
    return await source.dump(sink, signal);
  } catch (error) {
    if (error instanceof SourceError) throw new NoTable(sentence(error));
    if (signal.aborted) throw new NoTable(`the ${source.name} source did not give the table in time`);
    throw error;
  } finally {
    source.close();
  }
}

/** In the words of GET /v1/attribution, as far as one node knows them. */
function whoJson({ certainty, candidates, more, reasons }: Answer, reading: Reading): string {
  return JSON.stringify({
    certainty,
    candidates: candidates.map((candidate) => toJson(candidate, reading)),
    more,
    reasons,
    evidence: { ...reading, takenAt: time(reading.takenAt) },
  });
}

function toJson(candidate: Candidate, { node, takenAt }: Reading) {
  const { certainty, via, source, sourcePort, owner, reasons, opened, snat, ...flow } = candidate;
  return {
    certainty,
    node,
    via,
    source,
    sourcePort,
    owner: owner ? ownerJson(owner) : null,
    lease: snat
      ? {
          ...flow,
          protocol: protocolName(flow.protocol),
          opened: timeOrNull(opened),
          closed: null,
          lastSeen: time(takenAt),
        }
      : null,
    reasons,
  };
}

function ownerJson({ kind, name, since, until, ...details }: NonNullable<Candidate["owner"]>) {
  const { namespace = null, uid = null, workloadKind = null, workload = null } = details;
  return {
    kind,
    namespace,
    name,
    uid,
    workloadKind,
    workload,
    since: timeOrNull(since),
    until: timeOrNull(until),
  };
}

const time = (at: number): string => new Date(at).toISOString();
const timeOrNull = (at: number | undefined): string | null => (at === undefined ? null : time(at));
