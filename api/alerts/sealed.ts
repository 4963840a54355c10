/** A byte that says how the rest is sealed: another one is of a version to come. */
const VERSION = 1;
const IV_BYTES = 12;
export const KEY_BYTES = 32;

/** What is sealed cannot be opened: by another key, for another purpose, or damaged. */
export class SealError extends Error {
  override name = "SealError";
}

/** Seals and opens what must not be read from the database alone: AES-256-GCM, with a random nonce each time. */
export type Sealer = {
  /** `purpose` is needed again to open: what was sealed for one row is of no use in another. */
  seal(this: void, text: string, purpose: string): Promise<Uint8Array>;
  /** Throws SealError. */
  open(this: void, sealed: Uint8Array, purpose: string): Promise<string>;
};

/** 32 bytes out of base64; undefined where the text is none. */
export function readKey(text: string): Uint8Array | undefined {
  try {
    const bytes = Uint8Array.from(atob(text.trim()), (character) => character.charCodeAt(0));
    return bytes.length === KEY_BYTES ? bytes : undefined;
  } catch {
    return undefined;
  }
}

export async function sealer(key: Uint8Array): Promise<Sealer> {
  const raw = Uint8Array.from(key);
  const secret = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]);
  const encoder = new TextEncoder();
  const algorithm = (iv: Uint8Array<ArrayBuffer>, purpose: string) => ({
    name: "AES-GCM",
    iv,
    additionalData: encoder.encode(purpose),
  });
  return {
    seal: async (text, purpose) => {
      const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
      const sealed = await crypto.subtle.encrypt(algorithm(iv, purpose), secret, encoder.encode(text));
      return Uint8Array.of(VERSION, ...iv, ...new Uint8Array(sealed));
    },
    open: async (sealed, purpose) => {
      if (sealed[0] !== VERSION)
        throw new SealError("the secret was sealed by another version of the service");
      const iv = Uint8Array.from(sealed.subarray(1, 1 + IV_BYTES));
      try {
        const bytes = Uint8Array.from(sealed.subarray(1 + IV_BYTES));
        return new TextDecoder().decode(await crypto.subtle.decrypt(algorithm(iv, purpose), secret, bytes));
      } catch (cause) {
        throw new SealError("the secret was sealed with another key (CONNTRAIL_SECRET_KEY), or is damaged", {
          cause,
        });
      }
    },
  };
}
