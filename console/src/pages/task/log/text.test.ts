import { describe, expect, test } from "vitest";
import { classes, plain } from "./ansi";
import { LogText, STEP } from "./text";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function log(text: string, columns = 1000, piece = Infinity): LogText {
  const out = new LogText(columns);
  const all = bytes(text);
  for (let at = 0; at < all.length; at += piece) out.append(all.slice(at, Math.min(all.length, at + piece)));
  return out;
}
const rows = (of: LogText): string[] => of.read(0, of.rows).map((row) => row.text);

describe("LogText", () => {
  test("gives lines as rows, whatever pieces they came in", () => {
    const text = "eins\nzwei ✓ 中文\r\n\nvier \u001b[31mrot\nrot\u001b[0m\nlast";
    const whole = log(text);
    expect(rows(whole)).toEqual(["eins", "zwei ✓ 中文", "", "vier \u001b[31mrot", "rot\u001b[0m", "last"]);
    expect(whole.lines).toBe(6);
    for (const piece of [1, 2, 3, 7]) expect(log(text, 1000, piece).read(0, 99)).toEqual(whole.read(0, 99));
  });
  test("keeps the colour over the end of a line", () => {
    const row = log("\u001b[32ma\nb\n").read(1, 1)[0];
    expect(classes(row?.style ?? 0)).toBe("a-green");
  });
  test("cuts long lines, never inside a character or a sequence", () => {
    const line = "äöü中文字".repeat(50) + "\u001b[31m" + "x".repeat(100);
    const cut = log(`${line}\nnext`, 20);
    expect(rows(cut).slice(0, -1).join("")).toBe(line);
    expect(rows(cut).every((row) => !row.includes("�"))).toBe(true);
    expect(cut.lines).toBe(2);
    const last = cut.read(cut.rows - 1, 1)[0];
    expect(last).toMatchObject({ line: 2, continued: false, text: "next" });
  });
  test("gives what a carriage return would overwrite a row of its own", () => {
    expect(rows(log("10%\r50%\r100%\ndone\r"))).toEqual(["10%", "50%", "100%", "done"]);
  });
  test("reads from the middle the same as from the beginning", () => {
    const text = Array.from({ length: 1000 }, (_, i) => `\u001b[3${i % 8}m${"w".repeat(i % 90)} ${i}`).join("\n");
    const all = log(text, 40, 1000);
    const every = all.read(0, all.rows);
    for (const first of [0, 1, STEP - 1, STEP, STEP + 1, 700, all.rows - 1]) {
      expect(all.read(first, 3)).toEqual(every.slice(first, first + 3));
    }
  });
  test("cuts anew at another width", () => {
    const text = "a".repeat(95) + "\n" + "b".repeat(10);
    const narrow = new LogText(10);
    for (const chunk of log(text, 1000, 7).chunks) narrow.append(chunk);
    expect(rows(narrow)).toHaveLength(11);
    expect(narrow.rowOf(1)).toBe(0);
    expect(narrow.rowOf(2)).toBe(10);
  });
  test("makes rows of a line of escape sequences only", () => {
    const nothing = log("\u001b[0m".repeat(20_000));
    expect(nothing.rows).toBeGreaterThan(2);
    expect(nothing.read(0, 1)[0]?.text.length).toBeLessThan(20_000);
  });
  test("holds 50 MB, a line of 20 MB among them, and reads any place at once", () => {
    const text = new LogText(200);
    const piece = bytes("2026-11-24T12:00:00 \u001b[32mINFO\u001b[0m compiling module number 4711 of many\n".repeat(12_000));
    const long = new Uint8Array(900 << 10).fill(0x78);
    for (let size = 0; size < 30 << 20; size += piece.length) text.append(piece);
    for (let size = 0; size < 20 << 20; size += long.length) text.append(long);
    text.append(bytes("\nthe end"));
    const start = performance.now();
    for (let i = 0; i < 100; i++) text.read(Math.floor((text.rows * i) / 100), 60);
    expect((performance.now() - start) / 100).toBeLessThan(500);
    expect(plain(text.read(text.rows - 1, 1)[0]?.text ?? "")).toBe("the end");
  });
});
