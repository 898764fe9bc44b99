import { expect, test } from "vitest";
import type { Ops } from "../../api";
import { ended, queueHealth, ranked, seconds, successHealth, sweepHealth } from "./numbers";

const ops = (change: Partial<Ops>): Ops => ({
  at: "2026-11-24T12:00:00.000Z",
  queue: { depth: 0, oldest_s: null },
  running: { total: 0, by_tenant: {} },
  throughput: [],
  success_rate: null,
  phases: {},
  dead_letters: { total: 0, by_cause: [] },
  sweep: { last_run: null, lag_s: 20 },
  ...change,
});

test("an empty system is well", () => {
  expect([queueHealth(ops({})), sweepHealth(ops({})), successHealth(ops({}))]).toEqual(["good", "good", null]);
});
test("long waits, a late sweep and failures are told", () => {
  expect(queueHealth(ops({ queue: { depth: 3, oldest_s: 130 } }))).toBe("watch");
  expect(queueHealth(ops({ queue: { depth: 3, oldest_s: 601 } }))).toBe("bad");
  expect(sweepHealth(ops({ sweep: { last_run: null, lag_s: null } }))).toBe("watch");
  expect(sweepHealth(ops({ sweep: { last_run: null, lag_s: 301 } }))).toBe("bad");
  const throughput = [{ t: "", completed: 3, failed: 3, cancelled: 0 }];
  expect(successHealth(ops({ throughput, success_rate: 0.5 }))).toBe("bad");
  expect(successHealth(ops({ throughput, success_rate: 0.85 }))).toBe("watch");
  expect(successHealth(ops({ throughput: [{ t: "", completed: 1, failed: 1, cancelled: 0 }], success_rate: 0.5 }))).toBe(null);
});
test("what ended is summed over the window", () => {
  const point = { t: "", completed: 2, failed: 1, cancelled: 3 };
  expect(ended(ops({ throughput: [point, point] }))).toEqual({ completed: 4, failed: 2, cancelled: 6 });
});
test("the largest comes first, equals by name", () => {
  expect(ranked({ b: 1, a: 1, c: 9 })).toEqual([["c", 9], ["a", 1], ["b", 1]]);
});
test("seconds are short", () => {
  expect([0, 0.25, 2.5, 30, 300, 7200].map(seconds)).toEqual(["0 s", "0.25 s", "2.5 s", "30 s", "5 m", "2 h"]);
});
