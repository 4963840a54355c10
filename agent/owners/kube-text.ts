const NEWLINE = 0x0a;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OBJECT = 0x7b;
const OBJECT_END = 0x7d;
const ARRAY = 0x5b;
const ARRAY_END = 0x5d;

/**
 * Longest object taken. An object is at most 1.5 MiB in etcd, where its field names are numbers; as JSON it is larger.
 */
export const MAX_OBJECT_BYTES = 4 * 1024 * 1024;

/** Room that is kept between objects; one that takes more gives it back. */
const USUAL_BYTES = 65_536;

/**
 * Bytes of a text that comes in pieces, up to the bound; what is beyond is dropped, and the text with it. They are copied
 * into one buffer, used again and again: thousands of small ones would be given back late.
 */
class Pieces {
  #bytes = Buffer.alloc(USUAL_BYTES);
  #length = 0;
  #overlong = false;

  add(bytes: Uint8Array): void {
    const length = this.#length + bytes.length;
    this.#overlong ||= length > MAX_OBJECT_BYTES;
    if (this.#overlong) return;
    if (length > this.#bytes.length) {
      const larger = Buffer.alloc(Math.min(MAX_OBJECT_BYTES, 2 ** Math.ceil(Math.log2(length))));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length = length;
  }

  take(): string | undefined {
    const text = this.#overlong ? undefined : this.#bytes.toString("utf8", 0, this.#length);
    this.#length = 0;
    this.#overlong = false;
    if (this.#bytes.length > USUAL_BYTES) this.#bytes = Buffer.alloc(USUAL_BYTES);
    return text;
  }
}

/** Takes a value that was read, or hears that one could not be: longer than the bound, or no JSON. */
export interface ObjectSink {
  take(value: unknown): void;
  unreadable(): void;
}

function give(text: string | undefined, sink: ObjectSink): void {
  let value: unknown;
  try {
    value = JSON.parse(text ?? "");
  } catch {
    return sink.unreadable();
  }
  sink.take(value);
}

/** Reads JSON values, one a line. What cannot be read costs its own line alone; a line without an end is left out. */
export function jsonLines(sink: ObjectSink): (chunk: Uint8Array) => void {
  const line = new Pieces();
  return (chunk) => {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      line.add(chunk.subarray(start, end));
      start = end + 1;
      const text = line.take();
      if (text?.trim() !== "") give(text, sink);
    }
    line.add(chunk.subarray(start));
  };
}

/**
 * Reads a list of Kubernetes, {"metadata": ..., "items": [...]}, item by item, so that no more than one is held at once
 * however many there are.
 */
export class JsonList {
  readonly #sink: ObjectSink;
  /** What stands around the elements of the arrays of the outermost object. */
  readonly #frame = new Pieces();
  readonly #item = new Pieces();
  #place: "frame" | "array" | "item" = "frame";
  #depth = 0;
  #inText = false;
  #escaped = false;

  constructor(sink: ObjectSink) {
    this.#sink = sink;
  }

  push(chunk: Uint8Array): void {
    let start = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at] as number;
      if (this.#inText) this.#passText(byte);
      else if (byte === QUOTE) this.#inText = true;
      else if (byte === OBJECT || byte === ARRAY) start = this.#open(byte, chunk, start, at);
      else if (byte === OBJECT_END || byte === ARRAY_END) start = this.#close(chunk, start, at);
    }
    this.#keep(chunk.subarray(start));
  }

  /** The list without its items; undefined where the text was none, or not whole. */
  end(): unknown {
    let frame: unknown;
    give(this.#frame.take(), {
      take: (value) => {
        frame = value;
      },
      unreadable: () => {},
    });
    return frame;
  }

  #passText(byte: number): void {
    if (this.#escaped) this.#escaped = false;
    else if (byte === BACKSLASH) this.#escaped = true;
    else if (byte === QUOTE) this.#inText = false;
  }

  /** Gives where the bytes begin that are not kept yet. */
  #open(byte: number, chunk: Uint8Array, start: number, at: number): number {
    this.#depth += 1;
    if (this.#depth === 2 && this.#place === "frame" && byte === ARRAY) {
      this.#keep(chunk.subarray(start, at + 1));
      this.#place = "array";
    } else if (this.#place === "array") {
      this.#place = "item";
      return at;
    }
    return start;
  }

  #close(chunk: Uint8Array, start: number, at: number): number {
    this.#depth -= 1;
    if (this.#place === "array") {
      this.#place = "frame";
      return at;
    }
    if (this.#place === "frame" || this.#depth !== 2) return start;
    this.#keep(chunk.subarray(start, at + 1));
    give(this.#item.take(), this.#sink);
    this.#place = "array";
    return at + 1;
  }

  #keep(bytes: Uint8Array): void {
    if (this.#place === "item") this.#item.add(bytes);
    else if (this.#place === "frame") this.#frame.add(bytes);
  }
}
