/**
 * The text as both drivers give it back: libSQL cuts a text at NUL, and a lone surrogate has no UTF-8;
 * either becomes U+FFFD. Applied to what is stored and to what is looked up.
 */
export function storable(text: string): string {
  return text.toWellFormed().replaceAll("\0", "\uFFFD");
}
