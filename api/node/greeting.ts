/** What a person needs to know when the service has started. `adminToken` is given when it is new. */
export function greeting(url: string, admin: { token?: string | undefined; configured: boolean }): string {
  return [`Conntrail is listening on ${url}`, "", ...tokenLines(admin), ...curlLines(url), ""].join("\n");
}

function tokenLines({ token, configured }: { token?: string | undefined; configured: boolean }): string[] {
  if (token) return ["Your admin token, shown this once:", "", `  TOKEN=${token}`, ""];
  if (configured)
    return ["With the admin token of CONNTRAIL_ADMIN_TOKEN as $TOKEN, the top talkers are:", ""];
  return [
    "The admin token was shown at the first start. To make another, start with a token of your own,",
    "CONNTRAIL_ADMIN_TOKEN=$(openssl rand -hex 32), and POST /v1/tokens.",
    "",
  ];
}

function curlLines(url: string): string[] {
  return [`  curl -H "Authorization: Bearer $TOKEN" '${url}/v1/talkers?since=1h'`];
}
