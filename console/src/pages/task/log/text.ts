/**
 * The log in memory: bytes in (pieces of /logs?offset=N), rows out. Pure.
 *
 * A row is what one line of the screen shows: a line of the log, cut where it is wider than `columns`, so that a line of
 * 50 MB is many rows and none of them is expensive. The bytes are kept as they came; only every 64th row's place, line
 * number and colours are remembered, and rows are decoded when they are looked at: 50 MB of log are 50 MB and a little.
 */
import { Scanner, START, type Place } from "./scan";

export interface Row {
  /** 1-based line of the log. */
  line: number;
  /** A cut line's second row and later. */
  continued: boolean;
  /** As it came, escape sequences included. */
  text: string;
  /** The style at its beginning (see ansi.ts). */
  style: number;
}

/** Rows between two remembered places. */
export const STEP = 64;

export class LogText {
  readonly columns: number;
  #chunks: Uint8Array[] = [];
  #bases: number[] = [];
  #places: Place[] = [START];
  #scanner: Scanner;
  #ended = 0;
  #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  size = 0;

  constructor(columns = 1000) {
    this.columns = columns;
    this.#scanner = new Scanner(columns, START);
  }

  /** Rows so far, the unfinished last one included. */
  get rows(): number {
    return this.#ended + (this.size > this.#scanner.row.start ? 1 : 0);
  }

  /** Lines so far, the unfinished last one included. */
  get lines(): number {
    const { line, start, continued } = this.#scanner.row;
    return line - (this.size > start || continued ? 0 : 1);
  }

  append(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const base = this.size;
    this.#chunks.push(bytes);
    this.#bases.push(base);
    this.size += bytes.length;
    this.#scanner.scan(bytes, base, (_place, _end, next) => {
      this.#ended += 1;
      if (this.#ended % STEP === 0) this.#places.push(next);
      return true;
    });
  }

  /** The bytes as they came, to make the same log at another width (they are shared, not copied) or a file. */
  get chunks(): readonly Uint8Array[] {
    return this.#chunks;
  }

  /** The row with which a line begins. */
  rowOf(line: number): number {
    let low = 0;
    let high = Math.max(0, this.rows - 1);
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.read(middle, 1)[0]?.line ?? 0) < line) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** `count` rows from `first` (0-based) on, fewer at the end. */
  read(first: number, count: number): Row[] {
    const block = Math.floor(first / STEP);
    const place = this.#places[block];
    const out: Row[] = [];
    if (place === undefined || count <= 0) return out;
    let index = block * STEP;
    const take = (row: Place, end: number): boolean => {
      if (index >= first) out.push({ ...pick(row), text: this.#decode(row.start, end) });
      index += 1;
      return out.length < count;
    };
    const scanner = new Scanner(this.columns, place);
    for (let c = this.#chunkOf(place.start); c < this.#chunks.length; c++) {
      const from = Math.max(0, place.start - this.#bases[c]!);
      if (!scanner.scan(this.#chunks[c]!.subarray(from), this.#bases[c]! + from, take)) return out;
    }
    if (this.size > scanner.row.start) take(scanner.row, this.size);
    return out;
  }

  /** The text of the 64 rows of a block, and up to `more` bytes behind them. */
  block(block: number, more: number): string {
    const start = this.#places[block]?.start ?? this.size;
    const end = this.#places[block + 1]?.start ?? this.size;
    return this.#decode(start, Math.min(this.size, end + more));
  }

  #decode(start: number, end: number): string {
    let text = this.#decoder.decode(this.#bytes(start, end));
    while (text.endsWith("\r")) text = text.slice(0, -1);
    return text;
  }

  #bytes(start: number, end: number): Uint8Array {
    let c = this.#chunkOf(start);
    const within = this.#chunks[c]?.subarray(start - this.#bases[c]!, end - this.#bases[c]!) ?? new Uint8Array(0);
    if (within.length >= end - start) return within;
    const joined = new Uint8Array(end - start);
    for (let at = start; at < end; c++) {
      const part = this.#chunks[c]!.subarray(at - this.#bases[c]!, end - this.#bases[c]!);
      joined.set(part, at - start);
      at += part.length;
    }
    return joined;
  }

  /** The chunk that holds byte `at`. */
  #chunkOf(at: number): number {
    let low = 0;
    let high = this.#bases.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#bases[middle]! <= at) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

const pick = ({ line, continued, style }: Place): Omit<Row, "text"> => ({ line, continued, style });
