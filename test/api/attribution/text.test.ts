import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { linesOf } from "../../../api/attribution/batch.ts";
import { MAX_LINE_LENGTH, textReader } from "../../../api/attribution/text.ts";
import type { LineRead, TextRules } from "../../../api/attribution/text/line.ts";
import { NOW } from "../../support/a-report.ts";
import { ANY_CHARACTER, ON_WORKERS } from "../../support/on-workers.ts";

const RULES: TextRules = { side: "remote", now: NOW };

/** What each line asks: `address port` and what else is there; or why it asks nothing. Lines that are none are left out. */
function read(text: string, rules: Partial<TextRules> = {}): string[] {
  const reader = textReader({ ...RULES, ...rules });
  return [...linesOf(text)].flatMap((line) => (line && told(reader(line.text))) ?? []);
}

function told(said: LineRead): string | undefined {
  if (!said) return undefined;
  if ("failure" in said) return said.failure.code;
  const { address, port, protocol, peer, peerPort, at } = said.found;
  return [
    `${address} ${port}`,
    protocol === undefined ? "" : ` protocol ${protocol}`,
    peer === undefined ? "" : ` at ${peer} ${peerPort}`,
    at === undefined ? "" : ` ${new Date(at).toISOString()}`,
  ].join("");
}

const POD = "192.168.50.10 39510";
const AT = `${POD} 2026-11-21T10:00:00.000Z`;

describe("what databases print of their connections", () => {
  test("SHOW PROCESSLIST as a table, with statements that go on over lines and name addresses", () => {
    const text = `
+----+-----------------+---------------------+------+---------+------+----------------------------+--------------+
| Id | User            | Host                | db   | Command | Time | State                      | Info         |
+----+-----------------+---------------------+------+---------+------+----------------------------+--------------+
|  5 | event_scheduler | localhost           | NULL | Daemon  |  912 | Waiting on empty queue     | NULL         |
| 11 | app             | 192.168.50.10:39510 | shop | Query   |    0 | executing                  | SELECT 'a | b',
'10.9.9.9:80'
 OR a | b | c | 10.9.9.9:80 | d
  FROM t |
| 12 | app             | fd00::9:39511       | shop | Sleep   |    3 |                            | NULL         |
| 13 | app             | web-1.example:39512 | shop | Sleep   |    3 |                            | NULL         |
| 14 | app             | 192.168.50.11       | shop | Sleep   |    3 |                            | NULL         |
+----+-----------------+---------------------+------+---------+------+----------------------------+--------------+
5 rows in set (0.00 sec)
2026-11-21T10:00:00Z 192.168.50.10:39510
`;
    expect(read(text)).toEqual([
      "no-address",
      POD,
      "nothing-found",
      "nothing-found",
      "nothing-found",
      "fd00::9 39511",
      "no-address",
      "no-port",
      AT,
    ]);
  });

  test("the same with tabs, as it comes through a pipe, and of information_schema", () => {
    const rows = "7\tapp\t192.168.50.10:39510\tshop\tQuery\t0\texecuting\tSELECT 1\\nFROM '10.9.9.9:80'";
    expect(read(`Id\tUser\tHost\tdb\tCommand\tTime\tState\tInfo\n${rows}\n192.168.50.11:1`)).toEqual([
      POD,
      "192.168.50.11 1",
    ]);
    expect(read(`ID\tUSER\tHOST\tDB\n${rows}`)).toEqual([POD]);
    expect(read("HOST\tUSER\n192.168.50.10:39510\tapp")).toEqual([POD]);
  });

  test("the same a column a line", () => {
    const text = `
*************************** 1. row ***************************
     Id: 11
   User: app
   Host: 192.168.50.10:39510
     db: shop
   Info: SELECT 1
   Host: 10.9.9.9:80
*************************** 2. row ***************************
     Id: 5
   Host: localhost
2 rows in set (0.00 sec)
192.168.50.11:7
`;
    expect(read(text)).toEqual([POD, "no-address", "192.168.50.11 7"]);
  });

  test("pg_stat_activity", () => {
    const text = `
 pid | usename |  client_addr  | client_port | state
-----+---------+---------------+-------------+--------
  71 | app     | 192.168.50.10 |       39510 | active
  72 | app     | fd00::9/128   |       39511 | idle
  73 | app     |               |          -1 | idle
(3 rows)

192.168.50.11:7
`;
    expect(read(text)).toEqual([POD, "fd00::9 39511", "no-address", "192.168.50.11 7"]);
  });
});

