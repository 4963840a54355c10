import * as z from "zod";
import { flag, flowFilters, parsed, whole } from "../parameters.ts";
import { Instant, windowParameters } from "../window.ts";
import { MAX_TEXT } from "../wire.ts";
import { MAX_CANDIDATES } from "./lines.ts";
import { commonFields, questionFields, refuseContradictions } from "./question.ts";
import { parseOffset } from "./text/time.ts";

export const AttributionQuery = z.strictObject(questionFields).superRefine(refuseContradictions);

const format = z.enum(["json", "csv"]).optional();

const parseZone = (text: string): number | undefined => (text === "UTC" ? 0 : parseOffset(text));

export const BatchQuery = z
  .strictObject({
    ...commonFields,
    zone: parsed(parseZone, "neither UTC nor how far ahead of it, such as +01:00")
      .optional()
      .meta({
        param: {
          description:
            "Of text: the zone of times that tell none, or only its name: UTC, or how far ahead of it, such as +01:00. Default UTC; a " +
            "line with the name of another zone is then not answered.",
          example: "+01:00",
        },
      }),
    side: z
      .enum(["remote", "local"])
      .optional()
      .meta({
        param: {
          description:
            "Of text from ss, netstat or lsof: which end is asked for. remote, the default, where it was run on the machine that the " +
            "connections come to; local where it was run on the node that they come from.",
        },
      }),
    evidence: flag
      .optional()
      .meta({ param: { description: "Whether each line tells what was read. Default false." } }),
    format: format.meta({
      param: {
        description: `csv: a row a candidate. Default what Accept asks for, or json. Of a line at most ${MAX_CANDIDATES} candidates are listed.`,
      },
    }),
  })
  .superRefine(refuseContradictions);

const MAX_LEASES = 1000;
export const DEFAULT_LEASES = 100;

const name = (description: string) =>
  z.string().min(1).max(MAX_TEXT).optional().meta({ param: { description } });

export const LeasesQuery = z
  .strictObject({
    pod: name("Whose: the name of a Pod, host, container or what a file says."),
    namespace: name("Namespace of the Pod."),
    source: flowFilters.source.meta({
      param: { description: "Whose: an address before SNAT, which may be outside." },
    }),
    ...windowParameters,
    at: Instant.optional().meta({
      param: {
        description: "Only leases in force then, give or take the tolerance; RFC 3339 or epoch milliseconds.",
      },
    }),
    tolerance: commonFields.tolerance.meta({
      param: { description: "Of `at`: 0s to 5m. Default 5s.", example: "5s" },
    }),
    peer: commonFields.peer.meta({
      param: { description: "Only towards this peer; its port may stand with it.", example: "10.0.0.9:3306" },
    }),
    peerPort: commonFields.peerPort,
    protocol: flowFilters.protocol,
    cluster: commonFields.cluster,
    node: commonFields.node,
    limit: whole(1, MAX_LEASES)
      .optional()
      .meta({ param: { description: `Leases at most, 1 to ${MAX_LEASES}. Default ${DEFAULT_LEASES}.` } }),
    format: format.meta({ param: { description: "csv: the leases as a file." } }),
  })
  .superRefine(refuseContradictions)
  .superRefine((query, check) => {
    for (const [field, message] of complaints(query))
      check.addIssue({ code: "custom", path: [field], message });
  });

type Leases = {
  pod?: string | undefined;
  namespace?: string | undefined;
  source?: string | undefined;
  at?: number | undefined;
  tolerance?: number | undefined;
  since?: number | undefined;
  from?: number | undefined;
  to?: number | undefined;
};

function* complaints({
  pod,
  namespace,
  source,
  at,
  tolerance,
  ...range
}: Leases): Generator<[string, string]> {
  if (pod === undefined && source === undefined) yield ["pod", "give pod or source"];
  if (pod !== undefined && source !== undefined) yield ["source", "use pod or source, not both"];
  if (namespace !== undefined && pod === undefined) yield ["namespace", "is that of a pod: give one"];
  for (const field of ["since", "from", "to"] as const)
    if (at !== undefined && range[field] !== undefined) yield [field, "use at, or a range, not both"];
  if (tolerance !== undefined && at === undefined) yield ["tolerance", "is that of at: give it"];
}
