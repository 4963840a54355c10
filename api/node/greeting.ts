/** What a person needs to know when the service has started. `adminToken` is given when it is new. */
export function greeting({ url, everywhere }: Where, admin: Admin): string {
  const open = everywhere ? ", and on every other address of this machine, without encryption" : "";
  const first = `Conntrail is listening on ${url}${open}`;
  return [first, "", ...tokenLines(admin), ...curlLines(url), ...commandLines(admin), ""].join("\n");
}

type Where = { url: string; everywhere: boolean };
type Admin = {
  token?: string | undefined;
  configured: boolean;
  /** A command that asks on this machine, and finds a token by itself. */
  command?: string | undefined;
};

function tokenLines({ token, configured }: Admin): string[] {
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

function commandLines({ command }: Admin): string[] {
  if (!command) return [];
  return [
    "",
    "On this machine you may ask without a token:",
    "",
    `  ${command}`,
    "",
    "Names of Pods and containers are learnt from Kubernetes or Docker, or from a file: CONNTRAIL_OWNERS=file:PATH npm start.",
    "Where there is none of them, add --by address.",
  ];
}
