import { describe, test } from "vitest";
import { TextScanner } from "../../../agent/conntrack/text.ts";
import { asRow, aRow, type Row, type Tuple } from "../../support/rows.ts";

function read(line: string): Row | undefined {
  const rows: Row[] = [];
  const scanner = new TextScanner((entry) => rows.push(asRow(entry)));
  scanner.push(Buffer.from(line));
  scanner.end();
  return rows[0];
}

const orig: Tuple = { src: "10.244.0.11", dst: "192.168.50.20", sport: 40_000, dport: 443 };
const reply: Tuple = { src: "192.168.50.20", dst: "192.168.50.10", sport: 443, dport: 40_000 };
const ports = "src=10.244.0.11 dst=192.168.50.20 sport=40000 dport=443";
const back = "src=192.168.50.20 dst=192.168.50.10 sport=443 dport=40000";
const noPorts = { sport: 0, dport: 0 };
const ping = { sport: 7, dport: 8 << 8 };
const pong = { sport: 7, dport: 0 };
const v6 = {
  family: 6,
  orig: { ...orig, src: "fd00:244::11", dst: "fd00:50::20" },
  reply: { ...reply, src: "fd00:50::20", dst: "fd00:50::10" },
} as const;

const REPLIED = 2;
const UNREPLIED = 0;
const OFFLOADED = 1 << 14;
const IN_HARDWARE = 1 << 15;

