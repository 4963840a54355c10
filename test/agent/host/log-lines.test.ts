import * as fc from "fast-check";
import { describe, test } from "vitest";
import { type LogCounts, LogLines, MAX_RECORD } from "../../../agent/host/log-lines.ts";

const HERE = "4026531833";
const FULL = "nf_conntrack: table full, dropping packet";
const nothing: LogCounts = { tableFull: 0, tableFullElsewhere: 0, missed: 0, invalid: [] };

/** Records as /dev/kmsg gives them, numbered from 100 on. */
const records = (...texts: string[]) =>
  texts.map((text, i) => `4,${100 + i},6820309324,-;${text}\n`).join("");

function count(log: string): LogCounts {
  const lines = new LogLines(HERE);
  lines.add(log);
  return lines.take();
}

describe("full tables", () => {
  test.for([
    ["nf_conntrack: table full, dropping packet", 1, 0],
    ["nf_conntrack: nf_conntrack: table full, dropping packet", 1, 0],
    ["ip_conntrack: table full, dropping packet.", 1, 0],
    [`nf_conntrack: nf_conntrack: table full in netns ${HERE}, dropping packet`, 1, 0],
    ["nf_conntrack: nf_conntrack: table full in netns 4026532531, dropping packet", 0, 1],
    ["nf_conntrack: table full, dropping packet in netns 4026532531", 0, 1],
    ["my log: nf_conntrack: table full, dropping packet", 0, 0],
    ["nf_conntrack: expectation table full", 0, 0],
  ] as const)("%s: %i here, %i elsewhere", ([text, here, elsewhere], { expect }) => {
    expect(count(records(text))).toEqual({ ...nothing, tableFull: here, tableFullElsewhere: elsewhere });
  });

  const suppressed = "net_ratelimit: 90 callbacks suppressed";
  const elsewhere = "nf_conntrack: table full in netns 4026532531, dropping packet";
  test.for([
    ["between two of one table are its own", [FULL, suppressed, FULL], 92, 0],
    ["are not taken twice", [FULL, suppressed, FULL, FULL], 93, 0],
    ["between two of different tables are nobody's", [FULL, suppressed, elsewhere], 1, 1],
    ["between two of another table are that one's", [elsewhere, suppressed, elsewhere], 0, 92],
    ["before the first are nobody's", [suppressed, FULL], 1, 0],
    ["after something else are nobody's", [FULL, "TCP: out of memory", suppressed, FULL], 2, 0],
    ["before something else are nobody's", [FULL, suppressed, "TCP: out of memory", FULL], 2, 0],
    ["of another limit are not counted", [FULL, "sock_ratelimit: 9 callbacks suppressed", FULL], 2, 0],
  ] as const)("messages left out %s", ([, texts, here, there], { expect }) => {
    expect(count(records(...texts))).toMatchObject({ tableFull: here, tableFullElsewhere: there });
  });

  test("what a process writes into the log itself counts for nothing", ({ expect }) => {
    expect(count(`12,1,5,-;${FULL}\n`)).toEqual(nothing);
  });
});

/** As Linux 6.18 wrote them. */
const PACKET =
  "IN=vea OUT= MAC=36:0a:db:87:2a:a1:8a:44:c8:78:fa:8a:08:00 SRC=10.9.0.2 DST=10.9.0.1 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=35377 DF PROTO=TCP SPT=33848 DPT=7777 SEQ=1 ACK=1 WINDOW=1000 RES=0x00 ACK URGP=0 ";

