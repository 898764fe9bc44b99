import { describe, expect, test } from "vitest";
import { plain } from "./ansi";
import { Search } from "./search";
import { LogText } from "./text";

function log(text: string, columns = 1000): LogText {
  const out = new LogText(columns);
  out.append(new TextEncoder().encode(text));
  return out;
}
function find(text: LogText, query: string): Search {
  const search = new Search(text, query);
  while (!search.step(5));
  return search;
}
const found = (text: LogText, search: Search): string[] => {
  const out: string[] = [];
  for (const hit of search.hits) {
    const part = plain(text.read(hit.row, 1)[0]?.text ?? "").slice(hit.from, hit.to);
    out[hit.match] = (out[hit.match] ?? "") + part;
  }
  return out;
};

describe("Search", () => {
  test("finds every place, without regard to case and colours", () => {
    const text = log("Error one\nno\n\u001b[31mER\u001b[1mROR\u001b[0m two, error\n");
    const search = find(text, "error");
    expect(search.count).toBe(3);
    expect(found(text, search)).toEqual(["Error", "ERROR", "error"]);
    expect(search.hits.map((hit) => hit.row)).toEqual([0, 2, 2]);
  });
  test("finds what the cut of a long line divides", () => {
    const text = log(`${"x".repeat(18)}needle${"y".repeat(200)}needle\nneedle`, 20);
    const search = find(text, "needle");
    expect(search.count).toBe(3);
    expect(found(text, search)).toEqual(["needle", "needle", "needle"]);
  });
  test("counts right over the borders of blocks", () => {
    const text = log("a needle here ".repeat(3000), 17);
    const search = find(text, "needle");
    expect(search.count).toBe(3000);
    expect(new Set(found(text, search))).toEqual(new Set(["needle"]));
  });
  test("goes on when the log grows", () => {
    const text = log("needle\n".repeat(200) + "nee");
    const search = find(text, "needle");
    expect(search.count).toBe(200);
    text.append(new TextEncoder().encode("dle\nneedle\n"));
    while (!search.step(5));
    expect(search.count).toBe(202);
  });
  test("tells the first hit at or behind a row", () => {
    const search = find(log("x\nhit\nx\nhit\n"), "hit");
    expect([search.at(0), search.at(1), search.at(2), search.at(4)]).toEqual([0, 0, 1, 2]);
  });
  test("looks through 50 MB in slices", () => {
    const text = new LogText(200);
    const piece = new TextEncoder().encode("2026-11-24 INFO compiling module number 4711 of many\n".repeat(17_000));
    for (let size = 0; size < 50 << 20; size += piece.length) text.append(piece);
    text.append(new TextEncoder().encode("the needle"));
    const search = new Search(text, "needle");
    let [clock, slices] = [0, 0];
    while (!search.step(10, () => clock++)) slices += 1;
    expect(search.count).toBe(1);
    expect(slices).toBeGreaterThan(1000);
  });
});
