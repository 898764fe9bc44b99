/** What the numbers of /v1/ops mean: well, to be watched, or trouble. The same limits as the alarms'. Pure. */
import type { Ops } from "../../api";

export type Health = "good" | "watch" | "bad";

const level = (value: number, watch: number, bad: number): Health => (value >= bad ? "bad" : value >= watch ? "watch" : "good");

/** Seconds that the oldest queued task waits. */
export const queueHealth = ({ queue }: Ops): Health => level(queue.oldest_s ?? 0, 120, 600);

/** The sweep runs every minute. */
export const sweepHealth = ({ sweep }: Ops): Health => (sweep.lag_s === null ? "watch" : level(sweep.lag_s, 150, 300));

/** Null: too few tasks ended to judge. */
export function successHealth(ops: Ops): Health | null {
  const { completed, failed } = ended(ops);
  return ops.success_rate === null || completed + failed < ENOUGH ? null : level(1 - ops.success_rate, 0.1, 0.3);
}

const ENOUGH = 5;

export interface Ended {
  completed: number;
  failed: number;
  cancelled: number;
}

export function ended({ throughput }: Ops): Ended {
  const sum = { completed: 0, failed: 0, cancelled: 0 };
  for (const point of throughput) {
    sum.completed += point.completed;
    sum.failed += point.failed;
    sum.cancelled += point.cancelled;
  }
  return sum;
}

/** Largest first. */
export function ranked(counts: Readonly<Record<string, number>>): [string, number][] {
  return Object.entries(counts).sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
}

export function seconds(value: number): string {
  if (value >= 3600) return `${trim(value / 3600)} h`;
  if (value >= 120) return `${trim(value / 60)} m`;
  return `${trim(value)} s`;
}

const trim = (value: number): string => (value >= 10 ? value.toFixed(0) : value.toFixed(value < 1 ? 2 : 1)).replace(/\.0+$/, "");
