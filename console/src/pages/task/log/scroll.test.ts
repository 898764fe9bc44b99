import { expect, test } from "vitest";
import { ROW_PX, topOf, windowAt } from "./scroll";

test("the window holds what is seen and a little more", () => {
  const { first, count, top, height } = windowAt(10_000, 5000 * ROW_PX, 400);
  expect(first).toBeLessThanOrEqual(5000);
  expect(first + count).toBeGreaterThanOrEqual(5020);
  expect(count).toBeLessThan(60);
  expect(top).toBe(first * ROW_PX);
  expect(height).toBe(10_000 * ROW_PX);
});
test("at the end it ends with the last row", () => {
  const { first, count } = windowAt(100, 100 * ROW_PX - 400, 400);
  expect(first + count).toBe(100);
  expect(windowAt(0, 0, 400).count).toBe(0);
});
test("more rows than a browser can stack are reached all the same", () => {
  const [rows, view] = [5_000_000, 400];
  const end = windowAt(rows, 16_000_000 - view, view);
  expect(end.first + end.count).toBe(rows);
  for (const row of [0, 1234, 2_500_000, 4_999_000]) {
    const { first, count } = windowAt(rows, topOf(row, rows, view), view);
    expect(first).toBeLessThanOrEqual(row);
    expect(first + count).toBeGreaterThan(row + 19);
  }
});
