import { openHttp, type PostTo } from "../../agent/http.ts";
import { pack, post } from "../../agent/push.ts";
import type { Report } from "../../api/wire.ts";

const TIMEOUT_MS = 10_000;
/** A service that is busy says when to come again; one that says nothing is asked again after so long. */
const RETRY_MS = 1_000;
const MAX_TRIES = 10;

/** Hands reports to a service as an agent does, and waits for each to be stored. */
export class Poster {
  private readonly url: string;
  private readonly postTo: PostTo;
  private readonly sleep: (ms: number) => Promise<unknown>;

  constructor(url: string, sleep: (ms: number) => Promise<unknown>) {
    this.url = url;
    this.postTo = openHttp(url.startsWith("https:"));
    this.sleep = sleep;
  }

  /** Throws what the service says where it will not take the report, and after some tries. */
  async post(report: Report, token: string): Promise<void> {
    const parcel = await pack(report);
    for (let tries = 1; ; tries += 1) {
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      const outcome = await post(
        { postTo: this.postTo, now: Date.now, signal },
        { url: this.url, token },
        parcel,
      );
      if (outcome.kind === "stored") return;
      if (outcome.kind !== "retry" || outcome.unauthorized || tries >= MAX_TRIES)
        throw new Error(outcome.reason);
      await this.sleep(outcome.waitMs ?? RETRY_MS);
    }
  }
}

/** All of them, as many at once as `width`. */
export async function inParallel<T>(
  items: readonly T[],
  width: number,
  act: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  const lane = async () => {
    for (let at = next++; at < items.length; at = next++) await act(items[at] as T);
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, lane));
}
