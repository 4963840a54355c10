import { closeSync, constants, openSync, readSync } from "node:fs";
import { readlink } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { type LogCounts, LogLines, MAX_RECORD } from "./log-lines.ts";

/** Each read gives one record; this many take a millisecond. */
const READS_A_TURN = 128;
/** More than the usual ring of the kernel holds (CONFIG_LOG_BUF_SHIFT); what is left waits there for the next poll. */
const READS_A_POLL = 16_384;
/** A ring of 16 MB, the largest in use, holds fewer; what comes after was written while we read. */
const READS_TO_THE_END = 262_144;

export interface KernelLog {
  /** What the kernel said since the poll before, or since it was opened; undefined once the log cannot be read any more. */
  poll(): Promise<LogCounts | undefined>;
  close(): void;
}

export interface KernelLogDeps {
  path?: string;
  proc?: string;
}

/**
 * Follows the kernel log from now on. The device can be opened by anybody, unless kernel.dmesg_restrict wants CAP_SYSLOG;
 * containers have it only where it is given to them.
 */
export async function openKernelLog({ path = "/dev/kmsg", proc = "/proc" }: KernelLogDeps = {}): Promise<
  KernelLog | { unread: string }
> {
  const opened = openDevice(path);
  if (typeof opened === "string") return { unread: `kernel log: ${opened}` };
  const lines = new LogLines(await ownNamespace(proc));
  const device: Device = { fd: opened, buffer: Buffer.allocUnsafe(MAX_RECORD), lines };
  // Node cannot seek. Reading what is old also tells its last number, from which on none must be missing.
  await follow(device, READS_TO_THE_END);
  lines.take();
  return {
    poll: async () => ((await follow(device, READS_A_POLL)) ? lines.take() : undefined),
    close: () => close(device),
  };
}

interface Device {
  /** Undefined once it is closed. */
  fd: number | undefined;
  readonly buffer: Buffer;
  readonly lines: LogLines;
}

/** Reads up to the end, or so many records; false where the device is closed. */
async function follow(device: Device, reads: number): Promise<boolean> {
  for (let left = reads; left > 0; left -= READS_A_TURN) {
    const outcome = readTurn(device);
    if (outcome === "broken") close(device);
    if (outcome !== "more") return outcome === "end";
    await setImmediate();
  }
  return true;
}

function close(device: Device): void {
  if (device.fd !== undefined) closeSync(device.fd);
  device.fd = undefined;
}

/** The descriptor, or why there is none. */
function openDevice(path: string): number | string {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EPERM" || code === "EACCES")
      return `this process may not open ${path} (${code}); it needs the device, and CAP_SYSLOG where kernel.dmesg_restrict is 1`;
    return `${path} cannot be opened (${code})`;
  }
}

/** The device answers at once, also with "nothing more" (EAGAIN). */
function readTurn({ fd, buffer, lines }: Device): "more" | "end" | "broken" {
  if (fd === undefined) return "broken";
  for (let i = 0; i < READS_A_TURN; i++) {
    try {
      const length = readSync(fd, buffer, 0, buffer.length, null);
      if (length === 0) return "end";
      // The device writes all but ASCII as \xNN.
      lines.add(buffer.toString("latin1", 0, length));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EAGAIN") return "end";
      // Overwritten before they were read: the next read goes on behind the gap, which the numbers show.
      if (code !== "EPIPE" && code !== "EINTR") return "broken";
    }
  }
  return "more";
}

/** `net:[4026531833]` → the number; messages about other namespaces carry theirs. */
const ownNamespace = (proc: string): Promise<string | undefined> =>
  readlink(join(proc, "self/ns/net")).then(
    (link) => /\d+/.exec(link)?.[0],
    () => undefined,
  );
