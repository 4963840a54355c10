import type { Log } from "../log.ts";
import { openKube } from "./kube-http.ts";
import { KubeObjects } from "./kube-objects.ts";
import { readPod } from "./kube-pods.ts";
import { readService } from "./kube-services.ts";
import { type Following, KubeWatch, type Resource } from "./kube-watch.ts";
import type { OwnerSink, OwnerSource } from "./owner.ts";

/** Where every Pod finds what it needs to speak with its API server. */
export const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

export interface KubernetesOptions extends Omit<Following, "get" | "log"> {
  /** Name of this node, as in spec.nodeName. */
  node: string;
  host: string;
  port: string;
  /** Folder with the files token and ca.crt. */
  serviceAccount?: string;
  readFile: (path: string) => Promise<string>;
  log: Log;
}

/** The Pods of this node and the Services of the cluster, followed by list and watch. */
export function openKubernetes(options: KubernetesOptions): OwnerSource {
  const { node, host, port, readFile, serviceAccount = SERVICE_ACCOUNT } = options;
  const get = openKube({
    host,
    port,
    readFile,
    tokenPath: `${serviceAccount}/token`,
    caPath: `${serviceAccount}/ca.crt`,
  });
  const pods: Resource = {
    name: "pods",
    path: `/api/v1/pods?fieldSelector=${encodeURIComponent(`spec.nodeName=${node}`)}`,
    read: (pod, watchedAt) => readPod(pod, watchedAt === undefined ? { node } : { node, watchedAt }),
  };
  const services: Resource = { name: "services", path: "/api/v1/services", read: readService };
  let ofPods: KubeWatch | undefined;
  return {
    name: "kubernetes",
    isCurrent: () => ofPods?.isCurrent() ?? false,
    async run(sink, signal) {
      const watch = (resource: Resource, sink: OwnerSink) =>
        new KubeWatch(resource, new KubeObjects(sink), { ...options, get });
      ofPods = watch(pods, sink);
      // Only the list of Pods makes whole what is known of a node: a Service opens no flow.
      const ofServices: OwnerSink = {
        hold: (...claim) => sink.hold(...claim),
        release: (...end) => sink.release(...end),
      };
      await Promise.all([ofPods.run(signal), watch(services, ofServices).run(signal)]);
    },
  };
}
