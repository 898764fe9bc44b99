/** What can be done with a task, each with a question first where it can't be undone. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { api, type Task } from "../../api";
import { useKeys } from "../../keys";
import { go } from "../../router";
import { Button, confirm, sentence, toast } from "../../ui";
import { saveArtifact } from "./download";
import { t } from "./texts";

export function Actions({ task, onChange }: { task: Task; onChange: () => void }): JSX.Element {
  const [busy, setBusy] = useState<"cancel" | "retry" | "patch" | null>(null);
  const ended = task.finished_at !== null;
  const patch = task.artifacts.find((artifact) => artifact.name === "diff.patch" && artifact.size > 0);
  const during = async (what: typeof busy, work: () => Promise<void>): Promise<void> => {
    if (busy) return;
    setBusy(what);
    try {
      await work();
    } catch (error) {
      toast(sentence(error), "error");
    }
    setBusy(null);
  };
  const cancel = (): Promise<void> =>
    during("cancel", async () => {
      if (!(await confirm({ title: t("cancelTitle"), body: t("cancelBody"), action: t("cancelDo"), danger: true }))) return;
      await api.cancel(task.id);
      toast(t("cancelled"));
      onChange();
    });
  const retry = (): Promise<void> =>
    during("retry", async () => {
      if (!(await confirm({ title: t("retryTitle"), body: t("retryBody"), action: t("retryDo") }))) return;
      const next = await api.retry(task.id);
      toast(t("retried"));
      go("tasks", next.id);
    });
  const save = (): Promise<void> => during("patch", () => saveArtifact(task.id, patch!, `${task.id}.patch`));
  useKeys(t("keys"), [
    ...(patch ? [{ keys: ["s"], does: t("patch"), run: () => void save() }] : []),
    ...(ended ? [{ keys: ["r"], does: t("retry"), run: () => void retry() }] : []),
    ...(ended ? [] : [{ keys: ["x"], does: t("cancel"), run: () => void cancel() }]),
  ]);
  return (
    <div class="task-actions">
      {!ended && (
        <Button icon="stop" kind="danger" busy={busy === "cancel"} onClick={() => void cancel()}>
          {t("cancel")}
        </Button>
      )}
      {ended && (
        <Button icon="refresh" busy={busy === "retry"} onClick={() => void retry()}>
          {t("retry")}
        </Button>
      )}
      {patch && (
        <Button icon="download" kind="primary" busy={busy === "patch"} onClick={() => void save()}>
          {t("patch")}
        </Button>
      )}
    </div>
  );
}
