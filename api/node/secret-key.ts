import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { KEY_BYTES, readKey } from "../alerts/sealed.ts";

/** The key kept in the file at `path`, made there at first. Throws where there is something else. */
export async function keptKey(path: string): Promise<Uint8Array> {
  await mkdir(dirname(path), { recursive: true });
  try {
    // Two that start at once agree: the first one writes, the other reads.
    await writeFile(path, `${randomBytes(KEY_BYTES).toString("base64")}\n`, { mode: 0o600, flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  const key = readKey(await readFile(path, "utf8"));
  if (!key)
    throw new Error(`${path} holds no key of ${KEY_BYTES} bytes in base64; put the right one there again`);
  return key;
}
