import { join } from "node:path";
import { inject } from "vitest";

/** Where a program of the repository lies bundled; what can be built is in built.ts. */
export const builtProgram = (path: string): string => join(inject("built"), path);

/** The variable with which a process need not compile again what another one has. */
export const compiled = (): NodeJS.ProcessEnv => ({ NODE_COMPILE_CACHE: join(inject("built"), "compiled") });