describe("lines that are rows", () => {
  test.for<[string, string, Partial<Row>]>([
    [
      "a line of procfs",
      `ipv4     2 tcp      6 431999 ESTABLISHED ${ports} ${back} [ASSURED] mark=0 zone=0 use=2`,
      {},
    ],
    ["a line of ip_conntrack", `tcp      6 431999 ESTABLISHED ${ports} ${back} [ASSURED] use=1`, {}],
    [
      "ip_conntrack with counters and secmark",
      `tcp      6 117 SYN_SENT ${ports} packets=1 bytes=60 [UNREPLIED] ${back} packets=0 bytes=0 mark=0 secmark=0 use=1`,
      { timeout: 117, state: 1, status: UNREPLIED, counters: [1, 60, 0, 0] },
    ],
    [
      "conntrack -L",
      `tcp      6 431999 ESTABLISHED ${ports} packets=4 bytes=217 ${back} packets=3 bytes=165 [ASSURED] mark=7 use=1`,
      { counters: [4, 217, 3, 165], mark: 7 },
    ],
    [
      "conntrack -L over IPv6",
      "udp      17 29 src=fd00:244::11 dst=fd00:50::20 sport=40000 dport=443 src=fd00:50::20 dst=fd00:50::10 sport=443 dport=40000 mark=0 use=1",
      { ...v6, protocol: 17, state: -1, timeout: 29, status: REPLIED },
    ],
    [
      "padded IPv6",
      "ipv6     10 tcp      6 9 TIME_WAIT src=fd00:0244:0000:0000:0000:0000:0000:0011 dst=fd00:0050:0000:0000:0000:0000:0000:0020 sport=40000 dport=443 src=fd00:0050:0000:0000:0000:0000:0000:0020 dst=fd00:0050:0000:0000:0000:0000:0000:0010 sport=443 dport=40000 [ASSURED] mark=0 zone=0 use=2",
      { ...v6, state: 7, timeout: 9 },
    ],
    [
      "every output option at once",
      `ipv4     2 tcp      6 431999 ESTABLISHED ${ports} ${back} [ASSURED] mark=0 secctx=system_u:object_r:unlabeled_t:s0 delta-time=1 [start=Sat Nov 21 05:24:24 2026] use=1 id=2654786272 labels=a,b`,
      {},
    ],
    ["a helper", `tcp      6 431999 ESTABLISHED ${ports} ${back} [ASSURED] mark=0 helper=ftp use=2`, {}],
    [
      "a security context with blanks",
      `tcp      6 431999 ESTABLISHED ${ports} ${back} [ASSURED] mark=0 secctx=docker-default (enforce) use=2`,
      {},
    ],
    [
      "an offloaded flow, without timeout and state",
      `ipv4     2 tcp      6 ${ports} ${back} [OFFLOAD] mark=0 zone=0 use=3`,
      { timeout: -1, state: -1, status: REPLIED | OFFLOADED },
    ],
    [
      "an offloaded flow with its state",
      `ipv4     2 tcp      6 ESTABLISHED ${ports} ${back} [OFFLOAD] mark=0 zone=0 use=3`,
      { timeout: -1, status: REPLIED | OFFLOADED },
    ],
    [
      "a flow offloaded to hardware",
      `ipv4     2 udp      17 ${ports} packets=9 bytes=900 ${back} packets=8 bytes=800 [HW_OFFLOAD] mark=0 use=3`,
      {
        protocol: 17,
        timeout: -1,
        state: -1,
        status: REPLIED | OFFLOADED | IN_HARDWARE,
        counters: [9, 900, 8, 800],
      },
    ],
    [
      "GRE with its two timeouts",
      "ipv4     2 gre      47 29 timeout=30, stream_timeout=180 src=10.244.0.11 dst=192.168.50.20 srckey=0x10 dstkey=0xff [UNREPLIED] src=192.168.50.20 dst=192.168.50.10 srckey=0xff dstkey=0x10 mark=0 zone=0 use=2",
      {
        protocol: 47,
        timeout: 29,
        state: -1,
        status: UNREPLIED,
        orig: { ...orig, sport: 16, dport: 255 },
        reply: { ...reply, sport: 255, dport: 16 },
      },
    ],
    [
      "a ping",
      "ipv4     2 icmp     1 29 src=10.244.0.11 dst=192.168.50.20 type=8 code=0 id=7 src=192.168.50.20 dst=192.168.50.10 type=0 code=0 id=7 mark=0 zone=0 use=2",
      {
        protocol: 1,
        timeout: 29,
        state: -1,
        status: REPLIED,
        orig: { ...orig, ...ping },
        reply: { ...reply, ...pong },
      },
    ],
    [
      "a ping with the id of the entry behind",
      "icmp     1 29 src=10.244.0.11 dst=192.168.50.20 type=8 code=0 id=7 [UNREPLIED] src=192.168.50.20 dst=192.168.50.10 type=0 code=0 id=7 mark=0 use=1 id=1328108167",
      {
        protocol: 1,
        timeout: 29,
        state: -1,
        status: UNREPLIED,
        orig: { ...orig, ...ping },
        reply: { ...reply, ...pong },
      },
    ],
    [
      "an answered ICMPv6 echo",
      "icmpv6   58 29 src=fd00:244::11 dst=fd00:50::20 type=128 code=0 id=7 src=fd00:50::20 dst=fd00:50::10 type=129 code=0 id=7 mark=0 use=1",
      {
        ...v6,
        protocol: 58,
        timeout: 29,
        state: -1,
        status: REPLIED,
        orig: { ...v6.orig, sport: 7, dport: 128 << 8 },
        reply: { ...v6.reply, sport: 7, dport: 129 << 8 },
      },
    ],
    [
      "SCTP",
      `ipv4     2 sctp     132 99 ESTABLISHED ${ports} ${back} [ASSURED] mark=0 zone=0 use=2`,
      { protocol: 132, timeout: 99, state: 4 },
    ],
    [
      "DCCP with a tracker",
      `ipv4     2 dccp     33 99 TIMEWAIT ${ports} ${back} [ASSURED] mark=0 zone=0 use=2`,
      { protocol: 33, timeout: 99, state: 7 },
    ],
    [
      "DCCP without a tracker, by the command",
      "dccp     33 99 src=10.244.0.11 dst=192.168.50.20 sport=0 dport=0 [UNREPLIED] src=192.168.50.20 dst=192.168.50.10 sport=0 dport=0 mark=0 use=1",
      {
        protocol: 33,
        timeout: 99,
        state: -1,
        status: UNREPLIED,
        orig: { ...orig, ...noPorts },
        reply: { ...reply, ...noPorts },
      },
    ],
    [
      "a protocol without a tracker",
      "ipv4     2 unknown  33 599 src=10.244.0.11 dst=192.168.50.20 [UNREPLIED] src=192.168.50.20 dst=192.168.50.10 mark=0 zone=0 use=2",
      {
        protocol: 33,
        timeout: 599,
        state: -1,
        status: UNREPLIED,
        orig: { ...orig, ...noPorts },
        reply: { ...reply, ...noPorts },
      },
    ],
    [
      "UDP-Lite",
      `udplite  136 99 ${ports} ${back} mark=0 use=1`,
      { protocol: 136, timeout: 99, state: -1, status: REPLIED },
    ],
    ["a zone", `tcp      6 431999 ESTABLISHED ${ports} ${back} [ASSURED] mark=0 zone=7 use=1`, { zone: 7 }],
    [
      "zones by direction",
      `tcp      6 431999 ESTABLISHED ${ports} zone-orig=5 ${back} zone-reply=65535 [ASSURED] mark=0 use=1`,
      { zoneOrig: 5, zoneReply: 65_535 },
    ],
    [
      "the largest mark",
      `tcp      6 431999 ESTABLISHED ${ports} ${back} [ASSURED] mark=4294967295 use=1`,
      { mark: -1 },
    ],
    [
      "a word and a mark that nobody knows yet",
      `tcp      6 431999 ESTABLISHED ${ports} future=1 ${back} [ASSURED] [FUTURE] mark=0 zone-new=x use=1`,
      {},
    ],
    [
      "the other name of SYN_SENT2",
      `tcp      6 99 LISTEN ${ports} ${back} mark=0 use=1`,
      { timeout: 99, state: 9, status: REPLIED },
    ],
    ["no newline and trailing blanks", `tcp      6 431999 ESTABLISHED ${ports} ${back} [ASSURED]  `, {}],
    [
      "a new flow",
      `    [NEW] tcp      6 120 SYN_SENT ${ports} [UNREPLIED] ${back}`,
      { event: "new", timeout: 120, state: 1, status: UNREPLIED },
    ],
    [
      "a changed flow with the time it was heard of",
      `[1795238664.233759]\t [UPDATE] ipv4     2 tcp      6 60 SYN_RECV ${ports} ${back} id=2654786272`,
      { event: "update", timeout: 60, state: 2, status: REPLIED },
    ],
    [
      "an ended flow with all it has",
      `[1795238665.685364]\t[DESTROY] ipv4     2 udp      17 ${ports} packets=1 bytes=29 ${back} packets=2 bytes=58 delta-time=1 [start=Sat Nov 21 05:24:24 2026] [stop=Sat Nov 21 05:24:25 2026] id=14 [USERSPACE] portid=36 progname=a src=b c`,
      {
        event: "destroy",
        protocol: 17,
        timeout: -1,
        state: -1,
        status: REPLIED,
        counters: [1, 29, 2, 58],
      },
    ],
    [
      "an ended flow with a state and no timeout",
      `[DESTROY] tcp      6 TIME_WAIT ${ports} ${back} [ASSURED]`,
      { event: "destroy", timeout: -1, state: 7 },
    ],
  ])("%s", ([, line, row], { expect }) => {
    expect(read(line)).toEqual(aRow(row));
  });
});

