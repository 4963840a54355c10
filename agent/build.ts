/**
 * Builds the agent into one file that needs nothing but Node, and koffi's binary beside it: `npm run build:agent`.
 * Only this file knows esbuild; the agent itself never imports it.
 */
import { chmod, copyFile, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { build, type Plugin } from "esbuild";

const ROOT = join(import.meta.dirname, "..");
const MAIN = join(ROOT, "agent/main.ts");
const PACKAGES = join(ROOT, "node_modules");
/** Where `npm run build:agent` puts it. */
const FOLDER = join(ROOT, "dist/agent");
export const BUNDLE = "conntrail-agent.mjs";
const LICENSES = "LICENSES.txt";
/** Keeps line numbers of stack traces useful where all other whitespace is gone. */
const LINE_LENGTH = 160;

export interface BuiltFile {
  path: string;
  bytes: number;
}

/** Writes the agent into `folder`, over what was built there before. Throws where that would not run. */
export async function buildAgent(folder: string, main = MAIN): Promise<BuiltFile[]> {
  await mkdir(folder, { recursive: true });
  const { metafile } = await build({
    entryPoints: [main],
    outfile: join(folder, BUNDLE),
    absWorkingDir: ROOT,
    bundle: true,
    platform: "node",
    target: "node22",
    format: "esm",
    banner: { js: "#!/usr/bin/env node" },
    // Names stay: a stack trace from somebody's node is all we may ever see.
    minifyWhitespace: true,
    minifySyntax: true,
    lineLimit: LINE_LENGTH,
    legalComments: "none",
    metafile: true,
    logLevel: "warning",
    plugins: [koffiBeside],
  });
  await chmod(join(folder, BUNDLE), 0o755);
  refuseSources(await readFile(join(folder, BUNDLE), "utf8"));
  await copyBinaries(folder);
  await writeFile(join(folder, LICENSES), await licenses(Object.keys(metafile.inputs)));
  return listed(folder);
}

/**
 * Loads koffi's binary from beside the bundle. koffi's own JavaScript only looks for it below node_modules and wraps calls
 * that are deprecated. Where there is none for this machine the import fails, as it does without the package.
 */
const koffiBeside: Plugin = {
  name: "koffi-beside",
  setup(bundling) {
    bundling.onResolve({ filter: /^koffi$/ }, () => ({ path: "koffi", namespace: "beside" }));
    bundling.onLoad({ filter: /.*/, namespace: "beside" }, () => ({
      contents: `
        import { createRequire } from "node:module";
        const binary = \`./\${process.platform}-\${process.arch}.koffi.node\`;
        export default createRequire(import.meta.url)(binary);
      `,
    }));
  },
};

/** A source named by its address, such as a worker's, stays outside a bundle, and would be missed only on a node. */
function refuseSources(bundle: string): void {
  const [, path] = /new URL\(["'`]([^"'`]+\.ts)["'`]/.exec(bundle) ?? [];
  if (path) throw new Error(`the built agent would look for ${path}; give agent/build.ts an entry for it`);
}

/** One for every architecture npm has installed koffi for; with glibc, which Node's own builds and images have. */
async function copyBinaries(folder: string): Promise<void> {
  const scope = join(PACKAGES, "@koromix");
  const names = await readdir(scope).catch(() => []);
  const architectures = names.flatMap((name) => /^koffi-linux-(\w+)$/.exec(name)?.[1] ?? []);
  if (architectures.length === 0)
    throw new Error(
      "no binary of koffi for Linux is installed; npm ci --os=linux --cpu=x64 (or arm64) brings one",
    );
  for (const architecture of architectures)
    await copyFile(
      join(scope, `koffi-linux-${architecture}/linux_${architecture}/koffi.node`),
      join(folder, `linux-${architecture}.koffi.node`),
    );
}

/** The licences of what is built in, which ask to travel with every copy. */
async function licenses(inputs: readonly string[]): Promise<string> {
  const bundled = inputs.flatMap((path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []);
  const texts = [...new Set(["koffi", ...bundled])].map(async (name) => {
    const folder = join(PACKAGES, name);
    const files = await readdir(folder).catch(() => []);
    const file = files.find((file) => /^licen[cs]e/i.test(file));
    if (!file) throw new Error(`${name} is built in, but has no licence file to pass on`);
    return `${name}\n\n${await readFile(join(folder, file), "utf8")}`;
  });
  return (await Promise.all(texts)).join("\n\n");
}

async function listed(folder: string): Promise<BuiltFile[]> {
  const names = (await readdir(folder)).toSorted();
  return Promise.all(
    names.map(async (name) => ({ path: join(folder, name), bytes: (await stat(join(folder, name))).size })),
  );
}

if (import.meta.main)
  for (const { path, bytes } of await buildAgent(process.argv[2] ?? FOLDER))
    console.log(`${path}  ${(bytes / 1024).toFixed(1)} KiB`);
