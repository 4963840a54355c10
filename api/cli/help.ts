import { DEFAULT_URL } from "./ask.ts";
import type { Command, Option } from "./command.ts";
import { COMMANDS } from "./commands/index.ts";

const COMMON: Record<string, Option> = {
  url: { value: "URL", says: "address of the API, instead of CONNTRAIL_URL" },
  "token-file": { value: "PATH", says: "file that holds the token, instead of CONNTRAIL_TOKEN" },
  json: { value: "", says: "the API's answer as it is" },
  utc: { value: "", says: "read and print times in UTC instead of local time" },
  help: { value: "", says: "how a command is used" },
};

export const help = (
  version: string,
): string => `Conntrail ${version}: asks a Conntrail service who uses the connection tables of a fleet.

Usage: conntrail COMMAND [options]

${COMMANDS.map(({ name, does }) => `  ${name.padEnd(10)} ${does}`).join("\n")}

${listed(COMMON)}
  ${"--version".padEnd(WIDTH)} the version

Environment
  CONNTRAIL_URL      address of the API (${DEFAULT_URL})
  CONNTRAIL_TOKEN    token of scope read. Without it the service that npm start runs on this machine is asked
                     with a token it keeps for that, in data/local-read.token

Exit codes
  0   found
  1   nothing found, or nobody can know (blind)
  2   wrong usage, or the service cannot be asked`;

export const helpOf = ({ name, usage, does, notes, options }: Command): string =>
  [`Usage: conntrail ${name} ${usage}\n\n${capital(does)}.`, notes, listed(options), listed(COMMON)]
    .filter((part) => part !== "")
    .join("\n\n");

/** Room for the longest option and its value. */
const WIDTH = 22;

const listed = (options: Readonly<Record<string, Option>>): string =>
  Object.entries(options)
    .map(([name, { value, says }]) => `  ${`--${name} ${value}`.trimEnd().padEnd(WIDTH)} ${says}`)
    .join("\n");

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
