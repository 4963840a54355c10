/** The one spelling of an address that is stored and compared (RFC 5952); undefined where it is none. */
export function canonicalAddress(_text: string): string | undefined {
  throw new Error("not yet");
}
