import { LITTLE_ENDIAN } from "../conntrack/netlink-attribute.ts";

/**
 * Datagrams one receive takes at most, as many as the kernel lets (UIO_MAXIOV): a millisecond of reading. While a dump
 * has the main thread for three milliseconds at a time, it is what still arrives.
 */
export const DATAGRAMS = 1_024;
/** Room for one event, several times what a kernel writes: some 170 bytes, with labels, helper and contexts twice that. */
export const DATAGRAM_BYTES = 1_024;

/** Layout of struct mmsghdr and struct iovec on 64-bit systems (include/linux/socket.h, include/uapi/linux/uio.h). */
const MMSGHDR = 64;
const MSG_IOV = 16;
const MSG_IOVLEN = 24;
const MSG_FLAGS = 48;
const MSG_LEN = 56;
const IOVEC = 16;
const IOV_LEN = 8;
const MSG_TRUNC = 0x20;

/** Memory for the datagrams of one receive, used again and again: events leave no garbage behind. */
export interface Batch {
  /** The i-th datagram begins at i × DATAGRAM_BYTES. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Array of struct mmsghdr. */
  readonly headers: Uint8Array;
  /** Bytes of the i-th datagram, or -1 where it was longer than its place. */
  length(i: number): number;
}

export function newBatch(address: (bytes: Uint8Array) => bigint): Batch {
  const bytes = new Uint8Array(new ArrayBuffer(DATAGRAMS * DATAGRAM_BYTES));
  const headers = new Uint8Array(new ArrayBuffer(DATAGRAMS * (MMSGHDR + IOVEC)));
  const view = new DataView(headers.buffer);
  const [datagrams, vectors] = [address(bytes), address(headers) + BigInt(DATAGRAMS * MMSGHDR)];
  for (let i = 0; i < DATAGRAMS; i += 1) {
    const [header, vector] = [i * MMSGHDR, DATAGRAMS * MMSGHDR + i * IOVEC];
    view.setBigUint64(header + MSG_IOV, vectors + BigInt(i * IOVEC), LITTLE_ENDIAN);
    view.setBigUint64(header + MSG_IOVLEN, 1n, LITTLE_ENDIAN);
    view.setBigUint64(vector, datagrams + BigInt(i * DATAGRAM_BYTES), LITTLE_ENDIAN);
    view.setBigUint64(vector + IOV_LEN, BigInt(DATAGRAM_BYTES), LITTLE_ENDIAN);
  }
  return {
    bytes,
    headers,
    length(i) {
      const header = i * MMSGHDR;
      if (view.getUint32(header + MSG_FLAGS, LITTLE_ENDIAN) & MSG_TRUNC) return -1;
      return view.getUint32(header + MSG_LEN, LITTLE_ENDIAN);
    },
  };
}
