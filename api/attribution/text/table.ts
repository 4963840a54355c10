import { parseEndpoint, parseSeenAddress, parseWithPort, MAX_PORT } from "../endpoint.ts";
import { failed, type LineRead } from "./line.ts";

/** Where a table that a database prints has the far end of each of its connections. */
export type Columns = {
  separator: "|" | "\t";
  /** Of how many a row has at least. */
  host: number;
  /** Of its own where it does not stand with the host. */
  port?: number | undefined;
  /** Of a number that each row has: a line without it goes on with the row above. */
  id?: number | undefined;
};

/** The heading of `SHOW PROCESSLIST`, or of `pg_stat_activity` as psql prints it; undefined where it is none. */
export function readHeading(line: string): Columns | undefined {
  const separator = line.includes("|") ? "|" : "\t";
  const names = cellsOf(line, separator).map((name) => name.toLowerCase());
  const column = (name: string) => (names.includes(name) ? names.indexOf(name) : undefined);
  const [client, port, host, user] = ["client_addr", "client_port", "host", "user"].map(column);
  if (client !== undefined && port !== undefined) return { separator, host: client, port, id: column("pid") };
  if (host === undefined || user === undefined) return undefined;
  return { separator, host, id: column("id") };
}

/** A row of it; "other" where the line is none, as where a statement goes on over several lines. */
export function readRow(line: string, { separator, host, port, id }: Columns): LineRead | "other" {
  const cells = cellsOf(line, separator);
  if (cells.length <= Math.max(host, port ?? 0)) return "other";
  if (id !== undefined && !/^\d{1,20}$/.test(cells[id] ?? "")) return "other";
  return port === undefined ? readHost(cells[host] ?? "") : readClient(cells[host] ?? "", cells[port] ?? "");
}

/** What MySQL writes as the host: `192.168.50.10:39510`, without brackets of IPv6 too; or a name, or nothing. */
export function readHost(text: string): LineRead {
  const end = parseWithPort(text);
  if (end?.port !== undefined) return { found: end };
  return failed(parseEndpoint(text) ? "no-port" : "no-address");
}

function readClient(host: string, port: string): LineRead {
  // With the length of its prefix where a client shows the type inet as it is.
  const address = parseSeenAddress(host.replace(/\/(?:32|128)$/, ""));
  if (address === undefined) return failed("no-address");
  return /^\d{1,5}$/.test(port) && Number(port) <= MAX_PORT
    ? { found: { address, port: Number(port) } }
    : failed("no-port");
}

function cellsOf(line: string, separator: string): string[] {
  return line.split(separator).map((cell) => cell.trim());
}
