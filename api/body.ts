import { inflate, parseEncoding } from "./inflate.ts";
import { ProblemError } from "./problem.ts";

export interface BodyLimits {
  /** Bytes as they come over the wire. */
  wireBytes: number;
  /** Bytes once inflated. */
  inflatedBytes: number;
  /** How long the whole body may take to come, in ms; ten seconds unless told. */
  deadlineMs?: number | undefined;
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });
const LENIENT_UTF8 = new TextDecoder("utf-8", { fatal: false, ignoreBOM: false });
const DEADLINE_MS = 10_000;
/** What an administrator sends: a name and a label. */
const SMALL = { wireBytes: 16 * 1024, inflatedBytes: 64 * 1024 };

const JSON_TYPE = /^application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?$/i;

/**
 * The JSON in the body of a request, of unknown shape. Call it after the caller is known: reading and inflating is
 * the most expensive thing a stranger could ask for. Throws a problem for every way in which a body can be bad.
 */
export async function readJson(request: Request, limits: BodyLimits): Promise<unknown> {
  if (!JSON_TYPE.test(request.headers.get("content-type") ?? ""))
    throw new ProblemError("unsupported-media", "Content-Type must be application/json.");
  return parseJson(await readInflated(request, limits));
}

/** As `readJson`, for the few fields of a body that is no report. */
export function readSmallJson(request: Request, deadlineMs?: number): Promise<unknown> {
  return readJson(request, { ...SMALL, deadlineMs });
}

/** The text in the body of a request, of any type; bytes that are no UTF-8 become U+FFFD. Else as `readJson`. */
export async function readText(request: Request, limits: BodyLimits): Promise<string> {
  return LENIENT_UTF8.decode(await readInflated(request, limits));
}

/** The bytes of a body, inflated. */
async function readInflated(request: Request, limits: BodyLimits): Promise<Uint8Array> {
  const encoding = parseEncoding(request.headers.get("content-encoding") ?? undefined);
  return inflate(await readBody(request, limits), encoding, limits.inflatedBytes);
}

/** The bytes of a body. The stream is counted, for Content-Length may be missing or lie. */
async function readBody(request: Request, limits: BodyLimits): Promise<Uint8Array> {
  const { wireBytes, deadlineMs = DEADLINE_MS } = limits;
  if (Number(request.headers.get("content-length")) > wireBytes) throw tooLarge(wireBytes);
  if (!request.body) return new Uint8Array();
  const reader = (request.body as ReadableStream<Uint8Array>).getReader();
  let late = false;
  const deadline = setTimeout(() => {
    late = true;
    abandon(reader);
  }, deadlineMs);
  try {
    const chunks = await readChunks(reader, wireBytes);
    if (late) throw new ProblemError("body-timeout", `The body did not come within ${deadlineMs} ms.`);
    return join(chunks);
  } finally {
    clearTimeout(deadline);
  }
}

async function readChunks(reader: ReadableStreamDefaultReader<Uint8Array>, maxBytes: number) {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read().catch(interrupted);
    if (done) return chunks;
    size += value.byteLength;
    if (size > maxBytes) {
      abandon(reader);
      throw tooLarge(maxBytes);
    }
    chunks.push(value);
  }
}

/** Nobody waits for the rest of a refused body, and nobody cares if it cannot be cancelled. */
function abandon(reader: ReadableStreamDefaultReader<Uint8Array>): void {
  reader.cancel().catch(() => {});
}

function interrupted(cause: unknown): never {
  throw new ProblemError("bad-body", "The body ended before it was complete.", { cause });
}

function join(chunks: readonly Uint8Array[]): Uint8Array {
  const [first] = chunks;
  if (first && chunks.length === 1) return first;
  const whole = new Uint8Array(chunks.reduce((size, chunk) => size + chunk.byteLength, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.byteLength;
  }
  return whole;
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(UTF8.decode(body));
  } catch (cause) {
    const what = cause instanceof SyntaxError ? "JSON" : "UTF-8 text";
    throw new ProblemError("bad-body", `The body is not ${what}.`, { cause });
  }
}

const tooLarge = (maxBytes: number) =>
  new ProblemError("too-large", `A body may be at most ${maxBytes} bytes long on the wire.`);
