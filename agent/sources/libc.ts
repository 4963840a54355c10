import { arch, platform } from "node:os";
import { SourceError } from "./source.ts";

/** The calls of the C library that a netlink socket needs, which Node does not offer. Negative results are errors. */
export interface Libc {
  socket(family: number, type: number, protocol: number): number;
  bind(fd: number, address: Uint8Array, size: number): number;
  getsockname(fd: number, address: Uint8Array, size: Int32Array): number;
  setsockopt(option: { fd: number; level: number; name: number; value: Uint8Array }): number;
  send(fd: number, bytes: Uint8Array, length: number, flags: number): number;
  recv(fd: number, buffer: Uint8Array, size: number, flags: number): number;
  close(fd: number): number;
  /** Error number of the last call that failed. */
  errno(): number;
}

/** What a stream of datagrams needs besides. */
export interface BatchLibc extends Libc {
  /**
   * Fills an array of struct mmsghdr on a thread of libuv's pool, so that neither the wait nor the kernel's copying holds
   * up the main thread. Resolves to the number of datagrams, or to an error number, negative. Until then the memory of
   * headers and datagrams is the kernel's.
   */
  recvmmsg(fd: number, headers: Uint8Array, count: number, flags: number): Promise<number>;
  getsockopt(option: { fd: number; level: number; name: number; value: Uint8Array }): number;
  /** Where bytes lie. They stay there as long as their ArrayBuffer lives and was made as one (V8 moves only small views). */
  address(bytes: Uint8Array): bigint;
}

/** Error numbers of Linux that call for different words (include/uapi/asm-generic/errno*.h). */
export const EPERM = 1;
export const ENOENT = 2;
export const EINTR = 4;
export const EAGAIN = 11;
export const EACCES = 13;
export const EINVAL = 22;
export const EPROTONOSUPPORT = 93;
export const EAFNOSUPPORT = 97;
export const ENOBUFS = 105;

/** Loads the C library through koffi; throws `SourceError` where koffi is not installed or has no build for this machine. */
export async function loadLibc(load = () => import("koffi")): Promise<BatchLibc> {
  const { default: koffi } = await load().catch((cause: unknown) => {
    throw new SourceError(
      "netlink needs the package koffi, which is not installed for this machine",
      `install the optional dependencies (npm ci); beside a built agent, put ${platform()}-${arch()}.koffi.node, which npm run build:agent makes on such a machine; or let the agent read procfs`,
      { cause },
    );
  });
  const library = koffi.load(null);
  const setsockopt = library.func("int setsockopt(int, int, int, const void *, uint32_t)");
  const getsockopt = library.func("int getsockopt(int, int, int, void *, void *)");
  const recvmmsg = library.func("int recvmmsg(int, void *, uint32_t, int, void *)");
  return {
    socket: library.func("int socket(int, int, int)"),
    bind: library.func("int bind(int, const void *, uint32_t)"),
    getsockname: library.func("int getsockname(int, void *, void *)"),
    setsockopt: ({ fd, level, name, value }) => setsockopt(fd, level, name, value, value.length),
    send: library.func("intptr_t send(int, const void *, size_t, int)"),
    recv: library.func("intptr_t recv(int, void *, size_t, int)"),
    close: library.func("int close(int)"),
    errno: () => koffi.errno(),
    recvmmsg: (fd, headers, count, flags) =>
      new Promise((resolve, reject) => {
        // Inside the callback, and only there, errno is that of the thread that made the call.
        recvmmsg.async(fd, headers, count, flags, null, (error: Error | null, received: number) =>
          error ? reject(error) : resolve(received < 0 ? -koffi.errno() : received),
        );
      }),
    getsockopt: ({ fd, level, name, value }) =>
      getsockopt(fd, level, name, value, Int32Array.of(value.length)),
    address: (bytes) => koffi.address(bytes),
  };
}

/** Bytes of 32-bit numbers as C has them here. */
export const nativeWords = (...values: number[]): Uint8Array =>
  new Uint8Array(Int32Array.from(values).buffer);
