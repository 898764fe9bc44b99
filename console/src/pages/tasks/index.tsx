/**
 * The list of tasks: one page of it, asked for every two seconds and drawn again only where a task has changed.
 * Filters and the place in the list are in the address.
 */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { api, type TaskFilter, type TaskPage } from "../../api";
import { useKeys } from "../../keys";
import { usePoll } from "../../poll";
import { href, route } from "../../router";
import { useTitle } from "../../title";
import { Empty, LinkButton, Loading, Notice, sentence } from "../../ui";
import { FILTERS } from "./filter";
import { Filters } from "./filters";
import { Pager, usePages } from "./pager";
import { Rows } from "./rows";
import "./tasks.css";
import { t } from "./texts";

const EVERY_MS = 2000;
const PAGE = 50;

export function TasksPage(): JSX.Element {
  const { query } = route.value;
  const filter: TaskFilter = { limit: PAGE };
  for (const name of [...FILTERS, "cursor"] as const) filter[name] = query.get(name) ?? undefined;
  const filtered = FILTERS.some((name) => filter[name]);
  const subject = JSON.stringify(filter);
  const { value, error } = usePoll<TaskPage>(subject, (before, signal) => api.tasks(filter, before, signal), EVERY_MS);
  const kept = useRef(value);
  if (value) kept.current = value; // while the next page is on its way, this one stays, a little pale
  const shown = value ?? kept.current;
  const pages = usePages(filter.cursor ?? null, value?.next_cursor ?? null);
  const list = useRef<HTMLDivElement>(null);
  useTitle(t("title"));
  useListKeys(list.current, pages.older, pages.newer);
  useEffect(() => scrollTo(0, 0), [filter.cursor]);

  return (
    <>
      <div class="page-head">
        <h1>{t("title")}</h1>
        <p class={error ? "live live-off" : "live"}>
          <span class="live-dot" aria-hidden="true" />
          {!error && t("live")} {shown && `· ${t("range", { n: shown.tasks.length })}`}
          {(pages.number > 1 || pages.older) && pages.number > 0 && `, ${t("page", { page: pages.number })}`}
        </p>
        <LinkButton kind="primary" icon="plus" href={href("new")}>
          {t("newTask")}
        </LinkButton>
      </div>
      <Filters filter={filter} filtered={filtered} />
      {error && <Notice kind="warn">{error.passing ? t("stale", { error: sentence(error) }) : sentence(error)}</Notice>}
      <div ref={list} class={value ? "tasks" : "tasks tasks-waiting"}>
        {shown && shown.tasks.length > 0 && <Rows tasks={shown.tasks} />}
        {!shown && !error && <Loading />}
        {shown?.tasks.length === 0 && <Nothing filtered={filtered} older={Boolean(filter.cursor)} />}
      </div>
      <Pager pages={pages} />
    </>
  );
}

function Nothing({ filtered, older }: { filtered: boolean; older: boolean }): JSX.Element {
  if (older) return <Empty icon="box" title={t("noneOlder")} />;
  if (filtered) {
    return (
      <Empty icon="filter" title={t("noneFits")}>
        <p>{t("noneFitsBody")}</p>
      </Empty>
    );
  }
  return (
    <Empty icon="box" title={t("none")}>
      <p>{t("noneBody")}</p>
      <LinkButton kind="primary" icon="plus" href={href("new")}>
        {t("newTask")}
      </LinkButton>
    </Empty>
  );
}

/** The rows' own links take the focus, so that Enter opens and a screen reader follows. */
function useListKeys(list: HTMLElement | null, older: (() => void) | null, newer: (() => void) | null): void {
  const move = (step: 1 | -1): void => {
    const links = [...(list?.querySelectorAll<HTMLElement>("a.row-link") ?? [])];
    const at = links.findIndex((link) => link === document.activeElement);
    const next = links[at === -1 ? 0 : Math.min(links.length - 1, Math.max(0, at + step))];
    next?.focus({ preventScroll: true });
    next?.closest("tr")?.scrollIntoView({ block: "nearest" });
  };
  useKeys(t("title"), [
    { keys: ["j"], does: t("nextRow"), run: () => move(1) },
    { keys: ["k"], does: t("previousRow"), run: () => move(-1) },
    { keys: ["Enter"], does: t("open") },
    { keys: ["/"], does: t("find"), run: () => document.getElementById("tasks-search")?.focus() },
    { keys: ["]"], does: t("nextPage"), run: () => older?.() },
    { keys: ["["], does: t("previousPage"), run: () => newer?.() },
  ]);
}
