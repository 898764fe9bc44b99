/** Which rows are in view: a window of rows in a box as tall as all of them, as far as browsers allow such boxes. */
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { RefObject } from "preact";

export const ROW_PX = 20;
/** Firefox draws nothing taller than 17.9 million pixels. Beyond this the bar moves through the rows in larger steps. */
const MAX_PX = 16_000_000;
const SPARE = 12;

export interface Window {
  first: number;
  count: number;
  /** Where the first of them stands in the box. */
  top: number;
  /** The box. */
  height: number;
}

export function windowAt(rows: number, scrollTop: number, view: number): Window {
  const full = rows * ROW_PX;
  const height = Math.min(full, MAX_PX);
  const visible = Math.ceil(view / ROW_PX) + 1;
  const place = full > MAX_PX ? (scrollTop / Math.max(1, height - view)) * (full - view) : scrollTop;
  const first = Math.max(0, Math.min(Math.floor(place / ROW_PX), rows) - SPARE);
  const top = scrollTop - (place - first * ROW_PX);
  return { first, count: Math.min(rows - first, visible + 2 * SPARE), top, height };
}

/** The scroll position that shows `row` at the top. */
export function topOf(row: number, rows: number, view: number): number {
  const full = rows * ROW_PX;
  if (full <= MAX_PX) return row * ROW_PX;
  return ((row * ROW_PX) / Math.max(1, full - view)) * (MAX_PX - view);
}

export interface Scroll extends Window {
  /** First row that is really seen, and how many fit. */
  seen: number;
  fits: number;
  atEnd: boolean;
  to: (row: number) => void;
  toEnd: () => void;
  onScroll: () => void;
}

/** `followed(up)`: the user scrolled, up or to the very end. */
export function useScroll(box: RefObject<HTMLElement | null>, rows: number, followed: (on: boolean) => void): Scroll {
  const [place, setPlace] = useState({ top: 0, view: 400 });
  const last = useRef(0);
  const frame = useRef(0);
  const look = (): void => {
    const element = box.current;
    if (!element) return;
    frame.current = 0;
    setPlace((old) =>
      old.top === element.scrollTop && old.view === element.clientHeight
        ? old
        : { top: element.scrollTop, view: element.clientHeight },
    );
  };
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const observer = new ResizeObserver(look);
    observer.observe(element);
    look();
    return () => {
      observer.disconnect();
      cancelAnimationFrame(frame.current);
    };
  }, []);
  const onScroll = (): void => {
    const element = box.current;
    if (!element) return;
    const end = element.scrollHeight - element.clientHeight - element.scrollTop < ROW_PX;
    if (element.scrollTop < last.current - 1 && !end) followed(false);
    else if (end) followed(true);
    last.current = element.scrollTop;
    if (!frame.current) frame.current = requestAnimationFrame(look);
  };
  const scrollTo = (top: number): void => {
    if (box.current) box.current.scrollTop = top;
    look();
  };
  const window = windowAt(rows, place.top, place.view);
  const seen = Math.min(rows, window.first + Math.round((place.top - window.top) / ROW_PX));
  return {
    ...window,
    seen,
    fits: Math.floor(place.view / ROW_PX),
    atEnd: place.top + place.view >= window.height - ROW_PX,
    to: (row) => scrollTo(topOf(row, rows, place.view)),
    toEnd: () => scrollTo(MAX_PX * 2),
    onScroll,
  };
}
