/** One thing that happened, as one line of JSON. Never tokens, never whole reports. */
export interface LogLine {
  level: "info" | "warning" | "error";
  event: string;
  [field: string]: string | number | boolean | undefined;
}

export type Log = (line: LogLine) => void;
