import { parseArgs } from "node:util";
import { ask, CannotAsk, serviceOf } from "./ask.ts";
import { asParsed, type Command, type Given, type Page, UsageError, type World } from "./command.ts";
import { COMMANDS } from "./commands/index.ts";
import { help, helpOf } from "./help.ts";
import { inertAnswer, inertJson } from "./inert.ts";
import { formatTime } from "./time.ts";

const FOUND = 0;
const NOT_FOUND = 1;
const USAGE_ERROR = 2;

const flag = { type: "boolean", default: false } as const;
const COMMON = {
  url: { type: "string" },
  "token-file": { type: "string" },
  json: flag,
  utc: flag,
  help: { ...flag, short: "h" },
  version: flag,
} as const;

/** Asks what the command line says and prints the answer; gives the exit code. */
export async function run(world: World, version: string): Promise<number> {
  const [name = "", ...args] = world.argv;
  if (name === "--version") return print(world, version);
  if (["", "help", "--help", "-h"].includes(name)) return print(world, help(version));
  const command = COMMANDS.find((command) => command.name === name);
  try {
    if (!command) throw new UsageError(`"${name}" is none of ${COMMANDS.map(({ name }) => name).join(", ")}`);
    return await obey(command, args, world);
  } catch (error) {
    if (error instanceof UsageError)
      world.err(`${error.message}. See conntrail ${command ? `${command.name} ` : ""}--help.\n`);
    else if (error instanceof CannotAsk) world.err(`${error.message}\n`);
    else throw error;
    return USAGE_ERROR;
  }
}

function print(world: World, text: string): number {
  world.out(`${text}\n`);
  return FOUND;
}

async function obey(command: Command, args: string[], world: World): Promise<number> {
  const { values, positionals } = parsed(command, args);
  const { url, "token-file": tokenFile, json, utc, help: asksHelp, version: _, ...own } = values;
  if (asksHelp) return print(world, helpOf(command));
  const clock = utc ? { ...world.clock, timeZone: "UTC" } : world.clock;
  const given: Given = {
    words: positionals,
    values: own,
    readFile: world.readFile,
    clock,
  };
  const question = await command.question(given);
  const service = await serviceOf(world, { url, "token-file": tokenFile });
  const text = await ask(world, service, question);
  if (json) world.out(`${inertJson(text).trimEnd()}\n`);
  const { text: shown, found } = show(command, text, given, pageOf(clock.timeZone, world.width));
  if (!json) world.out(`${shown}\n`);
  return found ? FOUND : NOT_FOUND;
}

function parsed(command: Command, args: string[]) {
  try {
    return parseArgs({
      args,
      options: { ...asParsed(command.options), ...COMMON },
      allowPositionals: true,
    });
  } catch (error) {
    throw new UsageError((error as Error).message.replace(/\.$/, ""));
  }
}

const pageOf = (timeZone: string, width: number | undefined): Page => ({
  time: (at) => formatTime(typeof at === "number" ? at : Date.parse(at), timeZone),
  zone: timeZone,
  width,
});

function show(command: Command, text: string, given: Given, page: Page) {
  try {
    return command.show(inertAnswer(JSON.parse(text)) as never, page, given);
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof SyntaxError || error instanceof RangeError))
      throw error;
    throw new CannotAsk(
      "The answer is not as this command line knows it: the service is of another version. --json prints it as it is.",
    );
  }
}
