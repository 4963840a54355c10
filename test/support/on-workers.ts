/**
 * Inside workerd, where each step goes to another process and back: what tries every step or many random cases on Node tries some
 * there, since only the database is another.
 */
export const ON_WORKERS = navigator.userAgent === "Cloudflare-Workers";
