import { spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const FOLDERS = ["x86_64-linux-gnu", "aarch64-linux-gnu"].map((machine) => `/usr/lib/${machine}/ulogd`);
/** The largest buffer its manual names; it starts smaller and doubles it with every loss. */
const MAX_BUFFER_BYTES = 16 << 20;
/** nf_conntrack events as libnetfilter_conntrack numbers them: NFCT_T_NEW and NFCT_T_DESTROY. */
const [NEW, DESTROY] = [1, 4];

/** ulogd2 set up to write a row into SQLite for each beginning and end of a flow. */
export interface Ulogd {
  args: readonly string[];
  database: string;
  /** Rows in its database, by event. */
  rows(): { new: number; destroy: number };
}

/** What it writes: the table `flows`, and what is between the kernel and the database. */
export interface Log {
  table: string;
  /** Plugins by file and name, in their order. */
  between: readonly (readonly [file: string, name: string])[];
}

/** Writes its configuration and database into a folder; gives a reason where a part of it is not installed. */
export function prepareUlogd(folder: string, log: Log = { table: TABLE, between: [] }): Ulogd | string {
  const plugins = FOLDERS.find((path) => existsSync(join(path, "ulogd_output_SQLITE3.so")));
  if (spawnSync("ulogd", ["-V"]).error || !plugins) return "ulogd (packages ulogd2, ulogd2-sqlite3)";
  const database = join(folder, "flows.sqlite");
  const sqlite = (sql: string) => spawnSync("sqlite3", [database, sql], { encoding: "utf8" });
  if (sqlite(log.table).error) return "sqlite3 (package sqlite3)";
  const configuration = join(folder, "ulogd.conf");
  writeFileSync(
    configuration,
    `[global]
logfile="${join(folder, "ulogd.log")}"
plugin="${plugins}/ulogd_inpflow_NFCT.so"
plugin="${plugins}/ulogd_output_SQLITE3.so"
${log.between.map(([file]) => `plugin="${plugins}/${file}"`).join("\n")}
stack=${["flows:NFCT", ...log.between.map(([, name]) => `x:${name}`), "database:SQLITE3"].join(",")}
[flows]
hash_enable=0
event_mask=${NEW | DESTROY}
netlink_socket_buffer_size=${MAX_BUFFER_BYTES}
netlink_socket_buffer_maxsize=${MAX_BUFFER_BYTES}
[database]
table="flows"
db="${database}"
`,
  );
  const count = (event: number) =>
    Number(sqlite(`select count(*) from flows where ct_event = ${event}`).stdout);
  return {
    database,
    args: ["-c", configuration],
    rows: () => ({ new: count(NEW), destroy: count(DESTROY) }),
  };
}

/** Columns are named after ulogd's keys. Its own example has more, all of them written in each row. */
const TABLE = `create table flows (
  ct_event integer, orig_ip_saddr integer, orig_ip_daddr integer, orig_ip_protocol integer, orig_l4_sport integer,
  orig_l4_dport integer, reply_ip_saddr integer, reply_ip_daddr integer, reply_l4_sport integer,
  reply_l4_dport integer, flow_start_sec integer, flow_end_sec integer
)`;
