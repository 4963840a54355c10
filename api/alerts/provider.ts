import type * as z from "zod";
import type { Alert, Language } from "./alert.ts";

export const CHANNEL_KINDS = [
  "slack",
  "discord",
  "teams",
  "feishu",
  "dingtalk",
  "wecom",
  "telegram",
  "mattermost",
  "googlechat",
  "pagerduty",
  "alertmanager",
  "webhook",
] as const;
export type ChannelKind = (typeof CHANNEL_KINDS)[number];

/** Where a channel sends; sealed at rest as a whole. */
export type Target = {
  url: string;
  secret?: string | undefined;
  /** Telegram: the chat; may be replaced by the provider (migrate_to_chat_id). */
  chatId?: string | undefined;
  /** Alertmanager behind a proxy. */
  username?: string | undefined;
};

export type Outgoing = { url: string; headers: Readonly<Record<string, string>>; body: string };

/** What came back: at most MAX_ANSWER_BYTES of the body, as text, whatever it was. Names of headers in lower case. */
export type Answer = { status: number; headers: Readonly<Record<string, string>>; body: string };

/** What an answer means. Reasons are for operators, never hold secrets or the provider's words at length. */
export type Outcome =
  | {
      result: "sent";
      /** What later messages of the incident refer to, such as the id of the message. */
      ref?: string | undefined;
    }
  | {
      result: "later";
      reason: string;
      /** The provider asks to wait for so long, in ms. */
      waitMs?: number | undefined;
      /** The target to use from now on. */
      moved?: Partial<Target> | undefined;
    }
  | {
      result: "never";
      reason: string;
      /** The channel cannot work until somebody mends it: it is switched off. */
      disable: boolean;
      /** A status alone says so, which may be of something between, or pass: it has to last. */
      unsure?: boolean | undefined;
    };

export type Rendering = {
  target: Target;
  language: Language;
  /** Epoch ms: signatures are of now. */
  now: number;
  /** Stays the same when the message is sent again: providers that can use it to drop doubles. */
  deliveryId: string;
  /** From the first message of this episode, where the provider gave one. */
  ref?: string | undefined;
};

/** How one chat provider is spoken to. Pure but for signing. */
export type Provider = {
  kind: ChannelKind;
  /** Hosts it may be at, or suffixes that begin with a dot; none: only hosts the operator allows. */
  hosts: readonly string[];
  /** What a new channel of this kind must have, beside a name; complaints say what to do. */
  target: z.ZodType<Target>;
  /** Messages a minute the provider takes of one channel. */
  perMinute: number;
  /** Sent again after so long while anything is open, whatever the severity: the provider forgets what is not repeated. */
  resendMs?: number | undefined;
  render(alert: Alert, rendering: Rendering): Promise<Outgoing> | Outgoing;
  judge(answer: Answer): Outcome;
};
