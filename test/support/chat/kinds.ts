import { discord } from "../../../api/alerts/channels/discord.ts";
import { googlechat } from "../../../api/alerts/channels/googlechat.ts";
import { mattermost } from "../../../api/alerts/channels/mattermost.ts";
import { slack } from "../../../api/alerts/channels/slack.ts";
import { teams } from "../../../api/alerts/channels/teams.ts";
import { telegram } from "../../../api/alerts/channels/telegram.ts";
import type { Outgoing, Provider, Target } from "../../../api/alerts/provider.ts";
import * as atDiscord from "./discord.ts";
import * as atGoogle from "./googlechat.ts";
import * as atMattermost from "./mattermost.ts";
import type { Asked, Said, Verdict } from "./play.ts";
import type { Read } from "./read.ts";
import * as atSlack from "./slack.ts";
import * as atTeams from "./teams.ts";
import * as atTelegram from "./telegram.ts";

export type Kind = {
  provider: Provider;
  /** Beside an address that its chat takes. */
  target: (origin: string) => Target;
  verdict: () => (asked: Asked, index: number) => Verdict<Read>;
  trouble: Readonly<Record<string, Said>>;
};

/** Chats of teams, each with an address that the chat that is played takes. */
export const KINDS: readonly Kind[] = [
  {
    provider: slack,
    target: (origin) => ({ url: origin + atSlack.PATH }),
    verdict: () => atSlack.slackVerdict,
    trouble: atSlack.SLACK_TROUBLE,
  },
  {
    provider: discord,
    target: (origin) => ({ url: origin + atDiscord.PATH }),
    verdict: () => atDiscord.discordVerdict,
    trouble: atDiscord.DISCORD_TROUBLE,
  },
  {
    provider: teams,
    target: (origin) => ({ url: origin + atTeams.PATH + atTeams.QUERY }),
    verdict: () => atTeams.teamsVerdict,
    trouble: atTeams.TEAMS_TROUBLE,
  },
  {
    provider: mattermost,
    target: (origin) => ({ url: origin + atMattermost.PATH }),
    verdict: () => atMattermost.mattermostVerdict,
    trouble: atMattermost.MATTERMOST_TROUBLE,
  },
  {
    provider: telegram,
    target: (origin) => ({ url: origin, secret: atTelegram.BOT, chatId: atTelegram.CHAT }),
    verdict: () => atTelegram.telegramVerdict,
    trouble: atTelegram.TELEGRAM_TROUBLE,
  },
  {
    provider: googlechat,
    target: (origin) => ({ url: origin + atGoogle.PATH + atGoogle.QUERY }),
    verdict: () => atGoogle.googlechatVerdict(),
    trouble: atGoogle.GOOGLECHAT_TROUBLE,
  },
];

/** A request as a server would read it. */
export function askedBy({ url, headers, body }: Outgoing): Asked {
  const { pathname, searchParams } = new URL(url);
  return { method: "POST", path: pathname, query: searchParams, headers, body };
}
