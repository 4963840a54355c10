import { availableParallelism } from "node:os";

/** Test files at once, on Node and in workerd: one more than there are cores, since some wait for a process or a clock. */
export const WORKERS = availableParallelism() + 1;
