/**
 * A patch as data: the text of `git diff` in, files and lines out. Pure, but for pauses that keep the page responsive.
 *
 * `files` only finds where each file's part begins and counts its lines; `parse` reads one file's part when somebody looks
 * at it (by jsdiff). Whoever wrote the patch may have broken it: a part that can't be read is still shown, as it came.
 */
import { signal, type Signal } from "@preact/signals";
import { parsePatch, type StructuredPatch } from "diff";

export type Kind = "added" | "deleted" | "renamed" | "copied" | "mode" | "modified";

export interface FileDiff {
  index: number;
  /** The name after the change (before it, when the file went away). */
  path: string;
  /** The other name of a renamed or copied file. */
  oldPath: string | null;
  kind: Kind;
  binary: boolean;
  /** "100644 → 100755" */
  modes: string | null;
  additions: number;
  deletions: number;
  /** Lines of the part without its headers; and where it is in the patch. */
  lines: number;
  start: number;
  end: number;
}

export interface Line {
  /** "@": the header of a hunk. "\\": a remark of git, such as a missing newline at the end. */
  kind: " " | "+" | "-" | "@" | "\\";
  /** Line numbers; 0 where there is none. */
  old: number;
  now: number;
  text: string;
  /** The changed middle of a line that has a counterpart. */
  mark: [number, number] | null;
  /** Which piece of the file it is coloured with. */
  piece: number;
}

/** Lines of one side of a hunk that are coloured together; `coloured` is true when they are. */
export interface Piece {
  lines: Line[];
  coloured: Signal<boolean>;
}

export interface Parsed {
  lines: Line[];
  pieces: Piece[];
  /** Columns of the widest line: the width does not change while scrolling. */
  columns: number;
}

export type Pair = [Line | null, Line | null];

/** Lines longer than this are shown cut. */
export const MAX_COLUMNS = 2000;
const MAX_PIECE = 400;
const SLICE = 1 << 20;

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

export async function files(patch: string): Promise<FileDiff[]> {
  const out: FileDiff[] = [];
  let paused = 0;
  for (let start = first(patch); start >= 0; ) {
    const next = patch.indexOf("\ndiff --git ", start);
    const end = next < 0 ? patch.length : next + 1;
    out.push(file(patch, out.length, start, end));
    start = next < 0 ? -1 : end;
    if (end - paused > SLICE) {
      paused = end;
      await pause();
    }
  }
  return out;
}

function first(patch: string): number {
  if (patch.trim() === "") return -1;
  return patch.startsWith("diff --git ") ? 0 : Math.max(0, patch.indexOf("\ndiff --git ") + 1);
}

function file(patch: string, index: number, start: number, end: number): FileDiff {
  const hunk = patch.indexOf("\n@@ ", start);
  const body = hunk < 0 || hunk >= end ? end : hunk + 1;
  const head = patch.slice(start, Math.min(body, start + 20_000));
  const binary = /^(GIT binary patch$|Binary files )/m.test(head);
  const [additions, deletions, lines] = binary ? [0, 0, 0] : count(patch, body, end);
  return { index, ...names(head), binary, additions, deletions, lines, start, end };
}

/** What the headers of a file's part say. */
function names(head: string): Pick<FileDiff, "path" | "oldPath" | "kind" | "modes"> {
  const said = header(head);
  const old = bare(said?.oldFileName, "a/");
  const now = bare(said?.newFileName, "b/");
  const modes = said?.oldMode && said.newMode && said.oldMode !== said.newMode ? `${said.oldMode} → ${said.newMode}` : null;
  const kind: Kind = said?.isCreate
    ? "added"
    : said?.isDelete
      ? "deleted"
      : said?.isRename
        ? "renamed"
        : said?.isCopy
          ? "copied"
          : modes && !head.includes("\n--- ")
            ? "mode"
            : "modified";
  return { path: now ?? old ?? "?", oldPath: old !== null && old !== now && now !== null ? old : null, kind, modes };
}

function header(head: string): StructuredPatch | null {
  // A binary part has no more to say than its first lines, and its data is no patch to jsdiff.
  const text = head.split(/^GIT binary patch$/m)[0] ?? "";
  try {
    return parsePatch(text)[0] ?? null;
  } catch {
    return null;
  }
}

function bare(name: string | undefined, prefix: string): string | null {
  if (name === undefined || name === "/dev/null") return null;
  return name.startsWith(prefix) ? name.slice(prefix.length) : name;
}

function count(patch: string, from: number, end: number): [number, number, number] {
  let [additions, deletions, lines] = [0, 0, 0];
  for (let at = from; at < end; ) {
    const sign = patch.charCodeAt(at);
    if (sign === 43) additions += 1;
    else if (sign === 45) deletions += 1;
    lines += 1;
    const newline = patch.indexOf("\n", at);
    at = newline < 0 ? end : newline + 1;
  }
  return [additions, deletions, lines];
}

