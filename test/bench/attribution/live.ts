import type { Figure } from "../figure.ts";
export async function liveFigures(_folder: string): Promise<Figure[]> {
  return [];
}