describe("invalid packets", () => {
  test.for([
    // Seen on Linux 6.18.
    ["nf_ct_proto_6: bad checksum", "nf_ct_proto_6: bad checksum"],
    ["nf_ct_proto_6: invalid tcp flag combination", "nf_ct_proto_6: invalid tcp flag combination"],
    ["nf_ct_proto_6: invalid new", "nf_ct_proto_6: invalid new"],
    [
      "nf_ct_proto_6: SEQ is over upper bound 2157742299 (over the window of the receiver)",
      "nf_ct_proto_6: SEQ is over upper bound N (over the window of the receiver)",
    ],
    [
      "nf_ct_proto_6: packet (index 0) in dir 0 ignored, state ESTABLISHED",
      "nf_ct_proto_6: packet (index N) in dir N ignored, state ESTABLISHED",
    ],
    ["nf_ct_proto_17: truncated/malformed packet", "nf_ct_proto_17: truncated/malformed packet"],
    ["nf_ct_proto_1: bad hw icmp checksum", "nf_ct_proto_1: bad hw icmp checksum"],
    ["nf_ct_proto_132: nf_ct_sctp: bad CRC ", "nf_ct_proto_132: nf_ct_sctp: bad CRC"],
    // From the sources of older kernels.
    [
      "nf_ct_proto_6: invalid packet ignored in state ESTABLISHED ",
      "nf_ct_proto_6: invalid packet ignored in state ESTABLISHED",
    ],
    ["nf_ct_tcp: invalid RST", "nf_ct_tcp: invalid RST"],
    ["nf_ct_icmp: bad ICMP checksum", "nf_ct_icmp: bad ICMP checksum"],
  ] as const)("%s has a reason without its numbers, and a sample", ([text, reason], { expect }) => {
    const line = `${text} ${PACKET}`;
    expect(count(records(line, line)).invalid).toEqual([{ reason, lines: 2, sample: line.trim() }]);
  });

  test.for([
    "nf_ct_proto_6: nothing of a packet",
    `nf_conntrack: ${PACKET}`,
    `my firewall: nf_ct_tcp: invalid ${PACKET}`,
    PACKET,
  ])("%s is not one", (text, { expect }) => {
    expect(count(records(text)).invalid).toEqual([]);
  });

  test("lines between two messages of a full table do not come between them", ({ expect }) => {
    const invalid = `nf_ct_proto_6: invalid new ${PACKET}`;
    const log = records(FULL, invalid, "net_ratelimit: 5 callbacks suppressed", invalid, FULL);
    expect(count(log).tableFull).toBe(7);
  });

  test.for([
    [32, 31],
    [31, undefined],
  ] as const)("of %i reasons, those beyond 31 share one place", ([reasons, others], { expect }) => {
    const names = Array.from({ length: reasons }, (_, i) => String.fromCharCode(97 + (i % 26), 97 + i));
    const { invalid } = count(records(...names.map((name) => `nf_ct_proto_6: ${name} ${PACKET}`)));
    expect(invalid.length).toBe(others === undefined ? reasons : 32);
    expect(invalid.findIndex(({ reason }) => reason === "other reasons")).toBe(others ?? -1);
  });

  test("reason and sample fit the wire, without control characters", ({ expect }) => {
    const { invalid } = count(
      records(`nf_ct_proto_6: ${"x".repeat(300)}\u001b[31m ${PACKET}${"y".repeat(300)}`),
    );
    expect(invalid[0]!.reason).toHaveLength(253);
    expect(invalid[0]!.sample).toHaveLength(500);
    expect(invalid[0]!.sample).not.toContain("\u001b");
  });
});

describe("records", () => {
  test("that are missing between two are counted, whoever wrote them", ({ expect }) => {
    expect(count("4,7,1,-;a\n12,9,1,-;b\n4,10,1,-;c\n4,20,1,-;d\n").missed).toBe(1 + 9);
  });

  test("before the first are not missing, and a number that goes back misses none", ({ expect }) => {
    expect(count("4,700,1,-;a\n4,3,1,-;b\n4,4,1,-;c\n").missed).toBe(0);
  });

  test("have properties on lines of their own, which say nothing", ({ expect }) => {
    expect(count(` ${records(FULL)}`)).toEqual(nothing);
    expect(count(`6,5,1,-,caller=T1;eth0: up\n SUBSYSTEM=net\n DEVICE=n2\n${records(FULL)}`).tableFull).toBe(
      1,
    );
  });

  test.for([
    [MAX_RECORD, 1],
    [MAX_RECORD + 1, 0],
  ] as const)("of %i characters are read: %i", ([length, read], { expect }) => {
    const line = `4,1,${"1".repeat(length - FULL.length - 7)},-;${FULL}`;
    expect(line).toHaveLength(length);
    expect(count(`${line}\n`).tableFull).toBe(read);
    const pieces = new LogLines(HERE);
    for (const piece of [line.slice(0, 5_000), line.slice(5_000), "\n", records(FULL)]) pieces.add(piece);
    expect(pieces.take().tableFull).toBe(read + 1);
  });

  test("are the same in pieces of any size", ({ expect }) => {
    const invalid = `nf_ct_proto_6: invalid new ${PACKET}`;
    const log = `${records(FULL, invalid, "net_ratelimit: 5 callbacks suppressed", FULL)} A=b\n4,120,1,-;x\n`;
    const whole = count(log);
    expect(whole).toMatchObject({ tableFull: 7, missed: 16 });
    fc.assert(
      fc.property(fc.array(fc.nat(log.length), { maxLength: 12 }), (cuts) => {
        const lines = new LogLines(HERE);
        const ends = [...cuts.toSorted((a, b) => a - b), log.length];
        for (const [i, end] of ends.entries()) lines.add(log.slice(ends[i - 1] ?? 0, end));
        expect(lines.take()).toEqual(whole);
      }),
    );
  });

  test("of any damage are counted or left out, and what comes out fits the wire", ({ expect }) => {
    const parts = fc.constantFrom(
      ";",
      ",",
      "\n",
      " ",
      "4",
      "nf_ct_proto_6: ",
      " IN= OUT=",
      FULL,
      "net_ratelimit: ",
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(parts, fc.string({ unit: "binary" })), { maxLength: 60 }), (words) => {
        const { invalid, tableFull, missed } = count(`4,1,1,-;${words.join("")}\n${records(FULL)}`);
        expect(tableFull).toBeGreaterThan(0);
        expect(Number.isSafeInteger(missed) && missed >= 0).toBe(true);
        for (const { reason, sample } of invalid)
          expect(reason.length <= 253 && sample.length <= 500).toBe(true);
      }),
    );
  });
});
