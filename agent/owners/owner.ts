import type { OwnerKind } from "../../api/wire.ts";

/** Who holds an address. */
export interface Owner {
  kind: OwnerKind;
  name: string;
  namespace?: string;
  /** What tells it from another of the same name: the uid of a Pod, the id of a container. */
  uid?: string;
  /** What made it: a Deployment and its name, a compose project and its service. */
  workloadKind?: string;
  workload?: string;
}

/** Where what is learnt of owners goes. Addresses may be written in any form; instants are epoch ms. */
export interface OwnerSink {
  /** `owner` holds `address` from `since` on; undefined where nobody knows since when. */
  hold(address: string, owner: Owner, since?: number): void;
  /** The holding of that address by the owner of that uid (or, without one, of that kind and name) ends at `until`. */
  release(address: string, owner: Owner, until: number): void;
  /** All that holds an address now was told; said after each full list, for whoever only wants one. */
  listed?(): void;
}

/** A place that knows owners. */
export interface OwnerSource {
  readonly name: "kubernetes" | "docker" | "file";
  /** Feeds the sink until the signal aborts; survives outages of the place, and says so through its log. Never rejects. */
  run(sink: OwnerSink, signal: AbortSignal): Promise<void>;
  /** Whether the sink knows all that hold an address as of a moment ago; false before the first list, and while the place is away. */
  isCurrent(): boolean;
}
