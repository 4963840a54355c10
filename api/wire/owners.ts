import * as z from "zod";
import { type Check, sameLengths } from "./checks.ts";
import { addressElements, column, elementsOf, integerElements, nullable, textElements } from "./columns.ts";

/**
 * Addresses with an owner in one report: some hundred Pods in two families, and the services of a large cluster. Where they
 * are many more than change in a window, they take the larger part of a report: see MAX_WIRE_BYTES.
 */
export const MAX_OWNERS = 16_384;
export const OWNER_SOURCES = ["kubernetes", "docker", "file"] as const;
export const OWNER_KINDS = ["pod", "host", "service", "container", "external"] as const;

const names = nullable(textElements(253));
const instants = nullable(integerElements(0, 253_402_300_799_999));

const OwnerTable = z.object({
  source: z.enum(OWNER_SOURCES),
  /** True where all that hold an address now are listed; false where only what changed since the report before is. */
  complete: z.boolean(),
  /** False where the agent hears of no changes now, as while its watch is broken: others may hold addresses by now. */
  current: z.boolean().optional(),
  address: column(addressElements, MAX_OWNERS),
  kind: column(elementsOf(OWNER_KINDS), MAX_OWNERS),
  namespace: column(names, MAX_OWNERS),
  name: column(textElements(253), MAX_OWNERS),
  uid: column(names, MAX_OWNERS),
  /** What made it: Deployment, DaemonSet, a compose project. */
  workloadKind: column(names, MAX_OWNERS),
  workload: column(names, MAX_OWNERS),
  /** Epoch ms: held in [since, until). Null since: before anybody looked; null until: still. */
  since: column(instants, MAX_OWNERS),
  until: column(instants, MAX_OWNERS),
});
export const Owners = OwnerTable.superRefine(checkOwners).meta({ id: "Owners" });

export type Owners = z.infer<typeof Owners>;
export type OwnerKind = (typeof OWNER_KINDS)[number];

function checkOwners(
  { source: _source, complete: _complete, current: _current, ...columns }: z.infer<typeof OwnerTable>,
  check: Check,
) {
  sameLengths([], columns, check, "address");
}
