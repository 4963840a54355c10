import { onTestFinished } from "vitest";
import { type Asked, type ChatServer, playChat, type Verdict } from "./play.ts";

export {
  type Asked,
  type ChatServer,
  isJson,
  jsonOf,
  type Said,
  type Trouble,
  type Verdict,
} from "./play.ts";

/** Plays a chat provider on loopback until the test ends: see playChat. */
export async function startChat<Message>(
  judge: (asked: Asked, index: number) => Verdict<Message>,
  options: { maxBytes?: number } = {},
): Promise<ChatServer<Message>> {
  const server = await playChat(judge, options);
  onTestFinished(() => server.close());
  return server;
}
