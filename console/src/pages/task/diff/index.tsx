/** The changes of a task: the patch from the bucket, file by file. A chunk of its own, loaded when it is looked at. */
import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ApiError, type Artifact, type Task } from "../../../api";
import { recall, remember } from "../../../preferences";
import { key } from "../../../session";
import { Button, CopyButton, Empty, Loading, Notice, number, sentence } from "../../../ui";
import { fetchArtifact, saveArtifact } from "../download";
import { Counts, File, Folded, Path } from "./file";
import { files, folded, type FileDiff } from "./model";
import { t } from "./texts";
import "./diff.css";

/** Files put into the page at once; the rest follows, some with each frame. */
const BATCH = 30;
const wide = matchMedia("(min-width: 60rem)");
const roomy = signal(wide.matches);
wide.addEventListener("change", (event) => (roomy.value = event.matches));

interface Patch {
  sha256: string;
  text: string;
  files: FileDiff[];
}
/** The last patch that was looked at: going to the log and back loads nothing. */
let kept: Patch | null = null;
// Who signs in next sees nothing of it.
key.subscribe(() => (kept = null));

export default function DiffView({ task }: { task: Task }): JSX.Element {
  const artifact = task.artifacts.find((each) => each.name === "diff.patch");
  if (!artifact || artifact.size === 0) {
    const over = task.finished_at !== null;
    return (
      <Empty icon="diff" title={t("noPatch")}>
        <p>{t(over ? "noPatchBody" : "noPatchYet")}</p>
      </Empty>
    );
  }
  return <Loaded key={artifact.sha256} task={task} artifact={artifact} />;
}

function Loaded({ task, artifact }: { task: Task; artifact: Artifact }): JSX.Element {
  const [patch, setPatch] = useState(kept?.sha256 === artifact.sha256 ? kept : null);
  const [error, setError] = useState<ApiError | null>(null);
  const [round, setRound] = useState(0);
  useEffect(() => {
    if (patch) return;
    const abort = new AbortController();
    setError(null);
    load(task.id, artifact, abort.signal).then(setPatch, (caught: unknown) => {
      if (!abort.signal.aborted) setError(caught instanceof ApiError ? caught : new ApiError(0, String(caught), ""));
    });
    return () => abort.abort();
  }, [round]);
  if (patch) return <Changes task={task} artifact={artifact} patch={patch} />;
  if (!error) return <Loading />;
  return (
    <Notice kind="error">
      {sentence(error)} <Button onClick={() => setRound(round + 1)}>{t("again")}</Button>
    </Notice>
  );
}

async function load(task: string, { name, sha256 }: Artifact, signal: AbortSignal): Promise<Patch> {
  const text = await (await fetchArtifact(task, name, signal)).text();
  return (kept = { sha256, text, files: await files(text) });
}

interface Props {
  task: Task;
  artifact: Artifact;
  patch: Patch;
}

