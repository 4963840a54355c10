import type * as z from "zod";
import type { Attribution, Candidate, NodeEvidence, Reason } from "../attribution/schema.ts";
import { adviceFor, askAgain, type Said } from "./advice.ts";
import type { Page, Shown } from "./command.ts";
import { number, table } from "./table.ts";
import { endpoint, ownerText, workloadText } from "./words.ts";

type Answer = z.infer<typeof Attribution>;
type Candidate = z.infer<typeof Candidate>;
type Evidence = z.infer<typeof NodeEvidence>;
type Reason = z.infer<typeof Reason>;

/** Who it was in the first line; then by what that is known, and what it lacks. */
export function showAttribution(answer: Answer, page: Page, said: Said): Shown {
  const { certainty, candidates, evidence } = answer;
  const [first, ...others] = candidates;
  const reasons = reasonsOf(answer);
  const parts = [
    ...(first && others.length === 0 ? one(first, certainty, page) : several(answer, page)),
    reasons.map((reason) => `  ${sentence(reason, answer)}`),
    [...askAgain(reasons.some(isEarly) ? [evidence.asked.at] : [], said, page), ...adviceFor(reasons, said)],
    evidenceOf(evidence.nodes, page),
    [`Asked: ${askedText(evidence.asked, page)}. Times: ${page.zone}.`],
  ];
  const text = parts.filter((lines) => lines.length > 0).map((lines) => lines.join("\n"));
  return { text: text.join("\n\n"), found: first !== undefined };
}

/** Of the answer, and of the one whom it names, each once; those of nodes say why where it names nobody. */
function reasonsOf({ reasons, candidates, evidence }: Answer): Reason[] {
  const only = candidates.length === 1 ? candidates : [];
  const more = candidates.length === 0 ? evidence.nodes : only;
  const all = [...reasons, ...more.flatMap((one) => one.reasons)];
  return [...new Map(all.map((reason) => [reason.code, reason])).values()];
}

const isEarly = ({ code }: Reason): boolean => code === "not-reported-yet";

/** The reason; of a lease that is named, by its own times. */
function sentence({ code, text }: Reason, { candidates, evidence: { asked } }: Answer): string {
  const [first, ...others] = candidates;
  if (code !== "seen-only-before" || !first?.lease || others.length > 0) return text;
  const { closed, lastSeen } = first.lease;
  const before = (Date.parse(asked.at) - Date.parse(closed ?? lastSeen)) / 1000;
  if (closed !== null)
    return Math.abs(before) <= asked.toleranceSeconds
      ? `It ended within ${asked.toleranceSeconds} s of that time.`
      : text;
  return before > 0
    ? `It was still open when last seen, ${number(Math.ceil(before))} s before that time.`
    : text;
}

function one(candidate: Candidate, certainty: string, page: Page): string[][] {
  return [[`${who(candidate)}: ${certainty}`], facts(candidate, page)];
}

function who({ owner, source, node, cluster, via }: Candidate): string {
  const name = owner ? ownerText(owner) : `${source}, of whom nobody knows whose it was`;
  const seen = owner?.node ?? node;
  const place = seen === null ? "" : `, node ${seen}`;
  const there = via === "snat" && node !== null && seen !== node ? ` (translated by node ${node})` : "";
  return `${name}${place}, cluster ${cluster}${there}`;
}

const VIAS: Record<Candidate["via"], string> = {
  snat: "",
  own: "The address is its own: nothing was translated.",
  service: "The address is a Service's, for which its Pods answer; it opens no connections itself.",
  host: "The address and port are the node's own: nothing was translated.",
};

