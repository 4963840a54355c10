import { describe, test } from "vitest";
import { type Opener, openSource } from "../../../agent/sources/index.ts";
import { type Source, SourceError } from "../../../agent/sources/source.ts";

const works = (name: Source["name"]): Opener => ({
  name,
  open: async () => ({
    name,
    blind: [],
    dump: async () => ({ entries: 0, interrupted: false, unreadable: { lines: 0, samples: [] } }),
    close() {},
  }),
});
const fails = (name: Source["name"]): Opener => ({
  name,
  open: () => Promise.reject(new SourceError(`no ${name}`, "none")),
});

describe("choosing a source", () => {
  test("auto takes the first that works and says why not one before it", async ({ expect }) => {
    const opened = await openSource("auto", [fails("netlink"), works("procfs"), works("conntrack")]);
    expect(opened).toMatchObject({ source: { name: "procfs" }, reasons: [{ message: "no netlink" }] });
  });

  test("auto says of each why it is not to be had, in order", async ({ expect }) => {
    const opened = await openSource("auto", [fails("netlink"), fails("procfs"), fails("conntrack")]);
    expect(opened).toMatchObject({
      reasons: [{ message: "no netlink" }, { message: "no procfs" }, { message: "no conntrack" }],
    });
  });

  test("a forced source is the only one tried", async ({ expect }) => {
    const openers = [works("netlink"), fails("procfs"), works("conntrack")];
    expect(await openSource("conntrack", openers)).toMatchObject({ source: { name: "conntrack" } });
    expect(await openSource("procfs", openers)).toMatchObject({ reasons: [{ message: "no procfs" }] });
  });

  test("a fault of our own is not taken for a missing source", async ({ expect }) => {
    const broken: Opener = { name: "netlink", open: () => Promise.reject(new TypeError("a bug")) };
    await expect(openSource("auto", [broken, works("procfs")])).rejects.toThrow("a bug");
  });
});
