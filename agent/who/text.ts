import { protocolName } from "../conntrack/protocols.ts";
import { type Answer, type Candidate, keyOf } from "./answer.ts";
import type { Question } from "./question.ts";

/** Rows that a screen has room for. */
const ROWS = 20;

/** What was read for an answer. */
export interface Reading {
  node: string;
  source: string;
  takenAt: number;
  entries: number;
  /** What of flows is not seen, a sentence each. */
  blind: readonly string[];
  /** Why owners are not known, or not all of them. */
  unknown?: string;
}

/** The answer as a person reads it: who it is in the first line. */
export function whoText(answer: Answer, question: Question, reading: Reading): string {
  const { certainty, candidates, more, reasons } = answer;
  const [first, ...others] = candidates;
  const all = [...reasons, ...candidates.flatMap((candidate) => candidate.reasons)];
  const sentences = [...new Set(all.map(({ text }) => text))];
  const rows = candidates.slice(0, ROWS).map(flowText);
  const left = candidates.length - rows.length + more;
  const parts = [
    [`${headline(first, others, reading.node)}: ${certainty}`],
    [...rows, ...(left > 0 ? [`  and ${left} more flows`] : [])],
    sentences.map((sentence) => `  ${sentence}`),
    reading.unknown === undefined ? [] : [`  Not known: ${reading.unknown}`],
    first ? [] : NOBODY,
    first ? [] : reading.blind.map((sentence) => `  Not seen: ${sentence}`),
    [readText(question, reading)],
  ];
  return `${parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.map(inert).join("\n"))
    .join("\n\n")}\n`;
}

const NOBODY = [
  "  No entry of the kernel's table is seen so from outside now. What has ended is known to the server, for which this node's agent",
  "  keeps a record: conntrail who ... --at TIME. Is the address one of this node's?",
];

function headline(first: Candidate | undefined, others: readonly Candidate[], node: string): string {
  if (!first) return "Nobody";
  const isSame = ({ source, owner }: Candidate) =>
    source === first.source && keyOf(owner) === keyOf(first.owner);
  if (!others.every(isSame)) return `One of ${others.length + 1} flows`;
  return `${ownerText(first)}, node ${node}`;
}

const KINDS: Record<string, string> = {
  pod: "Pod ",
  host: "host ",
  service: "Service ",
  container: "container ",
};

function ownerText({ owner, source }: Candidate): string {
  if (!owner) return `${source}, of whom nobody here knows whose it is`;
  const { kind, namespace, name, workloadKind, workload } = owner;
  const of = workload ? ` of ${workloadKind ?? ""} ${workload}` : "";
  return `${KINDS[kind] ?? ""}${namespace ? `${namespace}/` : ""}${name}${of}`;
}

function flowText(candidate: Candidate): string {
  const { source, sourcePort, natAddress, natPort, peer, peerPort, protocol, snat, zone, opened } = candidate;
  const as = snat ? ` → as ${endpoint(natAddress, natPort)}` : "";
  const since = opened === undefined ? "" : `, since ${new Date(opened).toISOString()}`;
  const inZone = zone === 0 ? "" : `, zone ${zone}`;
  return (
    `  ${endpoint(source, sourcePort)}${as} → ${endpoint(peer, peerPort)}, ${protocolName(protocol)}${inZone}${since}` +
    (candidate.certainty === "ambiguous" ? `: ${ownerText(candidate)}` : "")
  );
}

function readText({ address, port, peer, peerPort, protocol }: Question, reading: Reading): string {
  const { source, takenAt, entries, node } = reading;
  const towards = peer ? ` towards ${endpoint(peer.text, peerPort ?? 0)}` : "";
  const asked = `${endpoint(address.text, port ?? 0)}${towards}, ${protocolName(protocol)}`;
  return `Asked: ${asked}. Read: ${entries} entries of ${node} through ${source} at ${new Date(takenAt).toISOString()}.`;
}

function endpoint(address: string, port: number): string {
  if (port === 0) return address;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Foreign text as a terminal may show it: nothing that it would obey, or that turns or hides other text. */
const inert = (text: string) =>
  text.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu, "?");
