import { render } from "preact";
import { expect, test } from "vitest";
import { Written } from "./task-text";
import { pieces, visible } from "./task-visible";

test("plain text stays as it is, line breaks, tabs and other scripts included", () => {
  const text = "a\tb\nc 中文 עברית 👩‍💻";
  expect(visible(text)).toBe(text);
});
test("what hides or reorders text becomes a mark", () => {
  expect(visible("a\u202eb\u2066c\u200bd\u0007e\u{e0041}")).toBe("a⟨U+202E⟩b⟨U+2066⟩c⟨U+200B⟩d⟨^G⟩e⟨U+E0041⟩");
  expect(pieces("a⟨U+202E⟩b")).toEqual([
    { text: "a", mark: false },
    { text: "⟨U+202E⟩", mark: true },
    { text: "b", mark: false },
  ]);
});
test("it is put into the page as text", () => {
  const root = document.createElement("div");
  render(<Written text={"<b>\u202e</b>"} />, root);
  expect(root.querySelector("b")).toBe(null);
  expect(root.textContent).toBe("<b>⟨U+202E⟩</b>");
});
