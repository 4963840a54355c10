import * as z from "zod";
import { canonicalAddress } from "../db/address.ts";
import { NAT_CLASSES } from "./wire.ts";
import { MAX_TEXT } from "./wire.ts";
import { ClusterName } from "./contract.ts";
import { parseProtocol } from "./protocol.ts";

/** A parameter whose text `parse` understands; undefined from it is a complaint. */
export const parsed = <T>(parse: (text: string) => T | undefined, complaint: string) =>
  z.string().transform((text, check) => {
    const value = parse(text);
    if (value !== undefined) return value;
    check.addIssue({ code: "custom", message: complaint });
    return z.NEVER;
  });

/** A whole number in decimal digits, within bounds. */
export const whole = (min: number, max: number) =>
  parsed((text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    return value >= min && value <= max ? value : undefined;
  }, `not a whole number from ${min} to ${max}`);

export const flag = parsed(
  (text) => (text === "true" || text === "false" ? text === "true" : undefined),
  "neither true nor false",
);

export const Address = parsed(canonicalAddress, "not an IPv4 or IPv6 address");
const Protocol = parsed(parseProtocol, "neither a protocol such as tcp nor a number from 0 to 255");

/** The parameters that narrow a question to part of a fleet. */
export const filters = {
  cluster: ClusterName.optional().meta({
    param: { description: "One cluster; all the token may read otherwise." },
  }),
  node: z
    .string()
    .min(1)
    .max(MAX_TEXT)
    .optional()
    .meta({ param: { description: "One node." } }),
};

const name = (description: string) =>
  z.string().min(1).max(MAX_TEXT).optional().meta({ param: { description } });

/** The parameters that narrow a question to what some own. */
export const ownerFilters = {
  namespace: name("Namespace of the owner."),
  workload: name("Workload of the owner."),
  pod: name("Name of the owner: a Pod, host, container or what a file says."),
};

/** The parameters that narrow a question to some of the flows. */
export const flowFilters = {
  source: Address.optional().meta({ param: { description: "Address the flows come from." } }),
  peer: Address.optional().meta({ param: { description: "Far end after DNAT." } }),
  port: whole(0, 65_535)
    .optional()
    .meta({ param: { description: "Port of the peer." } }),
  protocol: Protocol.optional().meta({ param: { description: "Name or IANA number.", example: "tcp" } }),
  nat: z
    .enum(NAT_CLASSES)
    .optional()
    .meta({ param: { description: "NAT class." } }),
};
