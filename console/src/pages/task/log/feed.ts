/**
 * The log's bytes from the server into LogText: piece by piece by offset while the task runs, in one stream from the
 * bucket when it has ended and the log is large. Rests in a hidden tab; a new attempt needs a new feed.
 */
import { signal } from "@preact/signals";
import { api, ApiError, type LogPart, type Task } from "../../../api";
import { wait } from "../../../poll";
import { LogText } from "./text";

/** What is kept in the page; the rest of a larger log is in the download. */
export const MAX_BYTES = 80 << 20;
const LIVE_MS = 1000;
/** The server gives at most 900 KiB: after a piece as large as this there is probably more. */
const FULL_PIECE = 512 << 10;
const STREAM_FROM = 4 << 20;
const SLICE_MS = 12;

export type FeedState = "loading" | "live" | "complete" | "full" | "failed";

const pause = (ms = 0): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export class LogFeed {
  readonly text = signal(new LogText());
  /** Counts what was appended: read it to be drawn again. */
  readonly version = signal(0);
  readonly state = signal<FeedState>("loading");
  readonly error = signal<ApiError | null>(null);
  #abort = new AbortController();
  #encoder = new TextEncoder();
  #wrapping = 0;

  /** `task` as it was when the log was opened. */
  start(task: Task): void {
    void this.#run(task);
  }

  stop(): void {
    this.#abort.abort();
  }

  /** Cut anew at another width, in slices; the old cut stays until the new one is ready. */
  async rewrap(columns: number): Promise<void> {
    const mine = ++this.#wrapping;
    const next = new LogText(columns);
    let until = performance.now() + SLICE_MS;
    for (let i = 0; i < this.text.peek().chunks.length; i++) {
      next.append(this.text.peek().chunks[i]!);
      if (performance.now() < until) continue;
      await pause();
      if (mine !== this.#wrapping || this.#abort.signal.aborted) return;
      until = performance.now() + SLICE_MS;
    }
    this.text.value = next;
  }

  async #run(task: Task): Promise<void> {
    const { signal } = this.#abort;
    let offset = await this.#stream(task);
    for (let failures = 0; !signal.aborted && this.state.peek() !== "full"; ) {
      await shown(signal);
      try {
        const part = await api.log(task.id, offset, signal);
        failures = 0;
        this.error.value = null;
        if (this.#take(part, offset)) return;
        await pause(part.next - offset >= FULL_PIECE ? 0 : LIVE_MS);
        offset = part.next;
      } catch (caught) {
        if (signal.aborted) return;
        this.error.value = caught instanceof ApiError ? caught : new ApiError(0, String(caught), "");
        if (!this.error.value.passing) return void (this.state.value = "failed");
        await pause(wait(++failures, LIVE_MS, this.error.value.retryAfter));
      }
    }
  }

  /** True when nothing comes after it. */
  #take(part: LogPart, offset: number): boolean {
    this.#append(this.#encoder.encode(part.text));
    if (part.complete) this.state.value = "complete";
    else if (this.state.peek() !== "full" && part.next - offset < FULL_PIECE) this.state.value = "live";
    return part.complete;
  }

  #append(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const text = this.text.peek();
    const room = MAX_BYTES - text.size;
    text.append(bytes.length > room ? bytes.subarray(0, room) : bytes);
    this.version.value += 1;
    if (bytes.length >= room) this.state.value = "full";
  }

  /** A large log of an ended task straight from the bucket. The offset to go on from: whatever fails, the API is asked. */
  async #stream(task: Task): Promise<number> {
    const { signal } = this.#abort;
    const stored = task.artifacts.find((artifact) => artifact.name === "agent.log");
    if (task.finished_at === null || !stored || stored.size < STREAM_FROM) return 0;
    let got = 0;
    try {
      const url = await api.artifactUrl(task.id, stored.name, signal);
      const response = await fetch(url, { signal, credentials: "omit", referrerPolicy: "no-referrer", cache: "no-store" });
      if (!response.ok || !response.body) return 0;
      const reader = response.body.getReader();
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        this.#append(part.value);
        got += part.value.length;
        if (this.state.peek() === "full") {
          await reader.cancel();
          break;
        }
      }
    } catch {
      // The API has the same bytes: it goes on at the offset that was reached.
    }
    return got;
  }
}

/** At once in a tab that is seen, else when it is seen again. */
function shown(signal: AbortSignal): Promise<void> {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => {
    const check = (): void => {
      if (document.hidden && !signal.aborted) return;
      document.removeEventListener("visibilitychange", check);
      signal.removeEventListener("abort", check);
      resolve();
    };
    document.addEventListener("visibilitychange", check);
    signal.addEventListener("abort", check);
  });
}
