/** Times that move: one clock for the whole page, which rests in a hidden tab. */
import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { ago, duration, moment } from "./format";

/** Milliseconds since 1970, renewed every second. */
export const now = signal(Date.now());

setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, 1000);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) now.value = Date.now();
});

/** "5 min. ago", with the exact time as a title. */
export function Time({ at }: { at: string }): JSX.Element {
  return (
    <time class="num" dateTime={at} title={moment(at)}>
      {ago(at, now.value)}
    </time>
  );
}

/** A duration that is known, or one that runs `since` a moment. */
export function Duration({ seconds, since }: { seconds?: number | null; since?: string | null }): JSX.Element {
  const running = seconds == null && since != null;
  const value = running ? Math.floor(Math.max(0, (now.value - Date.parse(since)) / 1000)) : (seconds ?? null);
  return <span class="num">{running && value !== null && value < 10 ? `${value} s` : duration(value)}</span>;
}
