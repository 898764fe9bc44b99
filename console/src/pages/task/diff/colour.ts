/**
 * Colours for the lines of a diff, when they come into view: asks the worker, keeps what it answers with the lines.
 * A piece that takes too long ends the worker; its file stays without colours.
 */
import { batch } from "@preact/signals";
import type { Done, Job, Tokens } from "./colour.worker";
import type { Language } from "./languages";
import { MAX_COLUMNS, type Line, type Piece } from "./model";

const LONGEST_MS = 3000;
const MAX_TEXT = 200_000;

const tokens = new WeakMap<Line, Tokens>();
const asked = new WeakSet<Piece>();
const waiting: { pieces: Piece[]; job: Job }[] = [];
const slow = new Set<Language>();
let worker: Worker | null = null;
let timer: ReturnType<typeof setTimeout> | undefined;
let last = 0;
let broken = false;

/** Pairs of a length and a class; nothing while it is not coloured. */
export function tokensOf(line: Line): Tokens | undefined {
  return tokens.get(line);
}

/** Asks for the colours of what has none yet; each piece tells when it has them. */
export function colour(all: readonly Piece[], language: Language): void {
  if (broken || slow.has(language)) return;
  const pieces = all.filter((piece) => !asked.has(piece) && size(piece) <= MAX_TEXT);
  for (const piece of all) asked.add(piece);
  if (pieces.length === 0) return;
  waiting.push({ pieces, job: { id: ++last, language, texts: pieces.map(textOf) } });
  if (waiting.length === 1) next();
}

const size = ({ lines }: Piece): number => lines.reduce((sum, line) => sum + Math.min(line.text.length, MAX_COLUMNS), 0);
const textOf = ({ lines }: Piece): string => lines.map(({ text }) => (text.length > MAX_COLUMNS ? "" : text)).join("\n");

function next(): void {
  const first = waiting[0];
  if (!first) return;
  worker ??= start();
  worker.postMessage(first.job);
  timer = setTimeout(() => {
    slow.add(first.job.language);
    end();
  }, LONGEST_MS);
}

function start(): Worker {
  const made = new Worker(new URL("./colour.worker.ts", import.meta.url), { type: "module" });
  made.addEventListener("message", ({ data }: MessageEvent<Done>) => {
    const first = waiting[0];
    if (!first || data.id !== first.job.id) return;
    clearTimeout(timer);
    batch(() => first.pieces.forEach((piece, index) => keep(piece, data.texts[index] ?? [])));
    waiting.shift();
    next();
  });
  made.addEventListener("error", () => {
    broken = true;
    waiting.length = 0;
    end();
  });
  return made;
}

function keep(piece: Piece, found: readonly Tokens[]): void {
  piece.lines.forEach((line, index) => {
    const own = found[index];
    // Context lines are in both sides of a hunk; the colours that they have stay.
    if (own && !(line.kind === " " && tokens.has(line))) tokens.set(line, own);
  });
  piece.coloured.value = true;
}

/** The worker is stuck: without it, and on with what waits. One that can't be had is not asked for again. */
function end(): void {
  clearTimeout(timer);
  worker?.terminate();
  worker = null;
  waiting.shift();
  next();
}
