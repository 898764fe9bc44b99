/**
 * Search in the log, in slices that leave the page responsive: text and query in, places of the matches out. Pure.
 *
 * A block of 64 rows is first looked at as a whole; only where the query is in it are its rows looked at one by one. The
 * words are sought in what is shown (without escape sequences), without regard to case, and across the cuts of long lines.
 */
import { plain } from "./ansi";
import { STEP, type LogText } from "./text";

/** A match, or its part in one row: columns are places in the shown text. */
export interface Hit {
  /** Number of the match, from 0. */
  match: number;
  row: number;
  from: number;
  to: number;
}

export const MAX_MATCHES = 100_000;

export class Search {
  readonly query: string;
  hits: Hit[] = [];
  count = 0;
  #text: LogText;
  #block = 0;
  /** What of the hits belongs to blocks that can still grow. */
  #settled = { hits: 0, count: 0 };

  constructor(text: LogText, query: string) {
    this.#text = text;
    this.query = fold(query);
  }

  get full(): boolean {
    return this.count >= MAX_MATCHES;
  }

  /** Looks on for about `budget` ms. True when it has seen all that there is; call it again when the log has grown. */
  step(budget: number, now: () => number = () => performance.now()): boolean {
    const until = now() + budget;
    this.hits.length = this.#settled.hits;
    this.count = this.#settled.count;
    while (this.#block * STEP < this.#text.rows && !this.full) {
      this.#look(this.#block);
      // The last block but one may still be cut by the end of the log (a match that runs over into the next one).
      if ((this.#block + 2) * STEP > this.#text.rows) return this.#rest();
      this.#block += 1;
      this.#settled = { hits: this.hits.length, count: this.count };
      if (now() > until) return false;
    }
    return true;
  }

  /** Index of the first hit at or after this row; `hits.length` when there is none. */
  at(row: number): number {
    let low = 0;
    let high = this.hits.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.hits[middle]!.row < row) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #rest(): boolean {
    const block = this.#block + 1;
    if (block * STEP < this.#text.rows && !this.full) this.#look(block);
    return true;
  }

  #look(block: number): void {
    if (this.query === "") return;
    const whole = this.#text.block(block, this.query.length * 4);
    if (!fold(plain(whole)).includes(this.query) && !whole.includes("\r")) return;
    const over = Math.ceil(this.query.length / this.#text.columns) + 1;
    const rows = this.#text.read(block * STEP, STEP + over);
    for (let i = 0; i < Math.min(rows.length, STEP); ) {
      let end = i + 1;
      while (end < rows.length && rows[end]!.continued) end += 1;
      this.#line(block * STEP + i, rows.slice(i, end).map((row) => plain(row.text)), STEP - i);
      i = end;
    }
  }

  /** Matches in a line given as the rows it is cut into; only those that begin in the first `own` rows are ours. */
  #line(first: number, rows: string[], own: number): void {
    const text = fold(rows.join(""));
    const limit = rows.slice(0, own).reduce((sum, row) => sum + row.length, 0);
    let [row, base] = [0, 0];
    for (let at = text.indexOf(this.query); at >= 0 && at < limit; at = text.indexOf(this.query, at + this.query.length)) {
      if (this.full) return;
      while (at >= base + rows[row]!.length) base += rows[row++]!.length;
      const end = at + this.query.length;
      for (let [r, b] = [row, base]; r < rows.length && b < end; b += rows[r++]!.length) {
        const [from, to] = [Math.max(0, at - b), Math.min(rows[r]!.length, end - b)];
        if (to > from) this.hits.push({ match: this.count, row: first + r, from, to });
      }
      this.count += 1;
    }
  }
}

/** Lower case, but never of another length: places must stay places. */
function fold(text: string): string {
  const lower = text.toLowerCase();
  return lower.length === text.length ? lower : text;
}
