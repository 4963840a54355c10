import { createRequire } from "node:module";

type Http = typeof import("node:http");
type Https = typeof import("node:https");

const load = createRequire(import.meta.url);

/**
 * node:http, not as `import` gives it: an import reads each of its exports, WebSocket is one of them, and to have it Node
 * loads the whole of its fetch, which takes twelve megabytes of every node. `require` reads only what is used.
 */
export const { Agent, request } = load("node:http") as Http;

/** node:https, loaded by who needs it: TLS takes six megabytes, of nodes that speak to a proxy of their own for nothing. */
export const https = () => load("node:https") as Https;
