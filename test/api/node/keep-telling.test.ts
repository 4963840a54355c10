import { freshDb } from "#fresh-db";
import { expect, test } from "vitest";
import { madeOnce } from "../../../api/node/alerting.ts";
import { Bell } from "../../../api/node/bell.ts";
import { keepTellingWith } from "../../../api/node/keep-telling.ts";

test("what alerts are sent with is tried again until it can be had, and then kept", async () => {
  let tries = 0;
  const make = madeOnce(async () => {
    tries += 1;
    if (tries < 3) throw new Error("no key yet");
    return tries;
  });
  await expect(make()).rejects.toThrow("no key yet");
  await expect(make()).rejects.toThrow("no key yet");
  expect([await make(), await make()]).toEqual([3, 3]);
});

test("sending begins once it can, and each failure is told", async () => {
  const db = await freshDb();
  const stopping = new AbortController();
  const failed: unknown[] = [];
  let tries = 0;
  const make = async () => {
    tries += 1;
    if (tries < 3) throw new Error(`try ${tries}`);
    stopping.abort();
    const never = () => Promise.reject(new Error("nothing is to be sent"));
    const sealer = { seal: never, open: never };
    return { db, now: Date.now, log: () => {}, random: () => 0, send: never, sealer };
  };
  const onFailed = (error: unknown) => void failed.push(String(error));
  await keepTellingWith(make, { bell: new Bell(), stop: stopping.signal, onFailed }, 1);
  expect(failed).toEqual(["Error: try 1", "Error: try 2"]);
});
