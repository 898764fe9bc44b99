/** One task: its state and what can be done, timeline, changes, log, and everything else that is known of it. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { api, type Tagged, type Task, type Timeline } from "../../api";
import { useKeys } from "../../keys";
import { Lazy } from "../../lazy";
import { usePoll } from "../../poll";
import { href, route, setQuery } from "../../router";
import { useTitle } from "../../title";
import { Badge, Duration, Empty, Icon, LinkButton, Loading, Notice, number, panel, sentence, Tabs, Time } from "../../ui";
import { Written } from "../../ui/task-text";
import { visible } from "../../ui/task-visible";
import { Actions } from "./actions";
import { Facts } from "./facts";
import { LogView } from "./log";
import { Artifacts, Attempts, Failure, Prompt, Summary } from "./parts";
import { t } from "./texts";
import { TimelineCard } from "./timeline";
import "./task.css";

const RUNNING_MS = 1000;
const diff = () => import("./diff");

export default function TaskPage({ id }: { id: string }): JSX.Element {
  const [ended, setEnded] = useState(false);
  const asked = usePoll<Task>(id, (before, signal) => api.task(id, before, signal), ended ? null : RUNNING_MS);
  const task = asked.value;
  useEffect(() => setEnded(task !== null && task.finished_at !== null), [task]);
  useTitle(task ? heading(task) : t("task"));
  if (!task) return asked.error ? <Missing error={asked.error} /> : <Loading />;
  return (
    <article class="task">
      <Head task={task} onChange={asked.refresh} />
      {asked.error && <Notice kind="warn">{t("stale", { error: sentence(asked.error) })}</Notice>}
      <Failure task={task} />
      <div class="task-cards">
        <div class="task-left">
          <LiveTimeline task={task} />
          <Summary task={task} />
        </div>
        <Facts task={task} />
      </div>
      <Parts task={task} />
    </article>
  );
}

function Missing({ error }: { error: { status: number } }): JSX.Element {
  if (error.status !== 404) return <Notice kind="error">{sentence(error)}</Notice>;
  return (
    <Empty icon="box" title={t("notFound")}>
      <p>{t("notFoundBody")}</p>
      <LinkButton href={href("tasks")}>{t("back")}</LinkButton>
    </Empty>
  );
}

function Head({ task, onChange }: { task: Task; onChange: () => void }): JSX.Element {
  return (
    <header class="task-head">
      <a class="task-back" href={href("tasks")}>
        <Icon name="arrowLeft" size={16} /> {t("back")}
      </a>
      <div class="task-top">
        <h1 class="task-title" title={visible(heading(task))}>
          <Written text={heading(task)} />
        </h1>
        <Actions task={task} onChange={onChange} />
      </div>
      <p class="task-meta">
        <span role="status">
          <Badge status={task.status} phase={task.phase} reason={task.reason} />
        </span>
        <span>
          <Written text={task.model ? `${task.agent} · ${task.model}` : task.agent} />
        </span>
        <Time at={task.created_at} />
        <Duration seconds={task.duration_s} since={task.finished_at ? null : task.created_at} />
        {task.attempt > 1 && <span>{t("attempt", { n: task.attempt })}</span>}
        {task.retry_of && <a href={href("tasks", task.retry_of)}>{t("retryOf", { id: `…${task.retry_of.slice(-6)}` })}</a>}
      </p>
    </header>
  );
}

/** The first line of the prompt. */
function heading(task: Task): string {
  const line = task.prompt.split("\n").find((each) => each.trim() !== "") ?? "";
  return line.trim().slice(0, 200) || t("untitled");
}

function LiveTimeline({ task }: { task: Task }): JSX.Element {
  const asked = usePoll(
    task.id,
    (before: Tagged<Timeline> | null, signal) => api.timeline(task.id, before, signal),
    task.finished_at ? null : 2 * RUNNING_MS,
  );
  const shown = useRef(task.version);
  useEffect(() => {
    if (shown.current !== task.version) asked.refresh();
    shown.current = task.version;
  }, [task.version]);
  return <TimelineCard timeline={asked.value ?? (asked.error ? { task_id: task.id, trace_id: "", spans: [] } : null)} />;
}

const TABS = ["changes", "log", "prompt", "artifacts", "attempts"] as const;
type Tab = (typeof TABS)[number];
const KEYS: Record<Tab, string> = { changes: "d", log: "l", prompt: "p", artifacts: "a", attempts: "e" };

function Parts({ task }: { task: Task }): JSX.Element {
  // What one would want to see first, decided once: nothing moves away while somebody reads.
  const first = useRef<Tab>(task.status === "COMPLETED" && task.patch?.files ? "changes" : "log");
  const chosen = TABS.find((tab) => tab === route.value.query.get("tab")) ?? first.current;
  const choose = (tab: string): void => setQuery({ tab: tab === first.current ? null : tab });
  useKeys(
    t("tabs"),
    TABS.map((tab) => ({ keys: [KEYS[tab]], does: t(tab), run: () => choose(tab) })),
  );
  return (
    <section class="task-parts">
      <Tabs
        label={t("tabs")}
        name="task"
        tabs={TABS.map((id) => ({ id, title: t(id), extra: extra(task, id) }))}
        chosen={chosen}
        onChoose={choose}
      />
      <div class="task-panel" {...panel("task", chosen)}>
        {chosen === "changes" && <Lazy load={diff} props={{ task }} />}
        {chosen === "log" && <LogView task={task} />}
        {chosen === "prompt" && <Prompt task={task} />}
        {chosen === "artifacts" && <Artifacts task={task} />}
        {chosen === "attempts" && <Attempts task={task} />}
      </div>
    </section>
  );
}

function extra(task: Task, tab: Tab): JSX.Element | null {
  if (tab === "changes" && task.patch?.files) {
    return (
      <span class="tab-extra num">
        <span class="d-plus">+{number(task.patch.insertions)}</span> <span class="d-minus">−{number(task.patch.deletions)}</span>
      </span>
    );
  }
  const count = tab === "artifacts" ? task.artifacts.length : tab === "attempts" ? task.attempt : 0;
  return count > 1 || (tab === "artifacts" && count > 0) ? <span class="tab-extra num">{count}</span> : null;
}
