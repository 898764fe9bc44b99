import { describe, expect, test } from "vitest";
import { BOLD, classes, INVERSE, plain, runs, sgr } from "./ansi";

const shown = (text: string): [string, string][] => runs(text, 0).map((run) => [run.text, classes(run.style)]);

describe("runs", () => {
  test("take colours and attributes from escape sequences", () => {
    expect(shown("a \u001b[1;31mred\u001b[0m b")).toEqual([["a ", ""], ["red", "a-red a-bold"], [" b", ""]]);
  });
  test("know bright colours, backgrounds and inverse", () => {
    expect(shown("\u001b[92mok\u001b[0;41mbad\u001b[0;7minv")).toEqual([
      ["ok", "a-bright-green"],
      ["bad", "a-bg-red"],
      ["inv", "a-inverse"],
    ]);
  });
  test("turn 256 colours and RGB into the nearest of the sixteen", () => {
    expect(shown("\u001b[38;5;196mx\u001b[38;2;0;0;180my\u001b[38:2::0:180:0mz")).toEqual([
      ["x", "a-bright-red"],
      ["y", "a-blue"],
      ["z", "a-green"],
    ]);
    expect(classes(sgr(0, "38;5;208"))).toBe("a-bright-yellow");
    expect(classes(sgr(0, "38;5;245;1"))).toBe("a-bright-black a-bold");
  });
  test("leave out cursor moves, titles and links, and keep their text", () => {
    expect(plain("\u001b[2K\u001b[1Gdone \u001b]8;;https://evil.example\u0007link\u001b]8;;\u001b\\ \u001b(B!")).toBe("done link !");
  });
  test("hide no text behind a sequence that never ends", () => {
    expect(plain(`\u001b]0;${"x".repeat(5000)} seen`)).toContain("seen");
    expect(plain("\u001b[31")).toBe("⟨^[⟩[31");
  });
  test("show control characters and what reorders text", () => {
    expect(plain("a\u0000b\u0008\u202ec\u200b\u009b")).toBe("a⟨^@⟩b⟨^H⟩⟨U+202E⟩c⟨U+200B⟩⟨U+009B⟩");
  });
});

describe("sgr", () => {
  test("ends what it began", () => {
    expect(sgr(sgr(0, "1;7;4"), "22;27;24")).toBe(0);
    expect(sgr(sgr(0, "31"), "39")).toBe(0);
    expect(sgr(BOLD | INVERSE, "")).toBe(0);
  });
  test("does nothing for what it does not know", () => {
    expect(sgr(BOLD, "58;5;1;999;abc") & BOLD).toBe(BOLD);
    expect(sgr(0, "38")).toBe(0);
  });
});
