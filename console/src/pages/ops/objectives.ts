/** The service levels of /v1/ops as this page reads them (layers/core/patchmill/slo.py makes them). Pure. */
import type { Health } from "./numbers";

/** All but the counts may be null: nothing is known yet. */
export interface Slo {
  window_days: number;
  canary: { total: number; good: number; failed: number; late: number; missed: number; last_at: string | null };
  availability: number | null;
  availability_target: number;
  time_to_start: { p50_s: number | null; p95_s: number | null; target_s: number };
  error_budget: { allowed: number; spent: number; remaining: number | null };
  burn_rates: { hours: number; rate: number | null }[];
}

/** Null when the server tells none, or another version's. */
export function sloOf(value: unknown): Slo | null {
  const slo = value as Partial<Slo> | null | undefined;
  const whole = slo?.canary && slo.time_to_start && slo.error_budget && Array.isArray(slo.burn_rates);
  return whole ? (slo as Slo) : null;
}

export function budgetHealth({ error_budget }: Slo): Health | null {
  const left = error_budget.remaining;
  return left === null ? null : left <= 0 ? "bad" : left < 0.25 ? "watch" : "good";
}

export function availabilityHealth({ availability, availability_target }: Slo): Health | null {
  return availability === null ? null : availability >= availability_target ? "good" : "bad";
}

export function startHealth({ time_to_start }: Slo): Health | null {
  return time_to_start.p95_s === null ? null : time_to_start.p95_s <= time_to_start.target_s ? "good" : "watch";
}

/** As the multi-window alerts of the SRE books: 14.4 in an hour uses two percent of a month's budget. */
export function burnHealth({ burn_rates }: Slo): Health | null {
  const rates = burn_rates.filter((burn) => burn.rate !== null).map((burn) => [burn.hours, burn.rate ?? 0] as const);
  if (rates.length === 0) return null;
  const limit = (hours: number): number => (hours <= 1 ? 14.4 : hours <= 6 ? 6 : hours <= 24 ? 3 : 1);
  if (rates.some(([hours, rate]) => rate >= limit(hours))) return "bad";
  return rates.some(([, rate]) => rate > 1) ? "watch" : "good";
}
