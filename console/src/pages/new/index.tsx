/** A new task: the form, the upload, and the same as commands beside it. */
import type { JSX, TargetedSubmitEvent } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { api, ApiError } from "../../api";
import { useKeys } from "../../keys";
import { go } from "../../router";
import { me } from "../../session";
import { useTitle } from "../../title";
import { Button, Notice, sentence, toast } from "../../ui";
import { body, check, type Draft, emptyDraft, type Faults } from "./form";
import { AgentFields, LabelFields, PromptField, SourceFields } from "./fields";
import "./new.css";
import { Terminal } from "./terminalview";
import { t } from "./texts";
import { useZip } from "./zip";

export function NewPage(): JSX.Element | null {
  return me.value && <Form who={me.value} />;
}

function Form({ who }: { who: NonNullable<typeof me.value> }): JSX.Element {
  const [draft, setDraft] = useState<Draft>(() => emptyDraft(who));
  const [asked, setAsked] = useState(false); // faults are shown once the user has tried
  const [said, setSaid] = useState<{ draft: Draft; faults: Faults; text: string } | null>(null); // the server's
  const [busy, setBusy] = useState(false);
  const working = useRef(false); // as `busy`, but at once: two quick presses are one
  const source = useZip();
  const form = useRef<HTMLFormElement>(null);
  const sent = useRef({ text: "", key: "" });
  useTitle(t("title"));
  useKeys(t("title"), [{ keys: ["Mod+Enter"], does: t("submit") }]);

  const dragged = useDrop(({ files, items }) => {
    change({ kind: "zip" });
    source.take(files, [...items].some((item) => item.webkitGetAsEntry()?.isDirectory));
  });
  const change = (part: Partial<Draft>): void => setDraft((old) => ({ ...old, ...part }));
  const own = check(draft, who, source.zip.state !== "none" && source.zip.state !== "failed");
  const faults: Faults = { ...(said?.draft === draft ? said.faults : {}), ...(asked ? own : {}) };

  const submit = async (event?: TargetedSubmitEvent<HTMLFormElement>): Promise<void> => {
    event?.preventDefault();
    if (working.current) return;
    setAsked(true);
    setSaid(null);
    if (Object.keys(own).length > 0) return focusFault(form.current);
    working.current = true;
    setBusy(true);
    try {
      const uploadId = draft.kind === "zip" ? await source.arrived.current : "";
      if (uploadId === null) return;
      const wanted = body(draft, uploadId ?? "");
      const task = await api.submit(wanted, keyOf(JSON.stringify(wanted), sent.current));
      toast(t("submitted"));
      go("tasks", task.id);
    } catch (error) {
      const fields = error instanceof ApiError ? error.errors : [];
      const text = fields.length > 0 ? t("manyFaults", { n: fields.length }) : sentence(error);
      setSaid({ draft, text, faults: Object.fromEntries(fields.map(({ field, message }) => [field, message])) });
      focusFault(form.current);
    } finally {
      working.current = false;
      setBusy(false);
    }
  };

  return (
    <>
      <div class="page-head">
        <h1>{t("title")}</h1>
      </div>
      <div class={dragged ? "new new-dragged" : "new"}>
        <form
          ref={form}
          class="new-form"
          noValidate
          onSubmit={(event) => void submit(event)}
          onKeyDown={(event) => {
            if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void submit();
          }}
        >
          <SourceFields draft={draft} change={change} faults={faults} source={source} />
          <PromptField draft={draft} change={change} faults={faults} />
          <AgentFields draft={draft} change={change} faults={faults} who={who} />
          <LabelFields draft={draft} change={change} faults={faults} />
          {said && <Notice kind="error">{said.text}</Notice>}
          <div class="new-foot">
            <Button kind="primary" type="submit" busy={busy} icon="play">
              {busy && draft.kind === "zip" && source.zip.state === "sending" ? t("afterUpload") : t("submit")}
            </Button>
            <kbd>{/Mac|iP/.test(navigator.platform) ? "⌘ ↵" : "Ctrl ↵"}</kbd>
          </div>
        </form>
        <Terminal draft={draft} file={"file" in source.zip ? source.zip.file.name : ""} />
      </div>
    </>
  );
}

/** Files dropped anywhere on the page; true while some are held over it. Dragged text goes where it is dropped. */
function useDrop(take: (dropped: DataTransfer) => void): boolean {
  const [over, setOver] = useState(false);
  const latest = useRef(take);
  latest.current = take;
  useEffect(() => {
    const held = (event: DragEvent): void => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault(); // else the browser opens the file in place of the page
      setOver(event.type === "dragover");
      if (event.type === "drop") latest.current(event.dataTransfer);
    };
    const left = (event: DragEvent): void => {
      if (event.relatedTarget === null) setOver(false);
    };
    addEventListener("dragover", held);
    addEventListener("drop", held);
    addEventListener("dragleave", left);
    return () => {
      removeEventListener("dragover", held);
      removeEventListener("drop", held);
      removeEventListener("dragleave", left);
    };
  }, []);
  return over;
}

/** After the faults are drawn: to the first of them. */
function focusFault(form: HTMLFormElement | null): void {
  requestAnimationFrame(() => form?.querySelector<HTMLElement>('[aria-invalid="true"], .field-wrong input')?.focus());
}

/** The same key for the same request, so that one whose answer was lost may be sent again. */
function keyOf(text: string, sent: { text: string; key: string }): string {
  if (sent.text !== text) {
    const random = crypto.getRandomValues(new Uint8Array(16));
    Object.assign(sent, { text, key: `console-${[...random].map((byte) => byte.toString(16).padStart(2, "0")).join("")}` });
  }
  return sent.key;
}
