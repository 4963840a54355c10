import type { ChannelKind, Provider } from "../provider.ts";
import { alertmanager } from "./alertmanager.ts";
import { dingtalk } from "./dingtalk.ts";
import { discord } from "./discord.ts";
import { feishu } from "./feishu.ts";
import { googlechat } from "./googlechat.ts";
import { mattermost } from "./mattermost.ts";
import { pagerduty } from "./pagerduty.ts";
import { slack } from "./slack.ts";
import { teams } from "./teams.ts";
import { telegram } from "./telegram.ts";
import { webhook } from "./webhook.ts";
import { wecom } from "./wecom.ts";

/** In the order in which documents list them. */
export const PROVIDERS: readonly Provider[] = [
  slack,
  discord,
  teams,
  feishu,
  dingtalk,
  wecom,
  telegram,
  mattermost,
  googlechat,
  pagerduty,
  alertmanager,
  webhook,
];

export const providerOf = (kind: ChannelKind): Provider | undefined =>
  PROVIDERS.find((provider) => provider.kind === kind);