describe("what tools print of sockets", () => {
  const asked = `${POD} at 10.0.0.9 3306`;

  test.for([
    ["ESTAB 0      0          10.0.0.9:3306  192.168.50.10:39510", asked],
    ['ESTAB 0 0 10.0.0.9:3306 192.168.50.10:39510 users:(("mysqld",pid=7,fd=30))', asked],
    ["0      0          10.0.0.9:3306  192.168.50.10:39510", asked],
    ["tcp   ESTAB  0  0  10.0.0.9:3306 192.168.50.10:39510", `${POD} protocol 6 at 10.0.0.9 3306`],
    ["udp   UNCONN 0  0  10.0.0.9%eth0:53 192.168.50.10:39510", `${POD} protocol 17 at 10.0.0.9 53`],
    ["ESTAB 0 0 [::ffff:10.0.0.9]:3306 [::ffff:192.168.50.10]:39510", asked],
    ["ESTAB 0 0 [fd00::1]:3306 [fd00::9]:39510", "fd00::9 39510 at fd00::1 3306"],
    ["LISTEN 0 128 0.0.0.0:3306 0.0.0.0:*", "not-connected"],
    ["LISTEN 0 128 *:3306 *:*", "not-connected"],
    [
      "tcp        0      0 10.0.0.9:3306           192.168.50.10:39510     ESTABLISHED 7/mysqld",
      `${POD} protocol 6 at 10.0.0.9 3306`,
    ],
    [
      "tcp6       0      0 fd00::1:3306            fd00::9:39510           TIME_WAIT",
      "fd00::9 39510 protocol 6 at fd00::1 3306",
    ],
    [
      "tcp6       0      0 ::ffff:10.0.0.9:3306    ::ffff:192.168.50.10:39510 TIME_WAIT",
      `${POD} protocol 6 at 10.0.0.9 3306`,
    ],
    [
      "mysqld 7 mysql 30u IPv4 9 0t0 TCP 10.0.0.9:3306->192.168.50.10:39510 (ESTABLISHED)",
      `${POD} protocol 6 at 10.0.0.9 3306`,
    ],
    [
      "tcp      6 431999 ESTABLISHED src=192.168.50.10 dst=10.0.0.9 sport=39510 dport=3306 src=10.0.0.9 dst=192.168.50.10 sport=3306 dport=39510 [ASSURED] use=1",
      `${POD} protocol 6 at 10.0.0.9 3306`,
    ],
    [
      "ipv6 10 udp 17 29 src=fd00::9 dst=fd00::1 sport=39511 dport=53 [UNREPLIED] src=fd00::1 dst=fd00::9 sport=53 dport=39511",
      "fd00::9 39511 protocol 17 at fd00::1 53",
    ],
    ["tcp 6 9 CLOSE src=192.168.50.10 dst=10.0.0.9 sport=65536 dport=3306", "no-port"],
    [
      "11:00:00.123456 IP 192.168.50.10.39510 > 10.0.0.9.3306: Flags [S], seq 1",
      `${POD} protocol 6 at 10.0.0.9 3306`,
    ],
    ["IP6 fd00::9.39511 > fd00::1.53: UDP, length 9", "fd00::9 39511 protocol 17 at fd00::1 53"],
    ["IP 192.168.50.10.39510 > 10.0.0.9.53: 7+ A? example.com. (29)", `${POD} at 10.0.0.9 53`],
  ] as const)("%s", ([line, expected]) => {
    expect(read(line)).toEqual([expected]);
  });

  test("headings are no lines", () => {
    const headings = [
      "State  Recv-Q Send-Q   Local Address:Port    Peer Address:Port  Process",
      "Netid  State  Recv-Q Send-Q Local Address:Port Peer Address:Port",
      "Recv-Q Send-Q Local Address:Port Peer Address:Port",
      "Active Internet connections (w/o servers)",
      "Proto Recv-Q Send-Q Local Address           Foreign Address         State",
    ];
    expect(read(headings.join("\n"))).toEqual([]);
  });

  test("where it was run on the node, the near end is asked for", () => {
    expect(read("ESTAB 0 0 192.168.50.10:39510 10.0.0.9:3306", { side: "local" })).toEqual([asked]);
    const tracked =
      "tcp 6 9 ESTABLISHED src=10.244.0.11 dst=10.96.0.1 sport=50000 dport=80 src=10.0.0.9 dst=192.168.50.10 sport=3306 dport=39510";
    expect(read(tracked, { side: "local" })).toEqual([`${POD} protocol 6 at 10.0.0.9 3306`]);
    expect(read("LISTEN 0 128 0.0.0.0:22 0.0.0.0:*", { side: "local" })).toEqual(["not-connected"]);
  });
});

