/**
 * Texts in English and Chinese.
 *
 * Each page keeps its own in a file `texts.ts`: `export const t = texts({en: {…}, zh: {…}})`. A text may hold `{name}`,
 * filled from the second argument of `t`; one that differs by number is `{one, other}`, chosen by the value `n`.
 * What `t` returns is text, never markup. A component that calls `t` is drawn again when the language changes.
 */
import { signal } from "@preact/signals";
import { recall, remember } from "./preferences";

export type Language = "en" | "zh";
export const LANGUAGES: readonly { code: Language; name: string }[] = [
  { code: "en", name: "English" },
  { code: "zh", name: "中文" },
];

type Text = string | { one: string; other: string };
type Dictionary<K extends string> = Readonly<Record<K, Text>>;
export type Values = Readonly<Record<string, string | number>>;
export type Translate<K extends string> = (key: K, values?: Values) => string;

/** Every dictionary of the modules that are loaded, for the test that compares the languages. */
export const dictionaries: Record<Language, Dictionary<string>>[] = [];

export const language = signal<Language>(initial());

export function texts<K extends string>(all: { en: Dictionary<K>; zh: Dictionary<NoInfer<K>> }): Translate<K> {
  dictionaries.push(all);
  return (key, values) => fill(all[language.value][key] ?? key, values); // a state that this page does not know yet
}

/** Change the language, now and for the next visit. */
export function speak(next: Language): void {
  language.value = next;
  remember("language", next);
}

/** The tag for Intl and for the page's `lang`. */
export function locale(): string {
  return language.value === "zh" ? "zh-CN" : "en";
}

function fill(text: Text, values: Values = {}): string {
  const form = typeof text === "string" ? text : text[values["n"] === 1 ? "one" : "other"];
  return form.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole));
}

function initial(): Language {
  const kept = recall("language");
  if (kept === "en" || kept === "zh") return kept;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}
