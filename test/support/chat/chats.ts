import { discordVerdict } from "./discord.ts";
import { googlechatVerdict } from "./googlechat.ts";
import { mattermostVerdict } from "./mattermost.ts";
import type { ChatServer } from "./server.ts";
import { startChat } from "./server.ts";
import type { Read } from "./read.ts";
import { slackVerdict } from "./slack.ts";
import { teamsVerdict } from "./teams.ts";
import { telegramVerdict } from "./telegram.ts";

/** Chats on loopback until the test ends; they take what the real ones take. */
export const startSlack = (): Promise<ChatServer<Read>> => startChat(slackVerdict);
export const startDiscord = (): Promise<ChatServer<Read>> => startChat(discordVerdict);
export const startTeams = (): Promise<ChatServer<Read>> => startChat(teamsVerdict);
export const startMattermost = (): Promise<ChatServer<Read>> => startChat(mattermostVerdict);
export const startTelegram = (): Promise<ChatServer<Read>> => startChat(telegramVerdict);
export const startGooglechat = () => startChat(googlechatVerdict());
