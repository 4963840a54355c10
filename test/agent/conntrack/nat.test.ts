import { test } from "vitest";
import { readEntry } from "../../../agent/conntrack/ctnetlink.ts";
import { Entry } from "../../../agent/conntrack/entry.ts";
import { natClass } from "../../../agent/conntrack/nat.ts";
import { payloadOf } from "../../support/ctnetlink-messages.ts";
import { aRow, type Row, type Tuple } from "../../support/rows.ts";

function classOf(row: Row): string {
  const payload = Uint8Array.from(payloadOf(row));
  const message = { view: new DataView(payload.buffer), entry: new Entry() };
  readEntry(message, 0, payload.length);
  return natClass(message.entry);
}

const pod = { src: "10.244.0.11", dst: "192.168.50.20", sport: 40_000, dport: 443 };
const back: Tuple = { src: pod.dst, dst: pod.src, sport: pod.dport, dport: pod.sport };
const ping = { src: "10.244.0.11", dst: "192.168.50.20", sport: 7, dport: 8 << 8 };
const pong: Tuple = { src: ping.dst, dst: ping.src, sport: 7, dport: 0 };
const pod6 = { src: "fd00:244::11", dst: "fd00:50::20", sport: 40_000, dport: 443 };
const back6: Tuple = { src: pod6.dst, dst: pod6.src, sport: pod6.dport, dport: pod6.sport };

test.for<[string, string, Partial<Row>]>([
  ["a reply that is the exact reverse", "none", { orig: pod, reply: back }],
  ["a reply to another address", "snat", { orig: pod, reply: { ...back, dst: "192.168.50.10" } }],
  ["a reply to another port of the same address", "snat", { orig: pod, reply: { ...back, dport: 1024 } }],
  ["a reply from another address", "dnat", { orig: pod, reply: { ...back, src: "10.244.0.12" } }],
  ["a reply from another port of the same address", "dnat", { orig: pod, reply: { ...back, sport: 8443 } }],
  [
    "a reply from and to other addresses",
    "both",
    { orig: pod, reply: { ...back, src: "10.244.0.12", dst: "10.244.0.1" } },
  ],
  ["an answered ping", "none", { protocol: 1, orig: ping, reply: pong }],
  ["a masqueraded ping", "snat", { protocol: 1, orig: ping, reply: { ...pong, dst: "192.168.50.10" } }],
  ["a ping whose id is translated", "snat", { protocol: 1, orig: ping, reply: { ...pong, sport: 8 } }],
  ["a ping sent elsewhere", "dnat", { protocol: 1, orig: ping, reply: { ...pong, src: "10.244.0.12" } }],
  ["IPv6 without NAT", "none", { family: 6, orig: pod6, reply: back6 }],
  [
    "IPv6 addresses that differ in their last word only",
    "snat",
    { family: 6, orig: pod6, reply: { ...back6, dst: "fd00:244::12" } },
  ],
  [
    "IPv6 addresses that differ in their third word only",
    "dnat",
    { family: 6, orig: pod6, reply: { ...back6, src: "fd00:50::1:0:20" } },
  ],
])("%s is %s", ([, expected, row], { expect }) => {
  expect(classOf(aRow({ state: -1, ...row }))).toBe(expected);
});