function Changes({ task, artifact, patch }: Props): JSX.Element {
  const [split, setSplit] = useState(recall("diff") === "split");
  const [opened, setOpened] = useState<ReadonlyMap<number, boolean>>(new Map());
  const mounted = useBatches(patch.files.length);
  const header = useHeaderHeight();
  const isOpen = (file: FileDiff): boolean => opened.get(file.index) ?? !folded(file);
  const toggle = (file: FileDiff, open: boolean): void => setOpened(new Map(opened).set(file.index, open));
  const all = (open: boolean): void => setOpened(new Map(patch.files.map((file) => [file.index, open])));
  const choose = (on: boolean): void => {
    remember("diff", on ? "split" : "unified");
    setSplit(on);
  };
  return (
    <div class="diff" style={{ "--header-height": `${header}px` }}>
      <div class="d-bar">
        <Total files={patch.files} />
        <div class="d-tools">
          {roomy.value && (
            <div class="d-layout" role="group" aria-label={t("layout")}>
              <Button small pressed={!split} onClick={() => choose(false)}>
                {t("unified")}
              </Button>
              <Button small pressed={split} onClick={() => choose(true)}>
                {t("split")}
              </Button>
            </div>
          )}
          {patch.files.length > 1 && (
            <>
              <Button small kind="quiet" onClick={() => all(true)}>
                {t("expandAll")}
              </Button>
              <Button small kind="quiet" onClick={() => all(false)}>
                {t("collapseAll")}
              </Button>
            </>
          )}
          <Button small icon="download" onClick={() => void saveArtifact(task.id, artifact, `${task.id}.patch`)}>
            {t("download")}
          </Button>
        </div>
      </div>
      <Apply id={task.id} />
      {patch.files.length > 1 && <List files={patch.files} onChoose={(file) => toggle(file, true)} />}
      {patch.files.slice(0, mounted).map((file) => (
        <div key={file.index} class="d-card">
          <File
            patch={patch.text}
            file={file}
            split={split && roomy.value}
            open={isOpen(file)}
            onToggle={(open) => toggle(file, open)}
          />
          {!isOpen(file) && folded(file) && <Folded file={file} onOpen={() => toggle(file, true)} />}
        </div>
      ))}
    </div>
  );
}

function Total({ files }: { files: readonly FileDiff[] }): JSX.Element {
  const additions = files.reduce((sum, file) => sum + file.additions, 0);
  const deletions = files.reduce((sum, file) => sum + file.deletions, 0);
  return (
    <p class="d-total">
      <strong>{files.length === 1 ? t("files", { n: 1 }) : t("files", { n: number(files.length) })}</strong>
      <Counts file={{ additions, deletions }} />
    </p>
  );
}

/** The line that brings the patch into a working copy. It names the variable that holds the key, never the key. */
function Apply({ id }: { id: string }): JSX.Element {
  const url = `${location.origin}/v1/tasks/${id}/artifacts/diff.patch`;
  const command = `curl -fsSL -H "Authorization: Bearer $PATCHMILL_API_KEY" ${url} | git apply`;
  return (
    <div class="d-apply">
      <span class="d-apply-name">{t("apply")}</span>
      <code class="d-apply-code" tabIndex={0} aria-label={t("applyHint")} role="region" title={t("applyHint")}>
        {command}
      </code>
      <CopyButton text={command} label={t("copyApply")} />
    </div>
  );
}

function List({ files, onChoose }: { files: readonly FileDiff[]; onChoose: (file: FileDiff) => void }): JSX.Element {
  const go = (file: FileDiff): void => {
    onChoose(file);
    requestAnimationFrame(() => {
      const section = document.getElementById(`d-file-${file.index}`);
      section?.scrollIntoView({ block: "start" });
      section?.querySelector<HTMLElement>(".d-toggle")?.focus({ preventScroll: true });
    });
  };
  return (
    <details class="d-list" open={files.length <= 12}>
      <summary>{t("list")}</summary>
      <ul>
        {files.map((file) => (
          <li key={file.index}>
            <button type="button" class="d-jump" onClick={() => go(file)}>
              <span class={`d-dot d-kind-${file.kind}`} title={t(file.kind)} />
              <Path path={file.path} />
              <Counts file={file} />
            </button>
          </li>
        ))}
      </ul>
    </details>
  );
}

function useBatches(all: number): number {
  const [count, setCount] = useState(BATCH);
  useEffect(() => {
    if (count >= all) return;
    const timer = setTimeout(() => setCount(count + BATCH), 16);
    return () => clearTimeout(timer);
  }, [count, all]);
  return Math.min(count, all);
}

/** How much of the window the page's own header covers: the files' heads stick below it. */
function useHeaderHeight(): number {
  const [height, setHeight] = useState(0);
  useEffect(() => {
    const header = document.querySelector("header.header");
    if (!header) return;
    const observer = new ResizeObserver(() => setHeight(Math.round(header.getBoundingClientRect().height)));
    observer.observe(header);
    return () => observer.disconnect();
  }, []);
  return height;
}
