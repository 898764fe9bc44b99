/** Light, dark, or what the system says; `dark` is what came out of it, for what draws by itself (charts). */
import { computed, effect, signal } from "@preact/signals";
import { recall, remember } from "./preferences";

export const THEMES = ["auto", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const system = matchMedia("(prefers-color-scheme: dark)");
const systemDark = signal(system.matches);
system.addEventListener("change", (event) => (systemDark.value = event.matches));

export const theme = signal<Theme>(THEMES.find((name) => name === recall("theme")) ?? "auto");
export const dark = computed(() => (theme.value === "auto" ? systemDark.value : theme.value === "dark"));

export function setTheme(next: Theme): void {
  theme.value = next;
  remember("theme", next);
}

/** The value of a design token of theme.css now, such as token("--accent"). */
export function token(name: `--${string}`): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

effect(() => {
  document.documentElement.dataset["theme"] = dark.value ? "dark" : "light";
});
