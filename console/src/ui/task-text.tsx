/** Text that an agent or a user wrote: a text node, with marks for what would hide or reorder it. */
import type { JSX } from "preact";
import { pieces, visible } from "./task-visible";
import "./task-text.css";

export function Written({ text }: { text: string }): JSX.Element {
  const shown = visible(text);
  if (shown === text) return <>{text}</>;
  return <>{pieces(shown).map(({ text: part, mark }, index) => (mark ? <Mark key={index} text={part} /> : part))}</>;
}

export function Mark({ text }: { text: string }): JSX.Element {
  return <span class="unseen">{text}</span>;
}
