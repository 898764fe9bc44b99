import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";

type Tokens = Record<string, string>;
const css = ["theme.css", "pages/task/log/log.css", "pages/task/diff/diff.css"].map((file) =>
  readFileSync(resolve(process.cwd(), "src", file), "utf8"),
);

/** The colours of a theme, the dark one's over the light one's. */
function tokens(theme: "light" | "dark"): Tokens {
  const out: Tokens = {};
  const selectors = theme === "light" ? [":root {"] : [":root {", ':root[data-theme="dark"] {'];
  for (const selector of selectors) {
    for (const sheet of css) {
      const start = sheet.indexOf(selector);
      const block = sheet.slice(start, sheet.indexOf("\n}", start));
      for (const [, name, colour] of block.matchAll(/(--[\w-]+): (#[0-9a-f]{6});/g)) out[name ?? ""] = colour ?? "";
    }
  }
  return out;
}

function luminance(colour: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const part = parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(one: string, other: string): number {
  const [a, b] = [luminance(one), luminance(other)].sort((x, y) => y - x) as [number, number];
  return (a + 0.05) / (b + 0.05);
}

/** Pairs that miss 4.5:1. */
function unreadable(theme: Tokens, texts: string[], backgrounds: string[]): string[] {
  return texts.flatMap((text) =>
    backgrounds.flatMap((back) => {
      const ratio = contrast(theme[text] ?? "#000000", theme[back] ?? "#000000");
      return ratio < 4.5 ? [`${text} on ${back}: ${ratio.toFixed(2)}`] : [];
    }),
  );
}

test.each(["light", "dark"] as const)("log and diff can be read in the %s theme", (name) => {
  const theme = tokens(name);
  const all = Object.keys(theme);
  const ansi = all.filter((token) => token.startsWith("--a-"));
  expect(ansi.length).toBe(9);
  expect(unreadable(theme, [...ansi, "--ink", "--ink-3"], ["--log-back", "--sunken"])).toEqual([]);
  expect(unreadable(theme, ["--log-back"], ansi.filter((token) => token !== "--a-bright-black"))).toEqual([]);
  expect(unreadable(theme, ["--ink"], ["--hit"])).toEqual([]);
  expect(unreadable(theme, ["--on-hit-now"], ["--hit-now"])).toEqual([]);
  const code = all.filter((token) => token.startsWith("--t-"));
  expect(code.length).toBe(7);
  const backgrounds = ["--surface", "--d-add", "--d-add-mark", "--d-del", "--d-del-mark"];
  expect(unreadable(theme, [...code, "--ink"], backgrounds)).toEqual([]);
  expect(unreadable(theme, ["--ink-2"], ["--d-add-no", "--d-del-no", "--d-hunk", "--d-add", "--d-del"])).toEqual([]);
});
