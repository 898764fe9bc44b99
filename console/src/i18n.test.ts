import { expect, test } from "vitest";
import { dictionaries, speak, texts } from "./i18n";

const modules = import.meta.glob("./**/texts.ts", { eager: true });

test("both languages have the same texts, with the same places to fill", () => {
  expect(dictionaries.length).toBeGreaterThanOrEqual(Object.keys(modules).length);
  expect(Object.keys(modules).length).toBeGreaterThanOrEqual(4);
  for (const { en, zh } of dictionaries) {
    expect(Object.keys(zh).sort()).toEqual(Object.keys(en).sort());
    for (const key of Object.keys(en)) expect(`${key}: ${places(zh[key])}`).toBe(`${key}: ${places(en[key])}`);
  }
});

test("a text is filled, counted and changed with the language", () => {
  const t = texts({
    en: { files: { one: "{n} file in {where}", other: "{n} files in {where}" } },
    zh: { files: "{where} 中有 {n} 个文件" },
  });
  speak("en");
  expect(t("files", { n: 1, where: "src" })).toBe("1 file in src");
  expect(t("files", { n: 2, where: "{n}" })).toBe("2 files in {n}");
  speak("zh");
  expect(t("files", { n: 2, where: "src" })).toBe("src 中有 2 个文件");
  speak("en");
});

function places(text: unknown): string {
  const all = typeof text === "string" ? text : JSON.stringify(text);
  return [...new Set(all.match(/\{\w+\}/g))].sort().join();
}
