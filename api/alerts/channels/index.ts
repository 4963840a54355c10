import type { ChannelKind, Provider } from "../provider.ts";
import { discord } from "./discord.ts";
import { googlechat } from "./googlechat.ts";
import { mattermost } from "./mattermost.ts";
import { slack } from "./slack.ts";
import { teams } from "./teams.ts";
import { telegram } from "./telegram.ts";

/** In the order in which documents list them. */
export const PROVIDERS: readonly Provider[] = [slack, discord, teams, telegram, mattermost, googlechat];

export const providerOf = (kind: ChannelKind): Provider | undefined =>
  PROVIDERS.find((provider) => provider.kind === kind);