describe("lines that are none", () => {
  const whole = `ipv4     2 tcp      6 431999 ESTABLISHED ${ports} ${back}`;

  test.for([
    ["words", "conntrack v1.4.7 (conntrack-tools): 6 flow entries have been shown."],
    ["an expectation", "300 proto=6 src=10.0.0.1 dst=10.0.0.2 sport=0 dport=21"],
    ["a head without tuples", "ipv4     2 tcp      6 431999 ESTABLISHED"],
    ["one tuple only", `tcp      6 431999 ESTABLISHED ${ports} [UNREPLIED] mark=0 use=1`],
    ["three tuples", `${whole} ${back}`],
    ["a line cut within the last port's name", whole.slice(0, whole.lastIndexOf("rt="))],
    ["a line cut before the reply's ports", whole.slice(0, whole.lastIndexOf(" sport="))],
    ["a port beyond 65535", `tcp      6 1 CLOSE ${ports.replace("443", "65536")} ${back}`],
    ["a zone beyond 65535", `${whole} zone=65536`],
    ["a mark beyond 32 bits", `${whole} mark=4294967296`],
    ["a protocol beyond 255", `ipv4     2 unknown  256 9 ${ports} ${back}`],
    ["a state of another protocol", `tcp      6 9 COOKIE_WAIT ${ports} ${back}`],
    ["two timeouts", `tcp      6 9 9 CLOSE ${ports} ${back}`],
    ["a family that does not fit its addresses", `ipv6     10 tcp      6 9 CLOSE ${ports} ${back}`],
    ["a family with another's number", `ipv4     10 tcp      6 9 CLOSE ${ports} ${back}`],
    ["a malformed address", `tcp      6 9 CLOSE ${ports.replace("10.244", "10:::244")} ${back}`],
    ["a number with something behind it", `tcp      6 9x CLOSE ${ports} ${back}`],
    ["a bracket left open", `${whole} [ASSURED`],
    [
      "ping without its id",
      "icmp 1 29 src=1.1.1.1 dst=2.2.2.2 type=8 code=0 src=2.2.2.2 dst=1.1.1.1 type=0 code=0",
    ],
  ])("%s", ([, line], { expect }) => {
    expect(read(line as string)).toBeUndefined();
  });
});
