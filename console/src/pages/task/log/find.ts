/** The search while the log is shown: looks through it in slices, goes on as it grows, starts anew when it is cut anew. */
import { useEffect, useRef, useState } from "preact/hooks";
import { Search } from "./search";
import type { LogText } from "./text";

const SLICE_MS = 10;
const TELL_MS = 120;

export interface Found {
  search: Search | null;
  /** Matches so far; more may come while `busy`. */
  count: number;
  busy: boolean;
}

export function useFind(text: LogText, version: number, query: string): Found {
  const [found, setFound] = useState<Found>({ search: null, count: 0, busy: false });
  const search = useRef<Search | null>(null);
  const of = useRef(text);
  useEffect(() => {
    if (query === "") {
      search.current = null;
      setFound({ search: null, count: 0, busy: false });
      return;
    }
    if (!search.current || search.current.query !== query.toLowerCase() || of.current !== text) {
      search.current = new Search(text, query);
      of.current = text;
    }
    const mine = search.current;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let told = performance.now();
    const look = (): void => {
      const done = mine.step(SLICE_MS);
      if (done || performance.now() - told > TELL_MS) {
        told = performance.now();
        setFound({ search: mine, count: mine.count, busy: !done });
      }
      if (!done) timer = setTimeout(look);
    };
    timer = setTimeout(look, 60);
    return () => clearTimeout(timer);
  }, [text, version, query]);
  return found;
}
