/** Small choices of this browser (language, theme). Nothing secret: the key is in session.ts. */

const PREFIX = "patchmill.";

export function recall(name: string): string | null {
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return null; // storage may be forbidden: then a choice lasts as long as the page
  }
}

export function remember(name: string, value: string): void {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // as above
  }
}
