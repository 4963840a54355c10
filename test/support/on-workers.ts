/**
 * Inside workerd, where each step goes to another process and back: what tries every step or many random cases on Node tries some
 * there, since only the database is another.
 */
export const ON_WORKERS = navigator.userAgent === "Cloudflare-Workers";

/** Of random texts: any characters, to choose from which takes seconds inside workerd. */
export const ANY_CHARACTER = ON_WORKERS ? "grapheme-ascii" : "binary";
