import { type Asked, isJson, jsonOf, playChat, type Verdict } from "../support/chat/play.ts";

/**
 * Plays an incoming webhook of Slack in the namespace it is started in, at the port given. Prints a line a message that it took: when,
 * its text and its blocks; or why it did not take one.
 */
const [port = "0"] = process.argv.slice(2);
const PATH = "/services/T0/B0/secret";

function judge(asked: Asked): Verdict<object> {
  const body = jsonOf(asked);
  const text = body?.["text"];
  const refuse = (status: number, why: string) => {
    console.log(JSON.stringify({ refused: why, at: Date.now() }));
    return { said: { status, body: why }, why };
  };
  if (asked.method !== "POST" || asked.path !== PATH) return refuse(404, "no_service");
  if (!isJson(asked) || typeof text !== "string" || text === "") return refuse(400, "invalid_payload");
  console.log(JSON.stringify({ at: Date.now(), text, blocks: JSON.stringify(body?.["blocks"] ?? []) }));
  return { said: { status: 200, body: "ok" }, accepted: body ?? {} };
}

const server = await playChat(judge, { port: Number(port) });
console.log(`ready ${server.url}${PATH}`);
