/**
 * HTTP requests from inside a namespace, run by Node there: ask.ts URL TOKEN. Each line it is given is a request as JSON, {method,
 * path, body?, type?}, answered by one of {status, body}; requests are made one after another.
 */
import { createInterface } from "node:readline";

const [url, token] = process.argv.slice(2);
for await (const line of createInterface(process.stdin)) {
  const { method, path, body, type } = JSON.parse(line) as Record<string, string | undefined>;
  const response = await fetch(`${url}${path}`, {
    method: method ?? "GET",
    headers: { authorization: `Bearer ${token}`, "content-type": type ?? "application/json" },
    ...(body !== undefined && { body }),
  });
  const isJson = response.headers.get("content-type")?.includes("json");
  const text = await response.text();
  console.log(JSON.stringify({ status: response.status, body: isJson ? JSON.parse(text) : text }));
}
