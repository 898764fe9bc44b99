/** The facts of a task: where from, with what, how much. */
import type { ComponentChildren, JSX } from "preact";
import type { Source, Task } from "../../api";
import { CopyButton, duration, number, Time } from "../../ui";
import { Written } from "../../ui/task-text";
import { t } from "./texts";

export function Facts({ task }: { task: Task }): JSX.Element {
  const { usage, limits } = task;
  return (
    <section class="card" aria-labelledby="facts-title">
      <header class="card-head">
        <h2 id="facts-title">{t("details")}</h2>
      </header>
      <dl class="facts">
        <Fact name={t("source")}>
          <SourceText source={task.source} drop={task.drop} />
        </Fact>
        <Fact name={t("agentKind")}>
          <Written text={task.agent} />
        </Fact>
        {task.model && (
          <Fact name={t("model")}>
            <Written text={task.model} /> {task.scripted && <span class="muted">({t("scripted")})</span>}
          </Fact>
        )}
        <Fact name={t("limits")}>
          {duration(limits.timeout_s)}
          {task.agent !== "command" && `, ${t("steps", { n: limits.max_steps })}`}
        </Fact>
        {usage && used(usage) && <Fact name={t("usage")}>{used(usage)}</Fact>}
        {task.exit_code !== null && <Fact name={t("exitCode")}>{task.exit_code}</Fact>}
        <Fact name={t("created")}>
          <Time at={task.created_at} />
        </Fact>
        {task.finished_at && (
          <Fact name={t("finished")}>
            <Time at={task.finished_at} />
          </Fact>
        )}
        <Fact name={t("task")}>
          <Id id={task.id} />
        </Fact>
        {task.trace_id && (
          <Fact name={t("trace")}>
            <Id id={task.trace_id} />
          </Fact>
        )}
        {Object.keys(task.labels).length > 0 && (
          <Fact name={t("labels")}>
            <span class="labels">
              {Object.entries(task.labels).map(([name, value]) => (
                <span key={name} class="label">
                  <span class="muted">
                    <Written text={name} />
                  </span>{" "}
                  <Written text={value} />
                </span>
              ))}
            </span>
          </Fact>
        )}
      </dl>
    </section>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }): JSX.Element {
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Id({ id }: { id: string }): JSX.Element {
  return (
    <span class="id">
      <code>{id}</code>
      <CopyButton text={id} label={t("copyId")} />
    </span>
  );
}

/** Never a link: the address was written by whoever made the task. */
export function SourceText({ source, drop }: { source: Source; drop: string | null }): JSX.Element {
  if (source.kind === "git") {
    return (
      <span class="source">
        <Written text={source.url} />
        {source.ref && (
          <span class="source-ref">
            <Written text={source.ref} />
          </span>
        )}
      </span>
    );
  }
  return <>{drop ? <Written text={t("dropped", { name: drop })} /> : t("uploaded")}</>;
}

function used(usage: NonNullable<Task["usage"]>): string {
  const out: string[] = [];
  const calls = usage.model_calls;
  if (calls) out.push(t("calls", { n: calls, count: number(calls) }));
  if (usage.input_tokens || usage.output_tokens) {
    out.push(t("tokens", { in: number(usage.input_tokens ?? 0), out: number(usage.output_tokens ?? 0) }));
  }
  return out.join(", ");
}
