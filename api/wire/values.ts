import * as z from "zod";
import { elementsOf } from "./columns.ts";

/** Longest text in a report (node name, kernel release): a DNS name has at most 253 bytes (RFC 1035, 2.3.4). */
export const MAX_TEXT = 253;
/** Longest sentence or sample line. */
export const MAX_SENTENCE = 500;

export const NAT_CLASSES = ["none", "snat", "dnat", "both"] as const;
export type NatClass = (typeof NAT_CLASSES)[number];

export const Count = z.int().min(0);
export const Text = z.string().max(MAX_TEXT);
export const Sentence = z.string().max(MAX_SENTENCE);
/** Epoch milliseconds, from 1970 to the year 9999. */
export const Instant = z.int().min(0).max(253_402_300_799_999);
export const natElements = elementsOf(NAT_CLASSES);