function facts({ source, sourcePort, lease, owner, via }: Candidate, { time }: Page): string[] {
  const lines: [string, string][] = [];
  if (lease) {
    const { natAddress, natPort, peer, peerPort, protocol, opened, closed, lastSeen } = lease;
    lines.push([
      "flow",
      `${endpoint(source, sourcePort)} → as ${endpoint(natAddress, natPort)} → ${endpoint(peer, peerPort)}, ${protocol}`,
    ]);
    const from = opened === null ? "before anybody watched" : time(opened);
    const to = closed === null ? `still there when last seen, ${time(lastSeen)}` : `until ${time(closed)}`;
    lines.push(["open", opened === null ? `from ${from}, ${to}` : `since ${from}, ${to}`]);
  }
  if (owner) {
    const { uid } = owner;
    // Of the addresses that a node lists itself nobody says since when it has them.
    const isUntold = via === "host" && owner.since === null && owner.until === null;
    if (!isUntold) lines.push(["address", `${source} held ${heldText(owner, time)}`]);
    if (uid) lines.push(["uid", uid]);
  }
  const how = VIAS[via];
  return [...(how ? [`  ${how}`] : []), ...lines.map(([name, text]) => `  ${name.padEnd(8)} ${text}`)];
}

function heldText({ since, until }: NonNullable<Candidate["owner"]>, time: Page["time"]): string {
  const begin = since === null ? "since before anybody looked" : `since ${time(since)}`;
  return `${begin}, ${until === null ? "still" : `until ${time(until)}`}`;
}

function several({ certainty, candidates, more }: Answer, { time, width }: Page): string[][] {
  if (certainty === "none") return [["Nobody: none"]];
  if (candidates.length === 0) return [["Nobody can know: blind"]];
  const rows = table(
    candidates,
    [
      { title: "who", of: ({ owner }) => (owner ? ownerName(owner) : "(nobody known)") },
      { title: "of", of: ({ owner }) => workloadText(owner?.workloadKind, owner?.workload), spare: 3 },
      { title: "source", of: ({ source, sourcePort }) => endpoint(source, sourcePort) },
      { title: "towards", of: ({ lease }) => lease && endpoint(lease.peer, lease.peerPort), spare: 1 },
      { title: "opened", of: ({ lease }) => lease?.opened && time(lease.opened), spare: 4 },
      { title: "closed", of: ({ lease }) => lease?.closed && time(lease.closed), spare: 5 },
      { title: "node", of: ({ node, owner }) => node ?? owner?.node, spare: 6 },
      { title: "cluster", of: ({ cluster }) => cluster, spare: 2 },
    ],
    width,
  );
  const others = more > 0 ? [[`And ${number(more)} more.`]] : [];
  return [[`One of ${number(candidates.length + more)}: ${certainty}`], [rows], ...others];
}

const ownerName = ({ kind, namespace, name }: NonNullable<Candidate["owner"]>): string =>
  `${kind} ${namespace ? `${namespace}/` : ""}${name}`;

/** More nodes than these are only counted. */
const MAX_NODES = 5;

function evidenceOf(nodes: readonly Evidence[], { time }: Page): string[] {
  const lines = nodes
    .slice(0, MAX_NODES)
    .map(({ cluster, node, windows, from, to, keyframeAt, complete }) => {
      const read = `Read of ${cluster}/${node}: ${windows} ${windows === 1 ? "window" : "windows"}`;
      if (from === null || to === null) return `${read}.`;
      const list = keyframeAt === null ? "no list of all leases" : `all leases as of ${time(keyframeAt)}`;
      const whole = complete ? "every beginning and end known" : "not all beginnings and ends known";
      return `${read}, ${time(from)} to ${time(to)}; ${list}; ${whole}.`;
    });
  const more = nodes.length - lines.length;
  return more > 0 ? [...lines, `And of ${more} more nodes.`] : lines;
}

function askedText(asked: Answer["evidence"]["asked"], { time }: Page): string {
  const { address, port, protocol, peer, peerPort, at, toleranceSeconds } = asked;
  const towards = peer === null ? "" : ` towards ${endpoint(peer, peerPort)}`;
  return `${endpoint(address, port)}${towards}, ${protocol}, at ${time(at)} ± ${toleranceSeconds} s`;
}
