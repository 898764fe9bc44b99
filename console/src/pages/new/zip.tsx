/** The ZIP of a new task: dropped or chosen, checked, and on its way at once, while the rest is filled in. */
import type { JSX, RefObject } from "preact";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { api } from "../../api";
import { me } from "../../session";
import { Button, bytes, Icon, sentence } from "../../ui";
import type { Control } from "../../ui/field";
import { zipFault } from "./form";
import { t } from "./texts";
import { put, UploadError } from "./upload";

export type Zip =
  | { state: "none"; fault: string | null }
  | { state: "sending"; file: File; sent: number }
  | { state: "failed"; file: File; fault: string }
  | { state: "done"; file: File; uploadId: string };

export interface ZipSource {
  zip: Zip;
  /** The upload that runs or has run: resolves to its id, or to null when it failed or was stopped. */
  arrived: RefObject<Promise<string | null>>;
  /** The first of the files; a folder is refused. */
  take: (files: FileList | null, isFolder?: boolean) => void;
  again: () => void;
  drop: () => void;
}

export function useZip(): ZipSource {
  const [zip, setZip] = useState<Zip>({ state: "none", fault: null });
  const arrived = useRef<Promise<string | null>>(Promise.resolve(null));
  const abort = useRef<AbortController | undefined>(undefined);
  useEffect(() => () => abort.current?.abort(), []);

  const start = useCallback((file: File) => {
    abort.current?.abort();
    const control = new AbortController();
    abort.current = control;
    const tell = (next: Zip): void => {
      if (!control.signal.aborted) setZip(next);
    };
    arrived.current = send(file, tell, control.signal);
  }, []);
  const clear = (fault: string | null): void => {
    abort.current?.abort();
    arrived.current = Promise.resolve(null);
    setZip({ state: "none", fault });
  };
  const take = (files: FileList | null, isFolder = false): void => {
    if (isFolder) clear(t("folder"));
    else if (files?.[0]) start(files[0]);
  };
  return { zip, arrived, take, again: () => "file" in zip && start(zip.file), drop: () => clear(null) };
}

async function send(file: File, tell: (zip: Zip) => void, signal: AbortSignal): Promise<string | null> {
  try {
    const head = new Uint8Array(await file.slice(0, 4).arrayBuffer());
    const fault = zipFault(file, head, me.peek()?.limits.max_zip_bytes ?? Infinity);
    if (fault !== null) {
      tell({ state: "none", fault });
      return null;
    }
    tell({ state: "sending", file, sent: 0 });
    const upload = await api.upload(file.size, signal);
    await put(upload, file, (sent) => tell({ state: "sending", file, sent }), signal);
    tell({ state: "done", file, uploadId: upload.upload_id });
    return upload.upload_id;
  } catch (error) {
    tell({ state: "failed", file, fault: t("uploadFailed", { error: told(error) }) });
    return null;
  }
}

function told(error: unknown): string {
  if (!(error instanceof UploadError)) return sentence(error);
  return error.status ? t("uploadRefused", { status: error.status }) : t("uploadNoContact");
}

export function ZipField({ source, control }: { source: ZipSource; control: Control }): JSX.Element {
  const { zip, take, again, drop } = source;
  const max = me.value?.limits.max_zip_bytes;
  if (zip.state === "none") {
    return (
      <div class="dropzone">
        <Icon name="upload" size={28} />
        <p>
          <strong>{t("dropHere")}</strong>
        </p>
        <p class="muted">
          {t("orPick")} {max && <>· {t("atMost", { size: bytes(max) })}</>}
        </p>
        <input
          {...control}
          type="file"
          name="zip"
          class="dropzone-input"
          accept=".zip,application/zip"
          onChange={(event) => take(event.currentTarget.files)}
        />
      </div>
    );
  }
  const { file } = zip;
  const sending = zip.state === "sending";
  return (
    <div class={`zip zip-${zip.state}`} id={control.id} tabIndex={-1} aria-describedby={control["aria-describedby"]}>
      <Icon name={zip.state === "done" ? "check" : zip.state === "failed" ? "alert" : "box"} size={22} />
      <div class="zip-file">
        <p class="zip-name">{file.name}</p>
        {sending && <progress aria-label={t("uploading", { name: file.name })} max={file.size} value={zip.sent} />}
        <p class="muted num" role={sending ? undefined : "status"}>
          {sending
            ? t("ofSize", { sent: bytes(zip.sent), size: bytes(file.size) })
            : zip.state === "done"
              ? `${t("uploaded")} · ${bytes(file.size)}`
              : bytes(file.size)}
        </p>
      </div>
      {zip.state === "failed" && (
        <Button icon="refresh" onClick={again}>
          {t("again")}
        </Button>
      )}
      <Button kind="quiet" icon="cross" label={sending ? t("stopUpload") : t("remove")} onClick={drop} />
    </div>
  );
}
