/** The rows. A row is drawn again when its task's version changes; its clock runs by itself. */
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import type { Task } from "../../api";
import { language } from "../../i18n";
import { href } from "../../router";
import { Badge, Duration, Icon, Time } from "../../ui";
import { Written } from "../../ui/task-text";
import { excerpt, origin, usage } from "./row";
import { t } from "./texts";

export function Rows({ tasks }: { tasks: readonly Task[] }): JSX.Element {
  // The roles are said again because narrow screens lay the table out as cards, and browsers then forget them.
  return (
    <table class="rows" role="table" aria-label={t("title")}>
      <thead role="rowgroup">
        <tr role="row">
          {[t("state"), t("task"), t("by"), t("usage"), t("age"), t("time")].map((title) => (
            <th key={title} role="columnheader" scope="col">
              {title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {tasks.map((task) => (
          <Row key={task.id} task={task} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ task }: { task: Task }): JSX.Element {
  const drawn = language.value;
  return useMemo(() => draw(task), [task.id, task.version, task.updated_at, drawn]);
}

function draw(task: Task): JSX.Element {
  const { icon, text } = origin(task);
  const used = usage(task);
  return (
    <tr role="row" class="row">
      <td role="cell" class="row-state">
        <Badge status={task.status} phase={task.phase} reason={task.reason} />
      </td>
      <td role="cell" class="row-task">
        <a class="row-link" href={href("tasks", task.id)}>
          <Written text={excerpt(task.prompt)} />
        </a>
        <p class="row-origin">
          <span class="row-source" title={text}>
            <Icon name={icon} size={14} />
            <span>{text ? <Written text={text} /> : t("zip")}</span>
          </span>
          {task.attempt > 1 && <span class="row-extra">{t("attempt", { n: task.attempt })}</span>}
          {task.retry_of && <span class="row-extra">{t("retryOf")}</span>}
          {Object.entries(task.labels).map(([label, value]) => (
            <span key={label} class="row-label" title={`${label}=${value}`}>
              {label}=<Written text={value} />
            </span>
          ))}
        </p>
      </td>
      <td role="cell" class="row-agent">
        <span>{task.agent}</span>
        {task.model && <span class="row-model" title={task.model}><Written text={task.model} /></span>}
      </td>
      <td role="cell" class="row-usage num">
        {used.cost ?? (used.tokens ? t("tokens", { n: used.tokens }) : used.calls ? t("calls", { n: used.calls }) : "")}
        {used.patch && (
          <span class="row-patch">
            <ins>+{used.patch.insertions}</ins> <del>−{used.patch.deletions}</del>
          </span>
        )}
      </td>
      <td role="cell" class="row-age">
        <Time at={task.created_at} />
      </td>
      <td role="cell" class="row-time">
        {task.finished_at ? <Duration seconds={task.duration_s} /> : <Duration since={task.created_at} />}
      </td>
    </tr>
  );
}
