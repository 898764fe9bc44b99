import { expect, test } from "vitest";
import { availabilityHealth, budgetHealth, burnHealth, sloOf, startHealth, type Slo } from "./objectives";

const slo = (change: Partial<Slo> = {}): Slo => ({
  window_days: 30,
  canary: { total: 1000, good: 995, failed: 5, late: 0, missed: 0, last_at: null },
  availability: 0.995,
  availability_target: 0.99,
  time_to_start: { p50_s: 4, p95_s: 20, target_s: 60 },
  error_budget: { allowed: 10, spent: 5, remaining: 0.5 },
  burn_rates: [{ hours: 1, rate: 0 }, { hours: 6, rate: 0.5 }],
  ...change,
});

test("levels that are kept are well", () => {
  const all = slo();
  expect([availabilityHealth(all), budgetHealth(all), startHealth(all), burnHealth(all)]).toEqual(["good", "good", "good", "good"]);
});
test("levels that are missed are told", () => {
  expect(availabilityHealth(slo({ availability: 0.98 }))).toBe("bad");
  expect(budgetHealth(slo({ error_budget: { allowed: 10, spent: 12, remaining: -0.2 } }))).toBe("bad");
  expect(budgetHealth(slo({ error_budget: { allowed: 10, spent: 8, remaining: 0.2 } }))).toBe("watch");
  expect(startHealth(slo({ time_to_start: { p50_s: 4, p95_s: 80, target_s: 60 } }))).toBe("watch");
  expect(burnHealth(slo({ burn_rates: [{ hours: 1, rate: 15 }] }))).toBe("bad");
  expect(burnHealth(slo({ burn_rates: [{ hours: 6, rate: 2 }] }))).toBe("watch");
});
test("nothing known is judged as nothing", () => {
  const none = slo({ availability: null, burn_rates: [{ hours: 1, rate: null }], error_budget: { allowed: 0, spent: 0, remaining: null } });
  expect([availabilityHealth(none), budgetHealth(none), burnHealth(none)]).toEqual([null, null, null]);
  expect([sloOf(undefined), sloOf({}), sloOf({ availability: 1 })]).toEqual([null, null, null]);
  expect(sloOf(slo())).not.toBe(null);
});
