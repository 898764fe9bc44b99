/**
 * Whether an element is in view or nearly so: what is far away is not in the page. One observer for all of them; what
 * comes near is told a few at a time, frame by frame, and what has gone by meanwhile is not told at all.
 */
import type { RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";

const MARGIN = "900px 0px";
const A_FRAME = 2;

const told = new WeakMap<Element, (near: boolean) => void>();
const coming = new Set<Element>();
let observer: IntersectionObserver | null = null;
let frame = 0;

function shared(): IntersectionObserver {
  observer ??= new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        if (isIntersecting) coming.add(target);
        else if (!coming.delete(target)) told.get(target)?.(false);
      }
      frame ||= requestAnimationFrame(tell);
    },
    { rootMargin: MARGIN },
  );
  return observer;
}

function tell(): void {
  frame = 0;
  let left = A_FRAME;
  // The newest first: that is where one is looking now.
  for (const target of [...coming].reverse()) {
    if (left-- === 0) break;
    coming.delete(target);
    told.get(target)?.(true);
  }
  if (coming.size > 0) frame = requestAnimationFrame(tell);
}

export function useNear(ref: RefObject<Element | null>): boolean {
  const [near, setNear] = useState(false);
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    told.set(element, setNear);
    shared().observe(element);
    return () => {
      shared().unobserve(element);
      told.delete(element);
      coming.delete(element);
    };
  }, []);
  return near;
}
