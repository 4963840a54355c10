import { TextScanner } from "../../agent/conntrack/text.ts";
import { aRow, procfsLine } from "../support/rows.ts";
import { type Figure, median } from "./figure.ts";

const LINES = 200_000;
const CHUNK_BYTES = 65_536;
const WARM_UP = 3;
const RUNS = 9;

/** How fast the text scanner reads lines of procfs, a quarter of them IPv6, once it is warm. */
export async function benchScanner(): Promise<Figure[]> {
  const text = Buffer.from(Array.from({ length: LINES }, (_, i) => `${line(i)}\n`).join(""));
  const seconds: number[] = [];
  for (let run = 0; run < WARM_UP + RUNS; run++) {
    const started = performance.now();
    scan(text);
    if (run >= WARM_UP) seconds.push((performance.now() - started) / 1000);
  }
  const typical = median(seconds);
  return [
    { name: "text scanner, lines", value: LINES / typical / 1e6, unit: "million/s", bar: "> 1.2" },
    { name: "text scanner, text", value: text.length / typical / 1e6, unit: "MB/s" },
  ];
}

function scan(text: Uint8Array): void {
  let sum = 0;
  const scanner = new TextScanner((entry) => {
    sum += entry.origSport;
  });
  for (let at = 0; at < text.length; at += CHUNK_BYTES) scanner.push(text.subarray(at, at + CHUNK_BYTES));
  scanner.end();
  if (scanner.entries !== LINES || sum === 0) throw new Error(`read ${scanner.entries} of ${LINES} lines`);
}

function line(i: number): string {
  const sport = 1024 + (i % 60_000);
  if (i % 4 === 0) {
    const orig = { src: `fd00:244::${(i % 90) + 10}`, dst: "fd00:50::20", sport, dport: 53 };
    const reply = { src: "fd00:50::20", dst: "fd00:50::10", sport: 53, dport: sport };
    return procfsLine(aRow({ family: 6, protocol: 17, state: -1, timeout: 29, orig, reply, status: 2 }));
  }
  const src = `10.244.${(i >> 8) & 255}.${i & 255}`;
  const orig = { src, dst: "192.168.50.20", sport, dport: 443 };
  const reply = { src: "192.168.50.20", dst: "192.168.50.10", sport: 443, dport: sport };
  return procfsLine(aRow({ orig, reply, timeout: 400_000 + (i % 31_999) }));
}
