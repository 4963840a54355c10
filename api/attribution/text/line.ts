import type { LineFailure } from "../schema.ts";

/** What a line asks. Undefined is what it does not say. */
export type Found = {
  address: string;
  port?: number | undefined;
  protocol?: number | undefined;
  peer?: string | undefined;
  peerPort?: number | undefined;
  at?: number | undefined;
};

/** Why a line asks nothing; the text is for whoever sent it. */
export type Failure = { code: LineFailure; text: string };

/** Undefined: a line that is none for whoever reads it, such as a rule or a heading. */
export type LineRead = { found: Found } | { failure: Failure } | undefined;

export type TextRules = {
  /** Which of the two addresses of a socket is asked for: that of the far end, or the near one. */
  side: "remote" | "local";
  /** How far the clock of times without a zone is ahead of UTC; undefined where nobody says. */
  zoneMs?: number | undefined;
  now: number;
};

const TEXTS = {
  "nothing-found": "No address and port is found in it.",
  "no-port":
    "It has an address without a port, and many have the address of a node: let the port be logged too.",
  "no-address":
    "It names no address: connections of the machine itself have none; where names are written, have addresses written.",
  "not-connected": "A socket without a far end.",
  "time-zone-unknown": "Its time is in a zone by name: say how far that is ahead of UTC, as zone=+01:00.",
} as const;

export const failed = (code: keyof typeof TEXTS): { failure: Failure } => ({
  failure: { code, text: TEXTS[code] },
});

export const notUnderstood = (text: string): { failure: Failure } => ({ failure: { code: "invalid", text } });
