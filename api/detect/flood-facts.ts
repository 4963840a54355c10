import type { FlowRow, Look, PartyRow } from "../../db/look.ts";
import { shareOf } from "./flood.ts";
import type { Side } from "./flood.ts";
import { MAX_CONTRIBUTORS } from "./rule.ts";
import type { Contributor, Measured } from "./rule.ts";
import { secondsOf } from "./series.ts";
import { partyKey, peerFacts, present } from "./subject.ts";
import { fillOf } from "./window.ts";

/** What a message about a flooding owner tells: how large, against what, through which address, towards whom. */
export function floodMeasured(look: Look, row: PartyRow, side: Side): Measured {
  const flows = flowsOf(look, row, side);
  return {
    value: side.amount(row),
    limit: side.floor,
    baseline: side.of === "entries" ? row.dayMedian : undefined,
    score: side.score?.score,
    cause: side.of,
    contributors: flows.slice(0, MAX_CONTRIBUTORS).map((flow) => contributorOf(row, flow, side)),
    facts: present({
      entries: row.entries,
      share: shareOf(side, row),
      snatShare: row.entries > 0 ? row.snatEntries / row.entries : undefined,
      openedPerSecond: row.opened === undefined ? undefined : row.opened / secondsOf(look.window),
      peers: row.peers,
      usual: row.dayMedian,
      usualOfNode: side.score?.baseline.mean,
      ofNode: side.score?.value,
      utilisation: fillOf(look.window),
      natAddress: flows.find(({ natAddress }) => natAddress !== undefined)?.natAddress,
      ...peerFacts(flows[0]),
      peerShare: flows[0] && Math.min(amountOf(flows[0], side) / Math.max(side.amount(row), 1), 1),
    }),
  };
}

/** Those of the owner, most of what it floods with first. */
function flowsOf({ flows }: Look, { party }: PartyRow, side: Side): FlowRow[] {
  const key = partyKey(party);
  return (flows?.flows ?? [])
    .filter((flow) => partyKey(flow.party) === key && amountOf(flow, side) > 0)
    .toSorted((a, b) => amountOf(b, side) - amountOf(a, side) || byPeer(a, b));
}

const amountOf = (flow: FlowRow, { of }: Side): number =>
  of === "entries" ? flow.entries : (flow.opened ?? 0);

function byPeer(a: FlowRow, b: FlowRow): number {
  const [first, second] = [a, b].map(({ peer, peerPort, protocol, nat, natAddress }) =>
    [peer, peerPort, protocol, nat, natAddress].join(" "),
  );
  return (first ?? "") < (second ?? "") ? -1 : 1;
}

const contributorOf = ({ party }: PartyRow, flow: FlowRow, side: Side): Contributor => ({
  party,
  value: amountOf(flow, side),
  peer: flow.peer,
  peerPort: flow.peerPort,
  protocol: flow.protocol,
  natAddress: flow.natAddress,
});
