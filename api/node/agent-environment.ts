/** What is set for the service alone: its agent does not know it, and its secrets are not the agent's. A name that ends in _ stands for all that begin so. */
const OF_THE_SERVICE: readonly string[] = [
  "CONNTRAIL_HOST",
  "CONNTRAIL_PORT",
  "CONNTRAIL_DATABASE_URL",
  "CONNTRAIL_DATABASE_TOKEN",
  "CONNTRAIL_ADMIN_TOKEN",
  "CONNTRAIL_TICK",
  "CONNTRAIL_KEEP_",
  "CONNTRAIL_PUBLIC_URL",
  "CONNTRAIL_WEBHOOK_HOSTS",
  "CONNTRAIL_ALLOW_PRIVATE_WEBHOOKS",
  "CONNTRAIL_SECRET_KEY",
];

const isOfTheService = (name: string) =>
  OF_THE_SERVICE.some((own) => (own.endsWith("_") ? name.startsWith(own) : name === own));

/** What the agent of this machine is started with, of what the service was started with. */
export const forAgent = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !isOfTheService(name)));
