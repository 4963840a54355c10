import { randomBytes, randomUUID } from "node:crypto";
import { link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { KEY_BYTES, readKey } from "../alerts/sealed.ts";

/** The key kept in the file at `path`, made there at first. Throws where there is something else. */
export async function keptKey(path: string): Promise<Uint8Array> {
  const text = (await kept(path)) ?? (await make(path));
  const key = readKey(text);
  if (!key)
    throw new Error(`${path} holds no key of ${KEY_BYTES} bytes in base64; put the right one there again`);
  return key;
}

async function kept(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Two that start at once agree: a file that is whole is linked to the name, which only one of them can do. */
async function make(path: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  const made = `${path}.${randomUUID()}`;
  await writeFile(made, `${randomBytes(KEY_BYTES).toString("base64")}\n`, { mode: 0o600 });
  try {
    await link(made, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    await rm(made);
  }
  return readFile(path, "utf8");
}
