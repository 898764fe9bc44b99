/** Who is signed in. The key is kept for this tab only, and sent to this origin only. */
import { computed, signal } from "@preact/signals";
import type { Me } from "./api";

const NAME = "patchmill.key";

export const key = signal<string | null>(stored());
/** What the server says about the key; null until it has said it. */
export const me = signal<Me | null>(null);
export const signedIn = computed(() => key.value !== null && me.value !== null);
/** The server refused the key in the middle of the work. */
export const refused = signal(false);

export function signIn(newKey: string, who: Me): void {
  try {
    sessionStorage.setItem(NAME, newKey);
  } catch {
    // without storage it is kept until the page is loaded again
  }
  refused.value = false;
  key.value = newKey;
  me.value = who;
}

export function signOut(byServer = false): void {
  try {
    sessionStorage.removeItem(NAME);
  } catch {
    // as above
  }
  refused.value = byServer;
  key.value = null;
  me.value = null;
}

function stored(): string | null {
  try {
    return sessionStorage.getItem(NAME);
  } catch {
    return null;
  }
}