describe("lines of logs", () => {
  test.for([
    ["192.168.50.10:39510", POD],
    ["[fd00::9]:39510", "fd00::9 39510"],
    ['192.168.50.10:39510 - - [21/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 612 "-" "curl/8"', AT],
    [
      '192.168.50.10:39510 - - [21/Nov/2026:11:00:00 +0100] "GET /?to=10.9.9.9:80&at=2025-01-01T00:00:00Z"',
      AT,
    ],
    [
      '192.168.50.10 - - [21/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 1 "http://10.9.9.9:8080/" "c"',
      "no-port",
    ],
    ['192.168.50.10 - - [21/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 1 10.9.9.9:8080', "no-port"],
    ['192.168.50.10 39510 - [21/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 5', AT],
    ['192.168.50.10 65536 - [21/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 5', "no-port"],
    [
      "Nov 21 10:00:09 lb haproxy[7]: 192.168.50.10:39510 [21/Nov/2026:10:00:00.000] web app/app-1 0/0/1/2/3 200",
      AT,
    ],
    [
      "2026-11-21 10:00:00.000 UTC [71] app@shop 192.168.50.10(39510) LOG:  statement: SELECT '10.9.9.9:80'",
      AT,
    ],
    ["2026-11-21 10:00:00 UTC LOG:  connection received: host=192.168.50.10 port=39510", AT],
    [
      "2026-11-21T11:00:00.000+01:00 db sshd[7]: Accepted publickey for a from 192.168.50.10 port 39510 ssh2",
      AT,
    ],
    [
      "Nov 21 10:00:00 db sshd[7]: Invalid user 10.9.9.9:80 from 10.8.8.8 port 7 from 192.168.50.10 port 39510",
      AT,
    ],
    [
      "Nov 21 10:00:00 db sshd[7]: Connection closed by fd00::9 port 39510 [preauth]",
      AT.replace("192.168.50.10", "fd00::9"),
    ],
    [
      "[Sat Nov 21 10:00:00.000000 2026] [core:error] [pid 7] [client 192.168.50.10:39510] File does not exist",
      AT,
    ],
    [
      '2026/11/21 10:00:00 [error] 7#7: *1 connect() failed, client: 192.168.50.10, server: _, host: "10.9.9.9:8080"',
      "no-port",
    ],
    ["2026-11-21 10:00:00,000 INFO Accepted socket connection from /192.168.50.10:39510 (Server)", AT],
    ["1795255200.000 12 192.168.50.10:39510 TCP_MISS/200", AT],
    ["id=3 addr=192.168.50.10:39510 laddr=10.0.0.9:6379 fd=8 name=", POD],
    ['time=2026-11-21T10:00:00Z level=info remote="192.168.50.10:39510" msg=hello', AT],
    ['{"time":"2026-11-21T10:00:00Z","remote_addr":"192.168.50.10","remote_port":"39510"}', AT],
    [
      '{"request":"GET /?d=2025-01-01T00:00:00Z 10.9.9.9:80","remote_addr":"192.168.50.10:39510","msec":"1795255200.000"}',
      AT,
    ],
    ['{"ts":1795255200.0004,"request":{"remote_ip":"192.168.50.10","remote_port":39510}}', AT],
    ['{"ts":1795255200000,"client":"[fd00::9]:39510"}', AT.replace("192.168.50.10", "fd00::9")],
    ['{"time_local":"21/Nov/2026:10:00:00 +0000","client_ip":"192.168.50.10"}', "no-port"],
    [
      '{"t":{"$date":"2026-11-21T11:00:00.000+01:00"},"s":"I","msg":"Connection accepted","attr":{"remote":"192.168.50.10:39510"}}',
      AT,
    ],
    ['{"client":"web","remote":"192.168.50.10:39510"}', POD],
    ['{"message":"hello 10.9.9.9:80"}', "nothing-found"],
    ["hello at 12:00:00, version 1.2.3", "nothing-found"],
    ["192.168.50.300:39510 and 192.168.50.10:65536", "no-port"],
    ["see http://10.9.9.9:80/ for 64:ff9b::10.9.9.9:80", "nothing-found"],
  ] as const)("%s", ([line, expected]) => {
    expect(read(line)).toEqual([expected]);
  });

  test("of a long line only the begin is looked at", () => {
    const end = "192.168.50.10:39510";
    const blank = (length: number) => `${"x".repeat(length - 1)} `;
    expect(read(`${blank(MAX_LINE_LENGTH - end.length)}${end}`)).toEqual([POD]);
    expect(read(`${blank(MAX_LINE_LENGTH - end.length + 1)}${end} `)).toEqual(["192.168.50.10 3951"]);
    expect(read(`${blank(MAX_LINE_LENGTH)}${end}`)).toEqual(["nothing-found"]);
  });
});

