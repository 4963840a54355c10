/** What reports and `--help` call this agent; a test keeps it equal to package.json. */
export const VERSION = "0.1.0";

/** The oldest Node that runs the sources as they are, and has zstd (the changelog of 22.18.0). */
const [MAJOR, MINOR] = [22, 18];
export const NEEDED_NODE = `Node ${MAJOR}.${MINOR} or newer`;

/**
 * What is wrong with this Node, if anything.
 * @param version as `process.version` gives it, such as v20.20.2
 */
export function nodeComplaint(version: string): string | undefined {
  const [, major, minor] = (/^v(\d+)\.(\d+)\./.exec(version) ?? []).map(Number);
  if (major === undefined || minor === undefined) return undefined;
  const isOld = major < MAJOR || (major === MAJOR && minor < MINOR);
  return isOld ? `The Conntrail agent needs ${NEEDED_NODE}, this is ${version}` : undefined;
}
