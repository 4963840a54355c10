/** 1,234,567. */
export const grouped = (value: number): string =>
  String(Math.round(value)).replaceAll(/\B(?=(\d{3})+$)/g, ",");

/** With one decimal where it says more: 0.4, 7.5, 120, 1,200. */
export function counted(value: number): string {
  if (!Number.isFinite(value)) return "?";
  return Math.abs(value) < 10 && !Number.isInteger(value) ? String(Number(value.toFixed(1))) : grouped(value);
}

/** A share without its sign: 92, 99.7, 0.4; never 100 of what is not all. */
export function hundredths(ratio: number): string {
  if (!Number.isFinite(ratio)) return "?";
  const value = ratio * 100;
  const near = value > 99 && value < 100;
  if (near) return String(Math.floor(value * 10) / 10);
  return value < 1 && value > 0 ? String(Number(value.toFixed(1))) : grouped(value);
}

/** Names of units of time, as they follow a number: of days, hours, minutes and seconds. */
export type TimeUnits = Readonly<Record<"d" | "h" | "min" | "s", string>>;

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The two largest units that say anything: "3 h 20 min", "45 s", "2 d". */
export function lasting(ms: number, units: TimeUnits): string {
  if (!Number.isFinite(ms)) return "?";
  const rounded = Math.max(
    0,
    ms < MINUTE ? Math.round(ms / SECOND) * SECOND : Math.round(ms / MINUTE) * MINUTE,
  );
  const parts: [number, string][] =
    rounded >= DAY
      ? [
          [Math.floor(rounded / DAY), units.d],
          [Math.floor((rounded % DAY) / HOUR), units.h],
        ]
      : rounded >= HOUR
        ? [
            [Math.floor(rounded / HOUR), units.h],
            [Math.floor((rounded % HOUR) / MINUTE), units.min],
          ]
        : rounded >= MINUTE
          ? [[rounded / MINUTE, units.min]]
          : [[rounded / SECOND, units.s]];
  return parts
    .filter(([value], at) => at === 0 || value > 0)
    .map(([value, unit]) => `${grouped(value)} ${unit}`)
    .join(" ");
}

/** 2026-11-21 03:12 UTC. What is no time is "?". */
export function instant(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? "?" : `${date.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

/** Kernel memory of one entry with its extensions, and of its part of the hash table. */
const ENTRY_BYTES = 320;
/** So many entries take, in whole MB. */
export const megabytes = (entries: number): string => grouped(Math.max(1, (entries * ENTRY_BYTES) / 1e6));

const PROTOCOLS: Readonly<Record<number, string>> = {
  1: "ICMP",
  6: "TCP",
  17: "UDP",
  58: "ICMPv6",
  132: "SCTP",
};
export const protocolName = (protocol: number): string => PROTOCOLS[protocol] ?? `IP ${protocol}`;

/** 10.0.0.9:3306, [fd00::9]:3306. */
export function endpoint(address: string, port: number | undefined): string {
  if (port === undefined) return address;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
