import { readJsonLog } from "./text/json-log.ts";
import { failed, type LineRead, type TextRules } from "./text/line.ts";
import { readLog } from "./text/log.ts";
import { readSocket } from "./text/sockets.ts";
import { type Columns, readHeading, readHost, readRow } from "./text/table.ts";

/** Of a longer line only the begin is looked at: what stands far back is a statement, or what a client sent. */
export const MAX_LINE_LENGTH = 4096;

const RULE = /^[\s|]*[-+=][-+=|\s]*$/;
const ROW_MARK = /^\*{5,}\s*\d+\. row\s*\*{5,}$/;
const ROWS = /^\(?\d+ rows?(?: in set\b|\)$)/;
const HOST = /^\s*host:(.*)$/i;

/** Reads text line by line, in which one may say what the next are. */
export function textReader(rules: TextRules): (line: string) => LineRead {
  let table: (Columns & { rows: number }) | undefined;
  /** Within rows that are printed a column a line: whether the host of this one is still to come. */
  let vertical: "before-host" | "after-host" | undefined;

  const inVertical = (line: string): LineRead => {
    const [, host] = HOST.exec(line) ?? [];
    if (vertical === "after-host" || host === undefined) return undefined;
    vertical = "after-host";
    return readHost(host.trim());
  };

  const inTable = (line: string, columns: Columns & { rows: number }): LineRead => {
    const read = readRow(line, columns);
    if (read !== "other") {
      columns.rows += 1;
      return read;
    }
    // Where columns are parted by tabs, statements are on one line, so that the table has ended.
    if (columns.separator === "|") return failed("nothing-found");
    table = undefined;
    return readAny(line, rules);
  };

  return (whole) => {
    const line = whole.slice(0, MAX_LINE_LENGTH);
    if (ROW_MARK.test(line)) {
      vertical = "before-host";
      return undefined;
    }
    if (ROWS.test(line)) {
      table = vertical = undefined;
      return undefined;
    }
    if (RULE.test(line)) {
      if (table && table.rows > 0) table = undefined;
      return undefined;
    }
    if (vertical) return inVertical(line);
    const heading = readHeading(line);
    if (heading) {
      table = { ...heading, rows: 0 };
      return undefined;
    }
    if (table) return inTable(line, table);
    const json = readJsonLog(whole, rules);
    return json === "other" ? readAny(line, rules) : json;
  };
}

function readAny(line: string, rules: TextRules): LineRead {
  const socket = readSocket(line, rules);
  return socket === "other" ? readLog(line.trim(), rules) : socket;
}
