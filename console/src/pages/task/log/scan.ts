/** Where the rows of a log end: bytes in, places out. Keeps its state between pieces of the log. Pure. */
import { sgr } from "./ansi";

/** Where a row begins, and what is needed to show it without what came before. */
export interface Place {
  start: number;
  /** 1-based line of the log. */
  line: number;
  /** The row goes on with a line that was cut. */
  continued: boolean;
  /** The colours in force (see ansi.ts). */
  style: number;
}

/** The row `place` ends before byte `end`; the next one begins at `next`. False stops the scan. */
export type RowEnded = (place: Place, end: number, next: Place) => boolean;

export const START: Place = { start: 0, line: 1, continued: false, style: 0 };

/** A row that shows nothing (escape sequences only) ends too. */
const MAX_ROW_BYTES = 16 << 10;
const MAX_CSI = 72;
const MAX_STRING = 2048;
const [LF, CR, ESC, BEL, TAB] = [10, 13, 27, 7, 9];
const [TEXT, AFTER_CR, AFTER_ESC, IN_CSI, IN_STRING, STRING_ESC] = [0, 1, 2, 3, 4, 5];

export class Scanner {
  row: Place;
  #mode = TEXT;
  #column = 0;
  #sequence = 0;
  #parameters = "";
  #style: number;

  constructor(
    readonly columns: number,
    place: Place,
  ) {
    this.row = place;
    this.#style = place.style;
  }

  /** `base`: the offset of the first of these bytes in the log. */
  scan(bytes: Uint8Array, base: number, ended: RowEnded): boolean {
    const length = bytes.length;
    for (let i = 0; i < length; i++) {
      if (this.#mode === TEXT) i = this.#printable(bytes, i);
      if (i === length) break;
      const byte = bytes[i] as number;
      const at = base + i;
      if (byte === LF) {
        if (!this.#end(at, at + 1, true, ended)) return false;
        continue;
      }
      if (this.#cutBefore(byte) && !this.#end(at, at, false, ended)) return false;
      if (this.#mode === TEXT || this.#mode === AFTER_CR) this.#text(byte);
      else this.#escape(byte);
      if (at - this.row.start > MAX_ROW_BYTES && !this.#end(at + 1, at + 1, false, ended)) return false;
    }
    return true;
  }

  /** The quick way over what most of a log is: ASCII that fits the row. Gives the index of the first other byte. */
  #printable(bytes: Uint8Array, from: number): number {
    const end = Math.min(bytes.length, from + this.columns - this.#column);
    let i = from;
    while (i < end) {
      const byte = bytes[i] as number;
      if (byte < 0x20 || byte > 0x7e) break;
      i++;
    }
    this.#column += i - from;
    return i;
  }

  #cutBefore(byte: number): boolean {
    // After a carriage return alone a terminal would overwrite the line; here what follows gets a row of its own.
    if (this.#mode === AFTER_CR) return byte !== CR;
    return this.#mode === TEXT && this.#column >= this.columns && (byte & 0xc0) !== 0x80 && byte !== ESC && byte !== CR;
  }

  #text(byte: number): void {
    this.#mode = TEXT;
    if (byte === ESC) this.#mode = AFTER_ESC;
    else if (byte === CR) this.#mode = AFTER_CR;
    else if (byte === TAB) this.#column = (this.#column | 7) + 1;
    else if (byte < 0x80) this.#column += 1;
    else if (byte >= 0xc0) this.#column += wide(byte) ? 2 : 1;
  }

  #escape(byte: number): void {
    this.#sequence += 1;
    if (this.#mode === AFTER_ESC) {
      const string = byte === 0x5d || byte === 0x50 || byte === 0x58 || byte === 0x5e || byte === 0x5f;
      this.#mode = byte === 0x5b ? IN_CSI : string ? IN_STRING : byte === ESC ? AFTER_ESC : TEXT;
      this.#sequence = 0;
      this.#parameters = "";
    } else if (this.#mode === IN_CSI) this.#csi(byte);
    else if (this.#mode === STRING_ESC) this.#mode = TEXT;
    else if (byte === ESC) this.#mode = STRING_ESC;
    else if (byte === BEL || this.#sequence > MAX_STRING) this.#mode = TEXT;
  }

  #csi(byte: number): void {
    if (byte >= 0x40 && byte <= 0x7e) {
      if (byte === 0x6d) this.#style = sgr(this.#style, this.#parameters);
      this.#mode = TEXT;
    } else if (byte === ESC) this.#mode = AFTER_ESC;
    else if (byte < 0x20 || byte > 0x7e || this.#sequence > MAX_CSI) this.#mode = TEXT;
    else this.#parameters += String.fromCharCode(byte);
  }

  #end(end: number, next: number, newline: boolean, ended: RowEnded): boolean {
    const place = this.row;
    this.row = { start: next, line: place.line + (newline ? 1 : 0), continued: !newline, style: this.#style };
    this.#column = 0;
    this.#mode = TEXT;
    return ended(place, end, this.row);
  }
}

/** A lead byte whose characters mostly take two columns: CJK, full width forms, pictures. An estimate is enough here. */
const wide = (lead: number): boolean => lead >= 0xf0 || lead === 0xef || (lead >= 0xe3 && lead <= 0xed);
