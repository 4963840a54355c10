import type { Subject } from "../../api/detect/rule.ts";
import type { Flows, Look, NodeWindow, PartyRow } from "../../db/look.ts";
import { atRest } from "./hours.ts";
import { aLook, aParty, aPartyRow, aWindow, someFlows } from "./looks.ts";

export const CROWD = aParty("crowd", { address: "10.0.0.1" });
export const FLOODER = aParty("flooder");
/** As the rule names it. */
export const KNOWN: Subject = {
  kind: "party",
  key: "node-1/pod/shop/flooder",
  node: "node-1",
  party: FLOODER,
};

/** What differs. */
export type Some = Partial<NodeWindow> & {
  row?: Partial<PartyRow>;
  flows?: Partial<Flows>;
  look?: Partial<Look>;
};

/** One owner has 30,000 of 50,000 entries, where 20,000 in all are usual, and opens no more than ever. */
export function flooded({ row, flows, look, ...some }: Some = {}): Look {
  const window = aWindow(0, { count: 50_000, entries: 50_000, ...some });
  const flooder = aPartyRow(FLOODER, { entries: 30_000, opened: 100, ...row });
  const crowd = aPartyRow(CROWD, { entries: 100, opened: 10 });
  return aLook(window, {
    hours: atRest(),
    flows: someFlows(window, { parties: [crowd, flooder], ...flows }),
    ...look,
  });
}

/** One owner opens 30,000 flows, 1,000 a second where 100 in all are usual; the table has what it always has. */
export const opened = ({ row, ...some }: Some = {}): Look =>
  flooded({
    count: 20_000,
    entries: 20_000,
    opened: 33_000,
    row: { entries: 500, opened: 30_000, ...row },
    ...some,
  });
