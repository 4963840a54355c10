import { othersFirst } from "../in-turn.ts";

/** A long text as the body of an answer, made part by part while others have their turn. */
export function streamed(parts: Iterator<string>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream({
    async pull(controller) {
      await othersFirst();
      const { done, value } = parts.next();
      if (done === true) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
  });
}