/** One file's lines. */
export function parse(patch: string, of: FileDiff): Parsed {
  const text = patch.slice(of.start, of.end);
  const lines: Line[] = [];
  const pieces: Piece[] = [];
  let hunks: StructuredPatch["hunks"];
  try {
    hunks = parsePatch(text)[0]?.hunks ?? [];
  } catch {
    return raw(text);
  }
  const titles = text.match(/^@@ .*$/gm) ?? [];
  hunks.forEach((hunk, index) => {
    lines.push({ kind: "@", old: 0, now: 0, text: titles[index] ?? "@@", mark: null, piece: -1 });
    const added = numbered(hunk);
    marks(added);
    split(added, pieces);
    for (const line of added) lines.push(line);
  });
  return { lines, pieces, columns: widest(lines) };
}

function raw(text: string): Parsed {
  const lines = text.split("\n").map((line): Line => ({ kind: "\\", old: 0, now: 0, text: line, mark: null, piece: -1 }));
  return { lines, pieces: [], columns: widest(lines) };
}

function numbered(hunk: StructuredPatch["hunks"][number]): Line[] {
  let [old, now] = [hunk.oldStart, hunk.newStart];
  return hunk.lines.map((line): Line => {
    const kind = (line[0] ?? " ") as Line["kind"];
    const text = line.slice(1).replace(/\r$/, "");
    const [hasOld, hasNow] = [kind === " " || kind === "-", kind === " " || kind === "+"];
    return { kind, old: hasOld ? old++ : 0, now: hasNow ? now++ : 0, text, mark: null, piece: -1 };
  });
}

/** Where a run of removed lines is followed by as many added ones, each pair shows what changed within the line. */
function marks(lines: Line[]): void {
  for (let i = 0; i < lines.length; ) {
    let removed = i;
    while (lines[removed]?.kind === "-") removed++;
    let added = removed;
    while (lines[added]?.kind === "+") added++;
    if (removed - i === added - removed && removed > i) {
      for (let k = 0; k < removed - i; k++) mark(lines[i + k]!, lines[removed + k]!);
    }
    i = Math.max(added, i + 1);
  }
}

function mark(before: Line, after: Line): void {
  const [a, b] = [before.text, after.text];
  const most = Math.min(a.length, b.length, MAX_COLUMNS);
  let head = 0;
  while (head < most && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < most - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  if (head + tail < most * 0.3) return; // two different lines: marking all of both says nothing
  if (a.length - tail > head) before.mark = [head, a.length - tail];
  if (b.length - tail > head) after.mark = [head, b.length - tail];
}

/** Both sides of a hunk in pieces that are coloured in one go: the old text and the new text, each as it reads. */
function split(lines: Line[], pieces: Piece[]): void {
  for (const sign of ["-", "+"] as const) {
    if (sign === "-" && !lines.some((line) => line.kind === "-")) continue;
    const side = lines.filter((line) => line.kind === sign || line.kind === " ");
    for (let from = 0; from < side.length; from += MAX_PIECE) {
      const piece = side.slice(from, from + MAX_PIECE);
      for (const line of piece) if (line.kind === sign || sign === "+") line.piece = pieces.length;
      pieces.push({ lines: piece, coloured: signal(false) });
    }
  }
}

/** Removed and added lines beside each other. */
export function pairs(lines: readonly Line[]): Pair[] {
  const out: Pair[] = [];
  for (let i = 0; i < lines.length; ) {
    const line = lines[i]!;
    if (line.kind !== "-" && line.kind !== "+") {
      out.push([line, line]);
      i += 1;
      continue;
    }
    const [left, right]: [Line[], Line[]] = [[], []];
    for (; i < lines.length && (lines[i]!.kind === "-" || lines[i]!.kind === "+" || lines[i]!.kind === "\\"); i++) {
      const next = lines[i]!;
      if (next.kind === "\\") (right.length > 0 ? right : left).push(next);
      else if (next.kind === "+") right.push(next);
      else if (right.length > 0) break;
      else left.push(next);
    }
    for (let k = 0; k < Math.max(left.length, right.length); k++) out.push([left[k] ?? null, right[k] ?? null]);
  }
  return out;
}

function widest(lines: readonly Line[]): number {
  let most = 0;
  for (const { text } of lines) {
    // Tabs and wide characters take more than one column: counted only where it can matter.
    if (text.length * 2 <= most) continue;
    let columns = 0;
    for (let i = 0; i < Math.min(text.length, MAX_COLUMNS); i++) {
      const code = text.charCodeAt(i);
      columns += code === 9 ? 4 : code >= 0x2e80 ? 2 : 1;
    }
    most = Math.max(most, columns);
  }
  return most;
}

/** Not opened by itself: nobody reads it, or not first. */
export function folded(of: FileDiff): boolean {
  return of.binary || of.lines > 1500 || of.end - of.start > 300_000 || /(^|\/)(package-lock\.json|yarn\.lock|pnpm-lock\.yaml|poetry\.lock|uv\.lock|Cargo\.lock|go\.sum)$/.test(of.path);
}
