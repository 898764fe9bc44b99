/** From page to page by the server's cursors. They lead only to older tasks, so the way here is remembered. */
import type { JSX } from "preact";
import { go, route } from "../../router";
import { Button } from "../../ui";
import { t } from "./texts";

export interface Pages {
  /** From 1; 0 where we came by an address from elsewhere. */
  number: number;
  newest: (() => void) | null;
  newer: (() => void) | null;
  older: (() => void) | null;
}

/** cursor → the cursor before it ("" is the first page); kept as long as the page. */
const before = new Map<string, string>();

export function usePages(cursor: string | null, next: string | null): Pages {
  if (next !== null) before.set(next, cursor ?? "");
  const to = (target: string | null) => () =>
    go("tasks", null, { ...Object.fromEntries(route.peek().query), cursor: target });
  const previous = cursor === null ? undefined : before.get(cursor);
  return {
    number: depth(cursor),
    newest: cursor === null ? null : to(null),
    newer: previous === undefined ? null : to(previous),
    older: next === null ? null : to(next),
  };
}

function depth(cursor: string | null): number {
  let [at, pages] = [cursor ?? "", 1];
  while (at !== "") {
    const previous = before.get(at);
    if (previous === undefined) return 0;
    [at, pages] = [previous, pages + 1];
  }
  return pages;
}

export function Pager({ pages }: { pages: Pages }): JSX.Element | null {
  if (!pages.newest && !pages.older) return null;
  return (
    <nav class="pager" aria-label={t("pages")}>
      <Button onClick={() => pages.newest?.()} disabled={!pages.newest}>
        {t("newest")}
      </Button>
      <Button icon="arrowLeft" onClick={() => pages.newer?.()} disabled={!pages.newer}>
        {t("newer")}
      </Button>
      <Button icon="arrowRight" onClick={() => pages.older?.()} disabled={!pages.older}>
        {t("older")}
      </Button>
    </nav>
  );
}