test("lines are counted as they stand in the text, and blank ones are none", () => {
  expect([...linesOf("a\r\n\n \nb \n\n")]).toEqual([
    { line: 1, text: "a" },
    { line: 4, text: "b" },
  ]);
  expect([...linesOf("")]).toEqual([]);
});

test.for([
  ["blank", "\n", 4],
  ["long", `${"x".repeat(9_999)}\n`, 4],
] as const)("between lines that are %s others have a turn, however few they are", ([, line, turns]) => {
  const steps = [...linesOf(line.repeat(250_000 / line.length))];
  expect(steps.filter((step) => !step)).toHaveLength(turns);
});

/** Parts of what lines are made of, so that chance comes near what is read. */
const part = fc.oneof(
  fc.constantFrom(
    ...'| |Id|User|Host|\t|ESTAB|0|LISTEN|from|port|(|)|[|]|::|::ffff:|%|"|\\|\n|*** 1. row ***|{"addr":|}'.split(
      "|",
    ),
    "192.168.50.10:39510",
    "[fd00::9]:1",
    "10.0.0.9:3306->10.0.0.8:1",
    "21/Nov/2026:10:00:00 +0000",
    "2026-02-30T25:00:00",
    "Feb 29 10:00:00",
    "| 1 | a | 10.0.0.1:5 |",
    "client_addr|client_port",
    "*".repeat(9),
  ),
  fc.string({ unit: ANY_CHARACTER, maxLength: 8 }),
  fc.nat().map(String),
);

test("whatever a text holds, it is read: what is found has an address, a port and a time that there are", () => {
  // Of few texts it may be that nothing is found.
  expect(textReader(RULES)("10.0.0.1:1234")).toBeDefined();
  fc.assert(
    fc.property(fc.array(part, { maxLength: 30 }), fc.constantFrom("", " "), (parts, glue) => {
      const reader = textReader(RULES);
      for (const line of linesOf(parts.join(glue))) {
        const said = line && reader(line.text);
        if (!said || "failure" in said) continue;
        const { address, port, peer, at = 0 } = said.found;
        expect(address).toMatch(/^[\d.]+$|:/);
        expect(peer ?? "::").toMatch(/^[\d.]+$|:/);
        expect(port).toBeGreaterThanOrEqual(0);
        expect(port).toBeLessThanOrEqual(65_535);
        expect(new Date(at).getTime()).toBe(at);
      }
    }),
    { numRuns: ON_WORKERS ? 10 : 500 },
  );
});

/** The same piece again and again is where a pattern that tries all ways would never come to an end. */
test("a text of any repeated piece is read in no more steps than it is long", () => {
  const pieces = fc.array(part, { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(pieces, (parts) => {
      const text = parts.join("").repeat(MAX_LINE_LENGTH).slice(0, MAX_LINE_LENGTH).replaceAll("\n", " ");
      expect(() => textReader(RULES)(text)).not.toThrow();
    }),
    { numRuns: ON_WORKERS ? 5 : 150 },
  );
});
