/** Icons as inline SVG, 24 by 24, drawn with the colour of the text. They say nothing by themselves: name the control. */
import type { JSX } from "preact";

const PATHS = {
  alert: "M12 9v4m0 4h.01M10.3 3.9 2.6 17.2A2 2 0 0 0 4.3 20.2h15.4a2 2 0 0 0 1.7-3L13.7 3.9a2 2 0 0 0-3.4 0Z",
  arrowLeft: "M19 12H5m6 6-6-6 6-6",
  arrowRight: "M5 12h14m-6-6 6 6-6 6",
  box: "M21 8 12 3 3 8v8l9 5 9-5V8ZM3 8l9 5 9-5m-9 5v8",
  check: "m5 12.5 4.5 4.5L19 7.5",
  chevronDown: "m6 9 6 6 6-6",
  chevronRight: "m9 6 6 6-6 6",
  clock: "M12 7v5l3.5 2M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0Z",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  cross: "M6 6l12 12M18 6 6 18",
  diff: "M12 4v8m-4-4h8M8 19h8M4 2h16v20H4z",
  download: "M12 4v11m-5-4.5 5 5 5-5M5 20h14",
  external: "M14 4h6v6m0-6-9 9M18 14v6H4V6h6",
  file: "M14 3H6v18h12V7l-4-4Zm0 0v4h4",
  filter: "M3 5h18l-7 8v6l-4 2v-8L3 5Z",
  folder: "M3 6h6l2 2.5h10V19H3V6Z",
  git: "M6 4v12m0 0a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5Zm12-7a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5Zm0 0c0 4-4 5-9.5 6.5",
  globe: "M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0ZM3.5 9h17m-17 6h17M12 3c-5 5.5-5 12.5 0 18 5-5.5 5-12.5 0-18Z",
  key: "M15 9.5h.01M9.8 12.2 3 19v2h3l1-1v-2h2v-2h2l1.2-1.2A6 6 0 1 0 9.8 12.2Z",
  keyboard: "M3 6h18v12H3zM7 10h.01M11 10h.01M15 10h.01M7 14h10m1-4h.01",
  list: "M8 6h12M8 12h12M8 18h12M4 6h.01M4 12h.01M4 18h.01",
  menu: "M4 7h16M4 12h16M4 17h16",
  moon: "M20 14.5A8 8 0 0 1 9.5 4a8 8 0 1 0 10.5 10.5Z",
  play: "M8 5v14l11-7L8 5Z",
  plus: "M12 5v14m-7-7h14",
  pulse: "M3 12h4l3-8 4 16 3-8h4",
  refresh: "M20 5v5h-5M4 19v-5h5M5.5 9A7.5 7.5 0 0 1 19 8l1 2M4 14l1 2a7.5 7.5 0 0 0 13.5-1",
  search: "m20 20-4.5-4.5M17 10.5a6.5 6.5 0 1 1-13 0 6.5 6.5 0 0 1 13 0Z",
  signOut: "M14 4H5v16h9m-4-8h11m-4-4 4 4-4 4",
  stop: "M7 7h10v10H7z",
  sun: "M12 3v2m0 14v2M5.6 5.6 7 7m10 10 1.4 1.4M3 12h2m14 0h2M5.6 18.4 7 17M17 7l1.4-1.4M16 12a4 4 0 1 1-8 0 4 4 0 0 1 8 0Z",
  terminal: "m5 7 5 5-5 5m7 0h7",
  upload: "M12 20V9m-5 4.5 5-5 5 5M5 4h14",
  auto: "M12 3a9 9 0 1 0 0 18V3Zm0 0a9 9 0 0 1 0 18",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 18 }: { name: IconName; size?: number }): JSX.Element {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}

/** A patch with its stitches, turning like a mill's wheel. */
export function Logo({ size = 28 }: { size?: number }): JSX.Element {
  return (
    <svg class="logo" width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect class="logo-back" x="5" y="5" width="22" height="22" rx="5" transform="rotate(45 16 16)" />
      <rect class="logo-front" x="5" y="5" width="22" height="22" rx="5" />
      {size >= 40 && <rect class="logo-stitch" x="8" y="8" width="16" height="16" rx="2.5" />}
      <path class="logo-mark" d="m12.5 13 3 3-3 3m4.5 0h3.5" />
    </svg>
  );
}
