import { innermost } from "../../../db/failure.ts";
import type { Alert, Language } from "../alert.ts";
import { providerOf } from "../channels/index.ts";
import { isOfProvider } from "../hosts.ts";
import { CHANNEL_KINDS } from "../provider.ts";
import type { ChannelKind, Outcome, Provider, Target } from "../provider.ts";
import type { Sealer } from "../sealed.ts";
import { SealError } from "../sealed.ts";
import { SendError } from "../send.ts";
import type { Send } from "../send.ts";

/** A channel as a message is handed to it. */
export type Reached = {
  id: number;
  kind: string;
  language: string;
  sealed: ArrayBuffer | number[] | Uint8Array;
};

export type Handing = { deliveryId: string; now: number; ref?: string | undefined };

/** What became of it; the status of the answer, where there was one. */
export type Handed = { outcome: Outcome; status: number | null };

export const languageOf = (text: string): Language => (text === "zh" ? "zh" : "en");

/** The provider of a channel that is stored. */
export function providerNamed(
  kind: string,
  find: (kind: ChannelKind) => Provider | undefined = providerOf,
): Provider | undefined {
  const known = CHANNEL_KINDS.find((one) => one === kind);
  return known && find(known);
}

/** What a target is sealed for: of no use in the row of another channel. */
export const purposeOf = (channelId: number): string => `channel ${channelId}`;

export const openTarget = async (sealer: Sealer, { id, sealed }: Reached): Promise<Target> =>
  // As sealTarget wrote it.
  JSON.parse(await sealer.open(new Uint8Array(sealed), purposeOf(id))) as Target;

export const sealTarget = (sealer: Sealer, channelId: number, target: Target): Promise<Uint8Array> =>
  sealer.seal(JSON.stringify(target), purposeOf(channelId));

/** Writes the message as the provider wants it, sends it, and says what the answer means. Never throws. */
export async function handOver(
  { send, sealer, provider }: { send: Send; sealer: Sealer; provider: Provider },
  channel: Reached,
  alert: Alert,
  handing: Handing,
): Promise<Handed> {
  try {
    const target = await openTarget(sealer, channel);
    const outgoing = await provider.render(alert, {
      target,
      language: languageOf(channel.language),
      ...handing,
    });
    const answer = await send(outgoing, provider.hosts);
    const outcome = provider.judge(answer);
    const isTheirs = isOfProvider(outgoing.url, provider.hosts);
    return { outcome: isTheirs ? outcome : passing(outcome, answer.status), status: answer.status };
  } catch (error) {
    return { outcome: failureOf(error), status: null };
  }
}

/** What a server of one's own, or a proxy before it, answers while it is set up or comes back. */
const COMES_BACK: ReadonlySet<number> = new Set([401, 403, 404]);

const passing = (outcome: Outcome, status: number): Outcome =>
  outcome.result === "never" && COMES_BACK.has(status)
    ? { result: "later", reason: outcome.reason }
    : outcome;

/** What the service itself could not do may be mended, by another key or version; hosts that are not allowed have to be. */
function failureOf(error: unknown): Outcome {
  if (error instanceof SendError)
    return error.passing
      ? { result: "later", reason: error.message }
      : { result: "never", reason: error.message, disable: true };
  if (error instanceof SealError) return { result: "later", reason: error.message };
  return { result: "later", reason: `the message could not be written (${innermost(error).name})` };
}
