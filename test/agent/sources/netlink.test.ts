import { describe, test } from "vitest";
import { type Libc, loadLibc } from "../../../agent/sources/libc.ts";
import { openNetlink } from "../../../agent/sources/netlink.ts";
import { control, type Header, message, payloadOf } from "../../support/ctnetlink-messages.ts";
import { aRow, asRow, type Row } from "../../support/rows.ts";

const PORT = 77;
const never = new AbortController().signal;

/** What `recv` gives next: a datagram made for the sequence asked with, or an error number. */
type Answer = number | ((header: Header) => number[]);

/** A C library whose kernel answers the probe, and then a dump with what is given; `errors` fails calls by name. */
function aKernel(answers: Answer[], errors: Record<string, number> = {}): Libc & { opened: number } {
  let errno = 0;
  let sequence = 0;
  let queue: Answer[] = [];
  const call = (name: string, result: () => number) => () => {
    errno = errors[name] ?? 0;
    return errno ? -1 : result();
  };
  const libc: Libc & { opened: number } = {
    opened: 0,
    socket: call("socket", () => ++libc.opened),
    bind: call("bind", () => 0),
    getsockname: (_fd: number, address: Uint8Array) => {
      new Uint32Array(address.buffer)[1] = PORT;
      return 0;
    },
    setsockopt: call("setsockopt", () => 0),
    send: (_fd: number, bytes: Uint8Array) => {
      const words = new Uint32Array(bytes.buffer);
      sequence = words[2]!;
      queue = sequence === 0 ? [() => control(2, 0, { sequence, port: PORT })] : [...answers];
      return bytes.length;
    },
    recv: (_fd: number, buffer: Uint8Array) => {
      const answer = queue.shift() ?? EAGAIN;
      if (typeof answer === "number") {
        errno = answer;
        return -1;
      }
      const datagram = answer({ sequence, port: PORT });
      buffer.set(datagram.slice(0, buffer.length));
      return datagram.length;
    },
    close: () => {
      libc.opened -= 1;
      return 0;
    },
    errno: () => errno,
  };
  return libc;
}

const EPERM = 1;
const EINTR = 4;
const EAGAIN = 11;
const EINVAL = 22;
const EPROTONOSUPPORT = 93;
const ENOBUFS = 105;

const rows =
  (count: number): Answer =>
  (header) =>
    Array.from({ length: count }, () => message(payloadOf(aRow()), { ...header, flags: 2 })).flat();
const done: Answer = (header) => control(3, 0, header);
const refusal =
  (errno: number): Answer =>
  (header) =>
    control(2, -errno, header);

const open = (libc: Libc) => openNetlink(async () => libc);

describe("the netlink source", () => {
  test("a machine without koffi is told apart from one without conntrack", async ({ expect }) => {
    const missing = () => Promise.reject<typeof import("koffi")>(new Error("Cannot find package 'koffi'"));
    await expect(openNetlink(() => loadLibc(missing))).rejects.toMatchObject({
      name: "SourceError",
      message: expect.stringContaining("koffi"),
      remedy: expect.stringContaining("optional dependencies"),
    });
  });

  test("reads datagrams until the kernel says done", async ({ expect }) => {
    const read: Row[] = [];
    const source = await open(aKernel([rows(3), EINTR, rows(2), done]));
    const dump = await source.dump((entry) => read.push(asRow(entry)), never);
    expect(dump).toEqual({ entries: 5, interrupted: false, unreadable: { lines: 0, samples: [] } });
    expect(read).toEqual(Array.from({ length: 5 }, () => aRow()));
  });

  test("a table that was resized meanwhile is reported as interrupted", async ({ expect }) => {
    const source = await open(aKernel([rows(1), (header) => control(3, 0, { ...header, flags: 0x12 })]));
    expect(await source.dump(() => {}, never)).toMatchObject({ entries: 1, interrupted: true });
  });

  test("what belongs to another request is not taken for an answer", async ({ expect }) => {
    const stale: Answer = (header) => message(payloadOf(aRow()), { ...header, sequence: 999 });
    const source = await open(aKernel([stale, rows(1), done]));
    expect(await source.dump(() => {}, never)).toMatchObject({ entries: 1 });
  });

  test.for<[string, Answer, string]>([
    ["silence", EAGAIN, "stopped answering"],
    ["a lost part", ENOBUFS, "lost a part"],
    ["an overrun", (header) => control(4, 0, header), "lost a part"],
    ["a refusal", refusal(EPERM), "EPERM"],
    ["an end with an error", (header) => control(3, -5, header), "errno 5"],
    ["a datagram larger than the buffer", rows(1_000), "end is lost"],
  ])(
    "%s in the middle of a dump is an error, and the socket is closed",
    async ([, answer, words], { expect }) => {
      const kernel = aKernel([rows(1), answer]);
      const source = await open(kernel);
      await expect(source.dump(() => {}, never)).rejects.toMatchObject({
        name: "SourceError",
        message: expect.stringContaining(words),
      });
      expect(kernel.opened).toBe(0);
    },
  );

  test("after a dump that failed the next one works", async ({ expect }) => {
    const answers = [rows(1), EAGAIN];
    const source = await open(aKernel(answers));
    await expect(source.dump(() => {}, never)).rejects.toThrow("stopped answering");
    answers[1] = done;
    expect(await source.dump(() => {}, never)).toMatchObject({ entries: 1 });
  });

  test("an abort ends the dump with its own reason and closes the socket", async ({ expect }) => {
    const kernel = aKernel(Array.from({ length: 1_000 }, () => rows(1)));
    const source = await open(kernel);
    const abort = new AbortController();
    await expect(source.dump(() => abort.abort(new Error("enough")), abort.signal)).rejects.toThrow("enough");
    expect(kernel.opened).toBe(0);
  });

  test.for([
    [
      "no nfnetlink in the kernel",
      EPROTONOSUPPORT,
      "no netlink for netfilter",
      "modprobe nf_conntrack_netlink",
    ],
    ["a sandbox without netlink", EPERM, "may not open netlink sockets", "seccomp"],
  ] as const)("%s shows when the source is opened", async ([, errno, message, remedy], { expect }) => {
    await expect(open(aKernel([], { socket: errno }))).rejects.toMatchObject({
      message: expect.stringContaining(message),
      remedy: expect.stringContaining(remedy),
    });
  });

  test.for([
    ["no capability", EPERM, "EPERM", "CAP_NET_ADMIN"],
    ["no ctnetlink in the kernel", EINVAL, "no connection tracking", "modprobe nf_conntrack_netlink"],
  ] as const)("%s is told when the source is opened", async ([, errno, message, remedy], { expect }) => {
    const kernel = aKernel([]);
    const refusing = { ...kernel, send: (_fd: number, bytes: Uint8Array) => bytes.length, recv: refuse };
    function refuse(_fd: number, buffer: Uint8Array): number {
      const datagram = control(2, -errno, { sequence: 0, port: PORT });
      buffer.set(datagram);
      return datagram.length;
    }
    await expect(open(refusing)).rejects.toMatchObject({
      message: expect.stringContaining(message),
      remedy: expect.stringContaining(remedy),
    });
    expect(kernel.opened).toBe(0);
  });
});
