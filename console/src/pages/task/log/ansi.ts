/**
 * ANSI colours: escape sequences in, runs of styled text out. Pure.
 *
 * A style is one small number, so that the log's index can keep the style at any row without objects: bits 0-4 the
 * foreground (0 none, 1-8 colours, 9-16 bright ones), bits 5-9 the background, bit 10 on the attributes. The 256 colours
 * and RGB become the nearest of the 16, which the theme draws with enough contrast. What a terminal would do beyond that
 * (cursor moves, titles, links) is left out, and no other byte of the log is ever hidden.
 */
import { visible } from "../../../ui/task-visible";

export const PLAIN = 0;
export const BOLD = 1 << 10;
export const DIM = 1 << 11;
export const ITALIC = 1 << 12;
export const UNDERLINE = 1 << 13;
export const INVERSE = 1 << 14;
export const STRIKE = 1 << 15;
const FG = 0x1f;
const BG = 0x1f << 5;

export interface Run {
  text: string;
  style: number;
}

/** CSI with its final byte; OSC, DCS, APC, PM up to their end; two-byte sequences. Lengths bounded: no run-away match. */
const SEQUENCE =
  // eslint-disable-next-line no-control-regex
  /\u001b(?:\[([0-?]{0,64})[ -/]{0,8}([@-~])|[\]PX^_][^\u0007\u001b\n]{0,2048}(?:\u0007|\u001b\\)|[ -/]{1,4}[0-~]|[0-OQ-WYZ\\`-~])/g;

/** The row's runs, beginning in `style`. Text is made visible here, so a run's text is what is shown and searched. */
export function runs(text: string, style: number): Run[] {
  if (!text.includes("\u001b")) return text === "" ? [] : [{ text: visible(text), style }];
  const out: Run[] = [];
  let from = 0;
  const push = (end: number): void => {
    if (end > from) out.push({ text: visible(text.slice(from, end)), style });
  };
  for (const match of text.matchAll(SEQUENCE)) {
    push(match.index);
    from = match.index + match[0].length;
    if (match[2] === "m") style = sgr(style, match[1] ?? "");
  }
  push(text.length);
  return out;
}

/** The text without its escape sequences, as it is shown. */
export function plain(text: string): string {
  return visible(text.includes("\u001b") ? text.replace(SEQUENCE, "") : text);
}

/** SGR parameters ("1;31", "38;5;208", "38:2::255:0:0") applied to a style. Unknown ones do nothing. */
export function sgr(style: number, parameters: string): number {
  const codes = parameters.split(/[;:]/).map((code) => (code === "" ? 0 : Number(code)));
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i] ?? 0;
    if (code === 38 || code === 48) {
      const [colour, used] = extended(codes, i + 1, parameters.includes(":"));
      if (colour !== null) style = code === 38 ? withFg(style, colour) : withBg(style, colour);
      i += used;
    } else style = simple(style, code);
  }
  return style;
}

const SET: Record<number, number> = { 1: BOLD, 2: DIM, 3: ITALIC, 4: UNDERLINE, 7: INVERSE, 9: STRIKE, 21: UNDERLINE };
const CLEAR: Record<number, number> = { 22: BOLD | DIM, 23: ITALIC, 24: UNDERLINE, 27: INVERSE, 29: STRIKE };

function simple(style: number, code: number): number {
  if (code === 0) return PLAIN;
  if (code in SET) return style | (SET[code] ?? 0);
  if (code in CLEAR) return style & ~(CLEAR[code] ?? 0);
  if (code >= 30 && code <= 37) return withFg(style, code - 29);
  if (code === 39) return withFg(style, 0);
  if (code >= 40 && code <= 47) return withBg(style, code - 39);
  if (code === 49) return withBg(style, 0);
  if (code >= 90 && code <= 97) return withFg(style, code - 81);
  if (code >= 100 && code <= 107) return withBg(style, code - 91);
  return style;
}

const withFg = (style: number, colour: number): number => (style & ~FG) | colour;
const withBg = (style: number, colour: number): number => (style & ~BG) | (colour << 5);

/** The colour after 38 or 48 (1-16, or null), and how many parameters it used. */
function extended(codes: number[], at: number, colons: boolean): [number | null, number] {
  if (codes[at] === 5) return [indexed(codes[at + 1] ?? 0), 2];
  if (codes[at] !== 2) return [null, 0];
  const space = colons && codes.length - at > 4 ? 1 : 0; // 38:2:<colour space>:r:g:b
  const [r = 0, g = 0, b = 0] = codes.slice(at + 1 + space, at + 4 + space);
  return [nearest(r, g, b), 4 + space];
}

function indexed(n: number): number {
  if (n < 16) return n + 1;
  if (n >= 232) return gray((n - 232) * 10 + 8);
  const level = (v: number): number => (v === 0 ? 0 : 55 + v * 40);
  const cube = n - 16;
  return nearest(level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6));
}

/** By hue, not by distance: an orange stays warm, and a pastel becomes the bright colour of its hue. */
function nearest(r: number, g: number, b: number): number {
  const max = Math.max(r, g, b);
  const min = Math.min(r, g, b);
  if (max - min < 32) return gray(max);
  const threshold = min + (max - min) * 0.5;
  const hue = (r > threshold ? 1 : 0) | (g > threshold ? 2 : 0) | (b > threshold ? 4 : 0);
  return hue + 1 + (max > 200 ? 8 : 0);
}

const gray = (value: number): number => (value < 64 ? 1 : value < 150 ? 9 : value < 220 ? 8 : 16);

const COLOURS = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
const ATTRIBUTES: [number, string][] = [
  [BOLD, "a-bold"],
  [ITALIC, "a-italic"],
  [UNDERLINE, "a-underline"],
  [STRIKE, "a-strike"],
];
const names = new Map<number, string>([[PLAIN, ""]]);

/** The CSS classes of a style; on a background the text takes the colour that can be read on it. */
export function classes(style: number): string {
  const known = names.get(style);
  if (known !== undefined) return known;
  let fg = style & FG;
  let bg = (style & BG) >> 5;
  const out: string[] = [];
  if (style & INVERSE) {
    [fg, bg] = [bg, fg];
    if (bg === 0) out.push("a-inverse");
  }
  if (bg > 0) out.push(`a-bg-${COLOURS[(bg - 1) % 8]}`);
  else if (fg > 0) out.push(`a-${fg > 8 ? "bright-" : ""}${COLOURS[(fg - 1) % 8]}`);
  else if (style & DIM) out.push("a-dim");
  for (const [bit, css] of ATTRIBUTES) if (style & bit) out.push(css);
  names.set(style, out.join(" "));
  return names.get(style) ?? "";
}
