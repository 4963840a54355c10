/**
 * One HTTP request from inside a namespace, run by Node there: ask.ts METHOD URL TOKEN [BODY]; prints {status, body}.
 */
const [method, url, token, body] = process.argv.slice(2);
const response = await fetch(url ?? "", {
  method: method ?? "GET",
  headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
  ...(body !== undefined && { body }),
});
console.log(JSON.stringify({ status: response.status, body: await response.json() }));
