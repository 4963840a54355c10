/**
 * Ends this process now. `process.exit` joins the threads of Node first, and one that looks up a name while DNS is away, or
 * opens a file that does not answer, keeps it for half a minute: longer than whoever stops the agent waits.
 * @param kill ends the process where the C library cannot be called
 */
export async function exitNow(code: number, kill: () => void): Promise<void> {
  try {
    const { default: koffi } = await import("koffi");
    koffi.load(null).func("void _exit(int)")(code);
  } catch {
    kill();
  }
}
