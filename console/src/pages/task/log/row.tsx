/** One row of the log: styled runs, with the search's hits marked in them. Text nodes only. */
import type { JSX } from "preact";
import { memo } from "../../../ui/task-memo";
import { pieces } from "../../../ui/task-visible";
import { Mark } from "../../../ui/task-text";
import { classes, runs, type Run } from "./ansi";
import type { Hit } from "./search";
import type { Row } from "./text";

interface Props {
  row: Row;
  hits: readonly Hit[];
  /** The number of the match that was jumped to. */
  current: number;
}

export const LogRow = memo(function LogRow({ row, hits, current }: Props): JSX.Element {
  const parts = runs(row.text, row.style);
  return (
    <div class={row.continued ? "log-row log-more" : "log-row"}>
      <span class="log-no" data-no={row.continued ? "" : row.line} aria-hidden="true" />
      <span class="log-text">{hits.length > 0 ? <Found parts={parts} hits={hits} current={current} /> : parts.map(part)}</span>
    </div>
  );
}, sameRow);

function part(run: Run, index: number): JSX.Element {
  const css = classes(run.style);
  return css ? (
    <span key={index} class={css}>
      <Marked text={run.text} />
    </span>
  ) : (
    <Marked key={index} text={run.text} />
  );
}

function Marked({ text }: { text: string }): JSX.Element {
  if (!text.includes("⟨")) return <>{text}</>;
  return <>{pieces(text).map((piece, index) => (piece.mark ? <Mark key={index} text={piece.text} /> : piece.text))}</>;
}

/** The runs, divided where hits begin and end. */
function Found({ parts, hits, current }: { parts: Run[]; hits: readonly Hit[]; current: number }): JSX.Element {
  const out: JSX.Element[] = [];
  let at = 0;
  for (const run of parts) {
    const end = at + run.text.length;
    let from = at;
    for (const hit of hits) {
      if (hit.to <= from || hit.from >= end) continue;
      const [a, b] = [Math.max(from, hit.from), Math.min(end, hit.to)];
      if (a > from) out.push(part({ text: run.text.slice(from - at, a - at), style: run.style }, out.length));
      out.push(
        <mark key={out.length} class={hit.match === current ? "hit hit-now" : "hit"}>
          {run.text.slice(a - at, b - at)}
        </mark>,
      );
      from = b;
    }
    if (from < end) out.push(part({ text: run.text.slice(from - at), style: run.style }, out.length));
    at = end;
  }
  return <>{out}</>;
}

function sameRow(a: Props, b: Props): boolean {
  const same = a.row.text === b.row.text && a.row.line === b.row.line && a.row.style === b.row.style;
  return same && a.row.continued === b.row.continued && a.hits.length === 0 && b.hits.length === 0;
}
