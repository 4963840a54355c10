/** What a Kubernetes object says at a path; undefined where there is no such field. Objects are foreign text. */
export function at(value: unknown, ...path: string[]): unknown {
  let inner = value;
  for (const name of path) {
    if (typeof inner !== "object" || inner === null || !Object.hasOwn(inner, name)) return undefined;
    inner = (inner as Record<string, unknown>)[name];
  }
  return inner;
}

/** A text that says something. */
export function textAt(value: unknown, ...path: string[]): string | undefined {
  const text = at(value, ...path);
  return typeof text === "string" && text !== "" ? text : undefined;
}

export function listAt(value: unknown, ...path: string[]): unknown[] {
  const list = at(value, ...path);
  return Array.isArray(list) ? (list as unknown[]) : [];
}

/** An instant as epoch ms: RFC 3339 in whole seconds. */
export function instantAt(value: unknown, ...path: string[]): number | undefined {
  const ms = Date.parse(textAt(value, ...path) ?? "");
  return Number.isNaN(ms) ? undefined : ms;
}

/** The longest a name of Kubernetes can be, and more than any uid is; also what the wire takes. */
const MAX_NAME = 253;

/** What tells an object from all others; undefined where it lacks something of it, or has what no cluster gives. */
export function identityOf(object: unknown): { uid: string; name: string; namespace: string } | undefined {
  const uid = textAt(object, "metadata", "uid");
  const name = textAt(object, "metadata", "name");
  const namespace = textAt(object, "metadata", "namespace");
  if (!uid || !name || !namespace) return undefined;
  return [uid, name, namespace].every(({ length }) => length <= MAX_NAME)
    ? { uid, name, namespace }
    : undefined;
}
