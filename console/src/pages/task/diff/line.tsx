/** One line of a diff: numbers, sign, and its text in coloured runs. Text nodes only, and few of them: there are many lines. */
import type { JSX } from "preact";
import { number } from "../../../ui";
import { Written } from "../../../ui/task-text";
import { visible } from "../../../ui/task-visible";
import type { Tokens } from "./colour.worker";
import { MAX_COLUMNS, type Line } from "./model";
import { t } from "./texts";

const CSS: Record<Line["kind"], string> = { "+": "d-line d-add", "-": "d-line d-del", " ": "d-line", "@": "d-line d-hunk", "\\": "d-line d-note" };
const SIGN: Partial<Record<Line["kind"], string>> = { "+": "+", "-": "−" };

/** What is said before a line that was added or removed, to those who don't see its colour. */
export interface Spoken {
  added: string;
  deleted: string;
}

interface Props {
  line: Line | null;
  /** Its colours, when there are any. */
  tokens: Tokens | undefined;
  /** Which number is shown beside it; both in the unified layout. */
  side: "both" | "old" | "now";
  spoken: Spoken;
}

export function DiffLine({ line, tokens, side, spoken }: Props): JSX.Element {
  if (!line) return <div class="d-line d-none" />;
  const says = line.kind === "+" ? spoken.added : line.kind === "-" ? spoken.deleted : null;
  const [first, second] = side === "both" ? [line.old, line.now] : [side === "old" ? line.old : line.now, null];
  return (
    <div class={CSS[line.kind]}>
      <span class="d-nos" data-first={first || ""} data-second={second === null ? null : second || ""} aria-hidden="true" />
      <span class="d-text" data-sign={SIGN[line.kind] ?? ""}>
        {says !== null && <span class="sr-only">{says}</span>}
        {code(line, tokens ?? [])}
      </span>
    </div>
  );
}

type Part = JSX.Element | string;

function code(line: Line, tokens: Tokens): Part[] {
  const text = line.text.length > MAX_COLUMNS ? line.text.slice(0, MAX_COLUMNS) : line.text;
  const rest = line.text.length - text.length;
  const hides = visible(text) !== text;
  const parts = segments(text, line, tokens).map(({ part, css }, index): Part => {
    const inner = hides ? <Written key={index} text={part} /> : part;
    return css ? (
      <span key={index} class={css}>
        {inner}
      </span>
    ) : (
      inner
    );
  });
  if (rest === 0) return parts;
  return [...parts, <span class="d-cut"> {t("cut", { n: rest === 1 ? 1 : number(rest) })}</span>];
}

interface Segment {
  part: string;
  css: string;
}

/** The text cut where a colour or the changed middle begins or ends. */
function segments(text: string, line: Line, given: Tokens): Segment[] {
  const tokens = rest(given, text.length);
  const out: Segment[] = [];
  const [begin, end] = line.mark ?? [0, 0];
  const add = (from: number, to: number, css: string): void => {
    if (to > from) out.push({ part: text.slice(from, to), css });
  };
  for (const [from, to, css] of tokens) {
    const [a, b] = [Math.min(to, Math.max(from, begin)), Math.max(from, Math.min(to, end))];
    if (a >= b) add(from, to, css);
    else {
      add(from, a, css);
      add(a, b, css ? `${css} d-mark` : "d-mark");
      add(b, to, css);
    }
  }
  return out;
}

/** [from, to, class] over the whole text, whatever the worker left out. */
function rest(tokens: Tokens, length: number): [number, number, string][] {
  const out: [number, number, string][] = [];
  let at = 0;
  for (let i = 0; i < tokens.length && at < length; i += 2) {
    const end = Math.min(length, at + Number(tokens[i]));
    out.push([at, end, tokens[i + 1] ? `t-${tokens[i + 1]}` : ""]);
    at = end;
  }
  if (at < length) out.push([at, length, ""]);
  return out;
}
