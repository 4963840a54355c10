import { readdir, statfs } from "node:fs/promises";
import { join } from "node:path";

/** Type of a file system of BPF objects (BPF_FS_MAGIC in include/uapi/linux/magic.h). */
const BPF_FS_MAGIC = 0xcafe4a11;
/** Where Cilium pins its maps, and those of connection tracking among them: cilium_ct4_global, cilium_ct_any6_global. */
const PINS = "tc/globals";
const CONNTRACK_MAP = /^cilium_ct\w*_global$/;

/** Whether Cilium tracks connections in BPF maps here; absent, and why, where its pins cannot be seen. */
export async function readCilium(
  bpf = "/sys/fs/bpf",
  magic = BPF_FS_MAGIC,
): Promise<{ ciliumBpf?: boolean; unread: string[] }> {
  const absent = (why: string) => ({ unread: [`Cilium's own connection tracking: ${why}`] });
  const mounted = await statfs(bpf).then(
    ({ type }) => type === magic,
    () => false,
  );
  if (!mounted) return absent(`no BPF file system is mounted at ${bpf} for this process`);
  try {
    const pins = await readdir(join(bpf, PINS));
    return { ciliumBpf: pins.some((name) => CONNTRACK_MAP.test(name)), unread: [] };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "ENOENT" ? { ciliumBpf: false, unread: [] } : absent(`${bpf} cannot be read (${code})`);
  }
}
