import { sql } from "drizzle-orm";
import type { Db } from "../../client.ts";
import { decodeParts, decodePorts } from "../../details.ts";
import { portsOf, readAges, readInvalid } from "../../look/details.ts";
import type { Look, Need, PortsRow } from "../../look.ts";
import { sourceParty } from "../../look/parties.ts";
import { readOccupied } from "../../ports/occupied.ts";
import type { Occupied } from "../../ports/occupied.ts";
import { decoded } from "./decoded.ts";
import { segmentOf } from "./flows.ts";
import type { FlowsQuery } from "./flows.ts";
import { knownParties } from "./known-parties.ts";

/** What of a look stands in the details of a report. */
export async function loadDetails(
  db: Db,
  query: FlowsQuery,
  need: Pick<Need, "ports" | "ages" | "invalid">,
): Promise<Pick<Look, "ports" | "ages" | "invalid">> {
  const { clusterId, window, onDamaged } = query;
  const [row] = await db.all<{ details: ArrayBuffer | number[] | null }>(
    sql`select g.details ${segmentOf(clusterId, window)}`,
  );
  if (!row?.details) return {};
  const bytes = new Uint8Array(row.details);
  const parts =
    (need.ages ?? need.invalid) && decoded(() => decodeParts(bytes, ["ages", "counters"]), onDamaged);
  const ports = need.ports && decoded(() => decodePorts(bytes), onDamaged);
  const occupied = ports && readOccupied(ports.ports, ports.addresses);
  const found: Pick<Look, "ports" | "ages" | "invalid"> = {};
  if (need.ages) found.ages = readAges(parts?.ages);
  if (need.invalid) found.invalid = readInvalid(parts?.counters);
  if (occupied) found.ports = await withHolders(db, query, occupied);
  return found;
}

async function withHolders(
  db: Db,
  { clusterId, window }: FlowsQuery,
  occupied: readonly Occupied[],
): Promise<PortsRow[]> {
  const { nodeId, node, from, to } = window;
  const sources = occupied.flatMap(({ shares }) => shares.map(({ source }) => source));
  const known = await knownParties(db, { clusterId, nodeId, from, to }, sources);
  return portsOf(occupied, (address) => sourceParty(address, known, { node, from, to }));
}
