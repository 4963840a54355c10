import { test } from "vitest";
import type { LogLine } from "../../agent/log.ts";
import { type Outcome, type Parcel, unpack } from "../../agent/push.ts";
import { Sender } from "../../agent/sender.ts";
import type { Backlog } from "../../agent/spool/backlog.ts";
import { aBacklog, aParcel, aSpoolFolder, declared, reportsIn, sequences } from "../support/spools.ts";

const turn = () => new Promise<void>((resolve) => void setImmediate(resolve));

function aSender(backlog: Backlog, post: (parcel: Parcel) => Outcome) {
  const logged: LogLine[] = [];
  const posted: number[] = [];
  const sender = new Sender(
    {
      post: async (parcel) => {
        posted.push(parcel.sequence);
        return post(parcel);
      },
      shrink: async () => undefined,
      sleep: turn,
      random: () => 0,
      log: (line) => void logged.push(line),
    },
    backlog,
  );
  return { sender, logged, posted };
}

async function runUntil(sender: Sender, done: () => boolean): Promise<number> {
  const run = sender.run();
  while (!done()) await turn();
  sender.stop();
  return run;
}

const STORED: Outcome = { kind: "stored" };
const DOWN: Outcome = { kind: "retry", reason: "down" };

test("what is in the spool at a stop stays there, is said, and is sent by the next run", async ({
  expect,
}) => {
  const folder = await aSpoolFolder();
  const { backlog } = await aBacklog(folder);
  const { sender, logged } = aSender(backlog, () => DOWN);
  for (const sequence of [1, 2, 3]) await sender.offer(await aParcel(sequence));
  expect(await runUntil(sender, () => logged.length > 3)).toBe(3);
  expect(logged.at(-1)).toEqual({ level: "info", event: "reports-kept", count: 3 });
  expect((await reportsIn(folder)).length).toBe(3);
  const { backlog: next } = await aBacklog(folder);
  expect([sequences(next), next.declarations]).toEqual([[1, 2, 3], []]);
  const second = aSender(next, () => STORED);
  expect(await runUntil(second.sender, () => second.sender.unsent === 0)).toBe(0);
  expect([second.posted, await reportsIn(folder)]).toEqual([[3, 2, 1], []]);
});

test("a last report that was never tried is tried at the stop; what is old is left for the next run", async ({
  expect,
}) => {
  const folder = await aSpoolFolder();
  const { backlog: earlier } = await aBacklog(folder);
  await earlier.offer(await aParcel(1));
  await earlier.close();
  const { backlog } = await aBacklog(folder);
  const { sender, posted } = aSender(backlog, () => STORED);
  await sender.offer(await aParcel(2));
  sender.stop();
  expect([await sender.run(), posted, (await reportsIn(folder)).length]).toEqual([1, [2], 1]);
});

test("after an outage the newest comes first, and a report made then tells of those that were dropped", async ({
  expect,
}) => {
  const { backlog } = await aBacklog(await aSpoolFolder(), { limits: { diskBytes: 3 * 4096 } });
  let down = true;
  let newest: Parcel | undefined;
  const { sender, posted } = aSender(backlog, (parcel) => {
    // The server comes back when the fifth report does.
    if (parcel.sequence === 5) [newest, down] = [parcel, false];
    return down ? DOWN : STORED;
  });
  for (const sequence of [1, 2, 3, 4]) await sender.offer(await aParcel(sequence, backlog.declarations));
  const run = sender.run();
  while (posted.length < 3) await turn();
  await sender.offer(await aParcel(5, backlog.declarations));
  while (sender.unsent > 0) await turn();
  sender.stop();
  expect(await run).toBe(0);
  expect(posted.slice(-3)).toEqual([5, 4, 3]);
  expect((await unpack(newest!))?.dropped).toEqual([declared("size", 1)]);
  // That a fifth report took the place of the second is left for the next one to tell.
  expect(backlog.declarations).toEqual([declared("size", 2)]);
});
