import type { ChannelKind, Provider } from "../provider.ts";

/** In the order in which documents list them. */
export const PROVIDERS: readonly Provider[] = [];

export const providerOf = (kind: ChannelKind): Provider | undefined =>
  PROVIDERS.find((provider) => provider.kind === kind);
