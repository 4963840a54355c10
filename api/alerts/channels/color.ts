import type { Message } from "../text/message.ts";

/** 0xRRGGBB for the bar beside a message. */
export function colorOf({ state, severity }: Message): number {
  if (state === "resolved" || state === "over") return 0x2d_a44e;
  if (state === "notice" || state === "test") return 0x57_606a;
  return severity === "critical" ? 0xcf_222e : 0xd4_a72c;
}

export const hexColorOf = (message: Message): string => `#${colorOf(message).toString(16).padStart(6, "0")}`;
