/**
 * A value that is asked for again and again: at once, then every `every` ms; not while the tab is hidden; slower after
 * errors, as the server wishes. The last good value stays while errors last.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, type Tagged } from "./api";

export interface Polled<T> {
  readonly value: T | null;
  /** The last request's error; null when it went well. */
  readonly error: ApiError | null;
  /** Before the first answer. */
  readonly loading: boolean;
  /** Ask now. */
  readonly refresh: () => void;
}

export type Ask<T> = (before: Tagged<T> | null, signal: AbortSignal) => Promise<Tagged<T>>;

const LONGEST_WAIT_MS = 60_000;

/**
 * `subject` names what is asked for: when it changes, the old value is dropped and the new one asked for at once; null
 * asks for nothing. `every` null: once, and again on `refresh`.
 */
export function usePoll<T>(subject: string | null, ask: Ask<T>, every: number | null): Polled<T> {
  const [state, setState] = useState<{ subject: string | null; tagged: Tagged<T> | null; error: ApiError | null }>({
    subject,
    tagged: null,
    error: null,
  });
  const latest = useRef({ ask, every });
  latest.current = { ask, every };
  const poke = useRef<() => void>(() => undefined);

  useEffect(() => {
    if (subject === null) return;
    return poll<T>(latest, poke, (tagged, error) =>
      setState((old) =>
        old.subject === subject && old.tagged === tagged && old.error === error ? old : { subject, tagged, error },
      ),
    );
  }, [subject]);
  const paced = useRef(every);
  useEffect(() => {
    if (paced.current !== every) poke.current(); // from slow to fast: not after the slow wait
    paced.current = every;
  }, [every]);

  const fits = state.subject === subject;
  const value = fits ? (state.tagged?.value ?? null) : null;
  const error = fits ? state.error : null;
  return { value, error, loading: subject !== null && value === null && error === null, refresh: () => poke.current() };
}

interface Latest<T> {
  readonly current: { ask: Ask<T>; every: number | null };
}

/** Starts the loop; returns what ends it. */
function poll<T>(
  latest: Latest<T>,
  poke: { current: () => void },
  tell: (tagged: Tagged<T> | null, error: ApiError | null) => void,
): () => void {
  const abort = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let tagged: Tagged<T> | null = null;
  let failures = 0;
  let asking = false;
  let again = false;
  let due = false;

  const ask = async (): Promise<void> => {
    clearTimeout(timer);
    if (asking) {
      again = true;
      return;
    }
    if (document.hidden) {
      due = true;
      return;
    }
    asking = true;
    due = again = false;
    let error: ApiError | null = null;
    try {
      tagged = await latest.current.ask(tagged, abort.signal);
      failures = 0;
    } catch (caught) {
      if (!abort.signal.aborted) error = caught instanceof ApiError ? caught : new ApiError(0, String(caught), "");
      failures += 1;
    }
    asking = false;
    if (abort.signal.aborted) return;
    tell(tagged, error);
    if (again) void ask();
    else schedule(error);
  };
  const schedule = (error: ApiError | null): void => {
    const { every } = latest.current;
    if (error && !error.passing) return; // asking the same again brings the same answer
    if (error) timer = setTimeout(ask, wait(failures, every, error.retryAfter));
    else if (every !== null) timer = setTimeout(ask, every);
  };
  const shown = (): void => {
    if (!document.hidden && due) void ask();
  };

  poke.current = () => void ask();
  document.addEventListener("visibilitychange", shown);
  void ask();
  return () => {
    abort.abort();
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", shown);
    poke.current = () => undefined;
  };
}

/** Doubled with every failure, a little at random so that pages don't ask in step; never less than the server wants. */
export function wait(failures: number, every: number | null, retryAfterS: number | null, random = Math.random()): number {
  const grown = Math.min(LONGEST_WAIT_MS, Math.max(every ?? 0, 1000) * 2 ** Math.min(failures, 10));
  return Math.max(grown * (0.75 + random / 2), (retryAfterS ?? 0) * 1000);
}
