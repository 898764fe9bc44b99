/** The smaller parts of a task: failure, summary, prompt, artifacts, attempts. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { api, REASONS, STATUSES, type Artifact, type Attempt, type Status, type Task } from "../../api";
import { usePoll } from "../../poll";
import { Badge, Button, bytes, CopyButton, Duration, Empty, Icon, Loading, name, Notice, sentence, Table, Time } from "../../ui";
import { Written } from "../../ui/task-text";
import { advice } from "./advice";
import { saveArtifact } from "./download";
import { t } from "./texts";

export function Failure({ task }: { task: Task }): JSX.Element | null {
  const { reason } = task;
  if (task.status !== "FAILED" || !reason) return null;
  return (
    <section class="failure" aria-labelledby="failure-title">
      <Icon name="alert" size={22} />
      <div>
        <h2 id="failure-title">
          {name("FAILED")}: {name(reason)}
        </h2>
        {task.message && (
          <p class="failure-message">
            <Written text={task.message} />
          </p>
        )}
        {REASONS.includes(reason) && (
          <p>
            <strong>{t("whatToDo")}:</strong> {advice(reason)}
          </p>
        )}
      </div>
    </section>
  );
}

const LONG_SUMMARY = 900;

export function Summary({ task }: { task: Task }): JSX.Element | null {
  const [all, setAll] = useState(false);
  const { summary } = task;
  if (!summary) return null;
  const long = summary.length > LONG_SUMMARY || summary.split("\n").length > 10;
  return (
    <section class="card" aria-labelledby="summary-title">
      <header class="card-head">
        <h2 id="summary-title">{t("summary")}</h2>
      </header>
      <p class={long && !all ? "written written-short" : "written"}>
        <Written text={summary} />
      </p>
      {long && (
        <Button small kind="quiet" expanded={all} onClick={() => setAll(!all)}>
          {t(all ? "less" : "more")}
        </Button>
      )}
    </section>
  );
}

export function Prompt({ task }: { task: Task }): JSX.Element {
  return (
    <section class="card prompt" aria-label={t("prompt")}>
      <div class="prompt-copy">
        <CopyButton text={task.prompt} label={t("copyPrompt")} />
      </div>
      <p class={task.agent === "command" ? "written mono" : "written"}>
        <Written text={task.prompt} />
      </p>
    </section>
  );
}

export function Artifacts({ task }: { task: Task }): JSX.Element {
  if (task.artifacts.length === 0) {
    return (
      <Empty icon="box" title={t("noArtifacts")}>
        <p>{t(task.finished_at === null ? "noArtifactsYet" : "noArtifactsBody")}</p>
      </Empty>
    );
  }
  const columns = [
    { key: "name", title: t("name"), cell: ({ name }: Artifact) => <span class="mono"><Written text={name} /></span> },
    { key: "size", title: t("size"), number: true, cell: ({ size }: Artifact) => <span class="num">{bytes(size)}</span> },
    { key: "sha256", title: t("checksum"), cell: ({ sha256 }: Artifact) => <Checksum sha256={sha256} /> },
    { key: "save", title: t("file"), number: true, cell: (artifact: Artifact) => <Save task={task.id} artifact={artifact} /> },
  ];
  return (
    <>
      {task.salvaged && <Notice kind="warn">{t("salvaged")}</Notice>}
      <Table label={t("artifacts")} columns={columns} rows={task.artifacts} rowKey={(artifact) => artifact.name} />
    </>
  );
}

function Checksum({ sha256 }: { sha256: string }): JSX.Element {
  return (
    <span class="id">
      <code title={sha256}>{sha256.slice(0, 12)}…</code>
      <CopyButton text={sha256} />
    </span>
  );
}

function Save({ task, artifact }: { task: string; artifact: Artifact }): JSX.Element {
  const [busy, setBusy] = useState(false);
  const save = async (): Promise<void> => {
    setBusy(true);
    await saveArtifact(task, artifact);
    setBusy(false);
  };
  return <Button small icon="download" busy={busy} label={t("download", { name: artifact.name })} onClick={() => void save()} />;
}

export function Attempts({ task }: { task: Task }): JSX.Element {
  const ask = usePoll(
    `${task.id}/attempts/${task.version}`,
    (before: Parameters<typeof api.attempts>[1], signal) => api.attempts(task.id, before, signal),
    null,
  );
  if (ask.error) return <Notice kind="error">{sentence(ask.error)}</Notice>;
  if (!ask.value) return <Loading />;
  if (ask.value.attempts.length === 0) {
    return (
      <Empty icon="clock" title={t("noAttempts")}>
        <p>{t("noAttemptsBody")}</p>
      </Empty>
    );
  }
  const columns = [
    { key: "attempt", title: t("number"), number: true, cell: ({ attempt }: Attempt) => attempt },
    { key: "state", title: t("state"), cell: (of: Attempt) => <Badge status={statusOf(of.status)} reason={of.reason} /> },
    { key: "started", title: t("started"), cell: (of: Attempt) => <Begun of={of} /> },
    { key: "duration", title: t("duration"), number: true, cell: (of: Attempt) => <Lasted of={of} /> },
    { key: "job", title: t("job"), cell: ({ job }: Attempt) => <code>{job ?? "–"}</code> },
  ];
  return <Table label={t("attempts")} columns={columns} rows={ask.value.attempts} rowKey={(of) => of.attempt} />;
}

/** When it was taken from the queue; `started_at` is the agent's own beginning, and may never come. */
function begun(of: Attempt): string | null {
  return typeof of["dispatched_at"] === "string" ? of["dispatched_at"] : of.started_at;
}

function Begun({ of }: { of: Attempt }): JSX.Element {
  const at = begun(of);
  return at ? <Time at={at} /> : <>–</>;
}

function Lasted({ of }: { of: Attempt }): JSX.Element {
  const at = begun(of);
  if (!at) return <>–</>;
  if (!of.finished_at) return <Duration since={at} />;
  return <Duration seconds={(Date.parse(of.finished_at) - Date.parse(at)) / 1000} />;
}

/** An attempt that has not ended has no outcome yet. */
function statusOf(status: string | null): Status {
  return STATUSES.find((known) => known === status) ?? "PROCESSING";
}
