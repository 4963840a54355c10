import type { ParseArgsConfig } from "node:util";
import type { Clock } from "./time.ts";

/** What the command line needs of the process it runs in. */
export interface World {
  argv: readonly string[];
  env: Readonly<Record<string, string | undefined>>;
  fetch: typeof fetch;
  /** The text of a file, of `-` that of stdin; rejects with an errno where there is none to be had. */
  readFile: (path: string) => Promise<string>;
  out: (text: string) => void;
  err: (text: string) => void;
  /** Calls back after so many ms; what it gives calls that off. */
  later: (ms: number, act: () => void) => () => void;
  clock: Clock;
  /** Columns of the terminal that shows the output; undefined where none does. */
  width: number | undefined;
  /** Where the service of this machine keeps a token with which one may ask it. */
  localToken: string;
}

/** What the service is asked. */
export interface Question {
  /** Below the address of the service, with its parameters. */
  path: string;
  /** Sent as it is; without one this is a GET. */
  body?: { text: string; type: string };
  /** Said on stderr where the answer takes long. */
  waiting?: string;
}

/** What a person gets to see, and whether it is what was looked for. */
export interface Shown {
  text: string;
  found: boolean;
}

export interface Page {
  /** An instant of an answer, as its reader's clock shows it. */
  time: (at: string | number) => string;
  /** Name of the time zone. */
  zone: string;
  width: number | undefined;
}

/** The words and options that a command was given. */
export interface Given {
  words: readonly string[];
  values: Readonly<Record<string, string | undefined>>;
  readFile: World["readFile"];
  clock: Clock;
}

export interface Option {
  /** What stands for its value in the help. */
  value: string;
  says: string;
}

/** `Answer` is what it is answered. */
export interface Command<Answer = never> {
  name: string;
  /** In a few words, for the list of commands. */
  does: string;
  /** What follows its name. */
  usage: string;
  /** What else there is to know, in lines. */
  notes: string;
  /** All take a value. */
  options: Readonly<Record<string, Option>>;
  /** Throws `UsageError` where what was given makes no question. */
  question: (given: Given) => Question | Promise<Question>;
  /** Of an answer, in which all texts are inert. */
  show: (answer: Answer, page: Page, given: Given) => Shown;
}

/** The command line is not as it must be. */
export class UsageError extends Error {}

/** Options as `parseArgs` wants them. */
export const asParsed = (options: Command["options"]): NonNullable<ParseArgsConfig["options"]> =>
  Object.fromEntries(Object.keys(options).map((name) => [name, { type: "string" as const }]));
