import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { TextScanner } from "../conntrack/text.ts";
import { TEXT_BLIND } from "./blind.ts";
import { errorCode, type Source, SourceError } from "./source.ts";

/** One listing a family, since only newer versions of the command list both without being asked. */
const LISTINGS = ["ipv4", "ipv6"].map((family) => ["-L", "-f", family, "-o", "extended"]);
/** A question about a flow that does not exist: what answers it needs all that a listing needs, and costs nothing. */
const PROBE = ["-G", "-p", "udp", "-s", "127.0.0.1", "-d", "127.0.0.1", "--sport", "1", "--dport", "1"];
/** It answers in milliseconds, or waits for something that will not come. */
const PROBE_TIMEOUT_MS = 5_000;
const NO_SUCH_FLOW = /doesn't exist/;
const NOT_PERMITTED = /not permitted|CAP_NET_ADMIN|must be root/i;
/** The command prints its version before what it has to say, and how many entries it has shown behind. */
const PREAMBLE = /^conntrack v[\d.]+ \(conntrack-tools\): /;
/** Longest complaint of the command that a message repeats. */
const MAX_COMPLAINT = 300;

/**
 * The table by the conntrack command, for machines where Node cannot open netlink itself. Throws `SourceError` where the
 * command is missing or not let in.
 */
export async function openConntrack(command = "conntrack"): Promise<Source> {
  const patience = AbortSignal.timeout(PROBE_TIMEOUT_MS);
  await run(command, PROBE, patience, async (output) => void output.resume()).catch((error: unknown) => {
    if (patience.aborted)
      throw new SourceError(`the command ${command} does not answer`, "run it by hand to see why");
    if (!(error instanceof SourceError) || !NO_SUCH_FLOW.test(error.message)) throw error;
  });
  return {
    name: "conntrack",
    blind: TEXT_BLIND,
    async dump(sink, signal) {
      const scanner = new TextScanner(sink);
      for (const listing of LISTINGS) {
        await run(command, listing, signal, async (output) => {
          for await (const chunk of output) scanner.push(chunk as Uint8Array);
          scanner.end();
        });
      }
      return { entries: scanner.entries, interrupted: false, unreadable: scanner.unreadable };
    },
    close() {},
  };
}

/** Runs the command to its end; throws `SourceError` unless it succeeds, and kills it when `signal` is aborted. */
async function run(
  command: string,
  args: readonly string[],
  signal: AbortSignal,
  consume: (output: Readable) => Promise<void>,
): Promise<void> {
  signal.throwIfAborted();
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], signal, killSignal: "SIGKILL" });
  try {
    const [code, complaint] = await Promise.all([exit(child), text(child.stderr), consume(child.stdout)]);
    if (code !== 0) throw refused(code, complaint);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof SourceError) throw error;
    throw notStarted(command, error);
  } finally {
    child.kill("SIGKILL");
  }
}

/** The exit code, or the signal that ended the command. */
async function exit(child: ChildProcess): Promise<number | string> {
  const [code, signal] = (await once(child, "close")) as [number | null, string | null];
  return code ?? signal ?? "";
}

function refused(code: number | string, stderr: string): SourceError {
  const complaint = stderr.trim().replace(PREAMBLE, "").slice(0, MAX_COMPLAINT) || "it did not say why";
  const message = `the conntrack command failed (${code}): ${complaint}`;
  if (NOT_PERMITTED.test(stderr))
    return new SourceError(
      message,
      "it needs CAP_NET_ADMIN in the host's network namespace: run the agent as root, or add the capability",
    );
  return new SourceError(
    message,
    "run `conntrack -L` by hand to see what is wrong, or choose another source",
  );
}

function notStarted(command: string, error: unknown): SourceError {
  if (errorCode(error) === "ENOENT")
    return new SourceError(
      `the command ${command} is not installed`,
      "install conntrack-tools (package conntrack on Debian and Ubuntu, conntrack-tools elsewhere)",
      { cause: error },
    );
  return new SourceError(
    `cannot run ${command} (${errorCode(error) ?? String(error)})`,
    "see that it is executable for this user, or choose another source",
    { cause: error },
  );
}
