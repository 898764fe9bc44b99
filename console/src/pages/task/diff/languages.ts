/** Which grammar colours a file, by its name. Each grammar is a chunk of its own, loaded when a file needs it. */
import type { LanguageFn } from "highlight.js";

type Load = () => Promise<{ default: LanguageFn }>;

export const GRAMMARS = {
  bash: () => import("highlight.js/lib/languages/bash"),
  c: () => import("highlight.js/lib/languages/c"),
  cpp: () => import("highlight.js/lib/languages/cpp"),
  csharp: () => import("highlight.js/lib/languages/csharp"),
  css: () => import("highlight.js/lib/languages/css"),
  dockerfile: () => import("highlight.js/lib/languages/dockerfile"),
  go: () => import("highlight.js/lib/languages/go"),
  ini: () => import("highlight.js/lib/languages/ini"),
  java: () => import("highlight.js/lib/languages/java"),
  javascript: () => import("highlight.js/lib/languages/javascript"),
  json: () => import("highlight.js/lib/languages/json"),
  kotlin: () => import("highlight.js/lib/languages/kotlin"),
  lua: () => import("highlight.js/lib/languages/lua"),
  makefile: () => import("highlight.js/lib/languages/makefile"),
  markdown: () => import("highlight.js/lib/languages/markdown"),
  php: () => import("highlight.js/lib/languages/php"),
  python: () => import("highlight.js/lib/languages/python"),
  ruby: () => import("highlight.js/lib/languages/ruby"),
  rust: () => import("highlight.js/lib/languages/rust"),
  scss: () => import("highlight.js/lib/languages/scss"),
  sql: () => import("highlight.js/lib/languages/sql"),
  swift: () => import("highlight.js/lib/languages/swift"),
  typescript: () => import("highlight.js/lib/languages/typescript"),
  xml: () => import("highlight.js/lib/languages/xml"),
  yaml: () => import("highlight.js/lib/languages/yaml"),
} satisfies Record<string, Load>;

export type Language = keyof typeof GRAMMARS;

const ENDINGS: Record<Language, string> = {
  bash: "sh bash zsh bats",
  c: "c h",
  cpp: "cc cpp cxx hh hpp hxx ino",
  csharp: "cs",
  css: "css",
  dockerfile: "dockerfile",
  go: "go",
  ini: "toml ini cfg conf properties editorconfig",
  java: "java",
  javascript: "js jsx mjs cjs",
  json: "json jsonl webmanifest",
  kotlin: "kt kts",
  lua: "lua",
  makefile: "makefile mk mak",
  markdown: "md markdown",
  php: "php",
  python: "py pyi pyw",
  ruby: "rb rake gemspec gemfile rakefile",
  rust: "rs",
  scss: "scss less",
  sql: "sql",
  swift: "swift",
  typescript: "ts tsx mts cts",
  xml: "xml html htm xhtml svg vue xsl plist",
  yaml: "yml yaml",
};

const BY_ENDING = new Map(
  Object.entries(ENDINGS).flatMap(([language, endings]) => endings.split(" ").map((e) => [e, language as Language])),
);

/** Null: nothing is coloured. */
export function languageOf(path: string): Language | null {
  const file = path.slice(path.lastIndexOf("/") + 1).toLowerCase();
  return BY_ENDING.get(file.slice(file.lastIndexOf(".") + 1)) ?? (file.startsWith("dockerfile") ? "dockerfile" : null);
}
