import * as z from "zod";
import type { Question } from "../../db/attribution/answer.ts";
import { filters, flowFilters, parsed, whole } from "../parameters.ts";
import { Instant, parseDuration } from "../window.ts";
import { MAX_PORT, parseEndpoint, type Endpoint } from "./endpoint.ts";

/** What clocks that nobody looks after are off by is less; what is off by more needs another `at`, not more tolerance. */
export const MAX_TOLERANCE_MS = 5 * 60_000;
export const DEFAULT_TOLERANCE_MS = 5_000;

const TCP = 6;
const ICMP = 1;
const ICMPV6 = 58;

const parseTolerance = (text: string): number | undefined => {
  const ms = text === "0s" ? 0 : parseDuration(text);
  return ms !== undefined && ms <= MAX_TOLERANCE_MS ? ms : undefined;
};

export const Tolerance = parsed(parseTolerance, "not a duration from 0s to 5m such as 5s or 2m");
const SomeEndpoint = parsed(
  parseEndpoint,
  "neither an address nor an address and port such as 192.168.50.10:39510 or [fd00::9]:39510",
);
const Port = whole(0, MAX_PORT).optional();

/** What a question may say besides the address; in a batch, what lines may leave to the query. */
export const commonFields = {
  protocol: flowFilters.protocol.meta({
    param: { description: "Name or IANA number. Default tcp.", example: "tcp" },
  }),
  peer: SomeEndpoint.optional().meta({
    param: {
      description:
        "Who saw it: the far end as the node knows it, behind all Services and other DNAT. Its port may stand with it.",
      example: "10.0.0.9:3306",
    },
  }),
  peerPort: Port.meta({ param: { description: "Port of the peer." } }),
  at: Instant.optional().meta({
    param: { description: "When it was seen, RFC 3339 or epoch milliseconds. Default now." },
  }),
  tolerance: Tolerance.optional().meta({
    param: {
      description: "How far the clock that says `at` may be off, either way: 0s to 5m. Default 5s.",
      example: "5s",
    },
  }),
  ...filters,
};

export const questionFields = {
  address: SomeEndpoint.meta({
    param: { description: "What the peer saw. The port may stand with it.", example: "192.168.50.10:39510" },
  }),
  port: Port.meta({
    param: { description: "The port that the peer saw; of ICMP the id. Without it, all of the address." },
  }),
  ...commonFields,
};

type Said = {
  address?: Endpoint | undefined;
  port?: number | undefined;
  protocol?: number | undefined;
  peer?: Endpoint | undefined;
  peerPort?: number | undefined;
  at?: number | undefined;
  tolerance?: number | undefined;
  cluster?: string | undefined;
  node?: string | undefined;
};

/** What fields say, ports apart from addresses. */
export type Fields = Omit<Said, "address" | "peer"> & {
  address?: string | undefined;
  peer?: string | undefined;
};

/** Whether fields contradict each other: the complaint and the field it is about. */
export function contradiction({
  address,
  port,
  peer,
  peerPort,
}: Said): [field: string, message: string] | undefined {
  if (port !== undefined && (address?.port ?? port) !== port)
    return ["port", `is ${port}, and address says ${address?.port}`];
  if (peerPort !== undefined && (peer?.port ?? peerPort) !== peerPort)
    return ["peerPort", `is ${peerPort}, and peer says ${peer?.port}`];
  return undefined;
}

/** For `superRefine`: fields that contradict each other are refused. */
export function refuseContradictions(said: Said, check: z.RefinementCtx): void {
  const [field, message] = contradiction(said) ?? [];
  if (field !== undefined) check.addIssue({ code: "custom", path: [field], message });
}

export const fieldsOf = ({ address, port, peer, peerPort, ...rest }: Said): Fields => ({
  ...rest,
  address: address?.address,
  port: port ?? address?.port,
  peer: peer?.address,
  peerPort: peerPort ?? peer?.port,
});

/** What a line says, and of what it does not say the defaults. The default port of a peer is no other peer's. */
export function withDefaults(line: Fields, defaults: Fields): Fields {
  const peerPort = line.peer === undefined || defaults.peer === undefined ? defaults.peerPort : undefined;
  return {
    address: line.address,
    port: line.port,
    protocol: line.protocol ?? defaults.protocol,
    peer: line.peer ?? defaults.peer,
    peerPort: line.peerPort ?? peerPort,
    at: line.at ?? defaults.at,
    tolerance: line.tolerance ?? defaults.tolerance,
    cluster: line.cluster ?? defaults.cluster,
    node: line.node ?? defaults.node,
  };
}

/** The question that fields with an address ask. */
export function toQuestion(fields: Fields & { address: string }, now: number): Question {
  const { address, port, protocol = TCP, peer, peerPort, at = now } = fields;
  return {
    address,
    port,
    // People say icmp of both; the kernel does not.
    protocol: protocol === ICMP && address.includes(":") ? ICMPV6 : protocol,
    peer,
    peerPort,
    at,
    toleranceMs: fields.tolerance ?? DEFAULT_TOLERANCE_MS,
  };
}
