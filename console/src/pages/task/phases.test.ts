import { expect, test } from "vitest";
import type { Span } from "../../api";
import { phases } from "./phases";

let ids = 0;
const at = (seconds: number): string => new Date(Date.UTC(2026, 10, 24) + seconds * 1000).toISOString();
const span = (name: string, attempt: number | null, from: number, to: number | null, status = "UNSET"): Span => ({
  span_id: String(++ids),
  parent_span_id: null,
  name,
  attempt,
  start: at(from),
  end: to === null ? null : at(to),
  status,
  attributes: {},
});
const NOW = Date.parse(at(100));

test("phases of an ended task fill the whole from the request to the end", () => {
  const found = phases(
    [span("submit", null, 0, 0.1), span("task", null, 0, 40), span("queued", 1, 0, 10), span("attempt 1", 1, 10, 40, "ERROR"), span("agent", 1, 20, 40, "ERROR"), span("fetch", 1, 10, 20)],
    NOW,
  );
  expect(found.seconds).toBe(40);
  expect(found.groups[0]?.bars.map(({ name, left, width, state }) => [name, left, width, state])).toEqual([
    ["queued", 0, 25, "done"],
    ["fetch", 25, 25, "done"],
    ["agent", 50, 50, "failed"],
  ]);
  expect(found.groups[0]).toMatchObject({ attempt: 1, state: "failed", seconds: 30 });
});

test("a phase that goes on lasts until now", () => {
  const found = phases([span("task", null, 0, null), span("queued", 1, 0, 50), span("attempt 1", 1, 50, null), span("agent", 1, 50, null)], NOW);
  expect(found.seconds).toBe(100);
  expect(found.groups[0]?.bars[1]).toMatchObject({ left: 50, width: 50, seconds: 50, state: "running" });
});

test("attempts are kept apart", () => {
  const found = phases(
    [span("task", null, 0, 40), span("queued", 1, 0, 1), span("attempt 1", 1, 1, 20, "ERROR"), span("queued", 2, 20, 21), span("attempt 2", 2, 21, 40)],
    NOW,
  );
  expect(found.groups.map((group) => [group.attempt, group.state])).toEqual([[1, "failed"], [2, "done"]]);
});

test("a clock that is behind gives no negative length", () => {
  const found = phases([span("task", null, 0, null), span("queued", 1, 0, null)], Date.parse(at(-5)));
  expect(found.seconds).toBe(0);
  expect(found.groups[0]?.bars[0]?.seconds).toBe(0);
  expect(phases([], NOW)).toEqual({ groups: [], seconds: 0 });
});
