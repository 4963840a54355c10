import { createRequire } from "node:module";

/**
 * node:http, not as `import` gives it: an import reads each of its exports, WebSocket is one of them, and to have it Node
 * loads the whole of its fetch, which takes twelve megabytes of every node. `require` reads only what is used.
 */
export const { Agent, request } = createRequire(import.meta.url)("node:http") as typeof import("node:http");
