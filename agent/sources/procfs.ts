import { close, constants, open, readSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { promisify } from "node:util";
import { TextScanner } from "../conntrack/text.ts";
import { TEXT_BLIND } from "./blind.ts";
import { errorCode, type Source, SourceError } from "./source.ts";

/** The table of the namespace the process is in; kernels before 2.6.20 or so have only the second. */
const PATHS = ["/proc/net/nf_conntrack", "/proc/net/ip_conntrack"];

/** More than one read gives: at most one page of lines (seq_file), whatever the buffer. */
const BUFFER_BYTES = 65_536;
/** Reads between two looks at the event loop: some milliseconds of work. */
const READS_A_TURN = 64;

/**
 * The table as text, from the first of `paths` that exists. It needs to be root of the namespace, but no capability.
 * Throws `SourceError` where there is no such file or it may not be opened.
 */
export async function openProcfs(paths: readonly string[] = PATHS): Promise<Source> {
  const path = await firstReadable(paths);
  return {
    name: "procfs",
    blind: TEXT_BLIND,
    async dump(sink, signal) {
      const scanner = new TextScanner(sink);
      const file = await openFile(path, constants.O_RDONLY).catch((error: unknown) => {
        throw refused(path, error);
      });
      try {
        await readTo(scanner, file, signal);
      } catch (error) {
        signal.throwIfAborted();
        throw refused(path, error);
      } finally {
        await closeFile(file);
      }
      scanner.end();
      return { entries: scanner.entries, interrupted: false, unreadable: scanner.unreadable };
    },
    close() {},
  };
}

const openFile = promisify(open);
const closeFile = promisify(close);

async function firstReadable(paths: readonly string[]): Promise<string> {
  for (const path of paths) {
    const file = await openFile(path, constants.O_RDONLY).catch((error: unknown) => {
      if (errorCode(error) !== "ENOENT") throw refused(path, error);
    });
    if (file === undefined) continue;
    await closeFile(file);
    return path;
  }
  throw new SourceError(
    `there is no ${paths.join(" or ")}`,
    "load the module nf_conntrack (modprobe nf_conntrack), or build the kernel with CONFIG_NF_CONNTRACK_PROCFS",
  );
}

/** Synchronous reads, because each gives but a page and a trip through the thread pool costs as much as the page. */
async function readTo(scanner: TextScanner, file: number, signal: AbortSignal): Promise<void> {
  const buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  for (;;) {
    for (let i = 0; i < READS_A_TURN; i++) {
      const length = readSync(file, buffer, 0, BUFFER_BYTES, null);
      if (length === 0) return;
      scanner.push(length === BUFFER_BYTES ? buffer : buffer.subarray(0, length));
    }
    await setImmediate();
    signal.throwIfAborted();
  }
}

function refused(path: string, error: unknown): SourceError {
  const code = errorCode(error);
  if (code === "EACCES" || code === "EPERM")
    return new SourceError(
      `this process may not read ${path} (${code})`,
      "only root of the network namespace may: run it as root",
      { cause: error },
    );
  return new SourceError(
    `cannot read ${path} (${code ?? String(error)})`,
    "the next window reads the table again; if it stays, choose another source",
    { cause: error },
  );
}
