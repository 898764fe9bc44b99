/** Artifacts into files: by a presigned URL of the bucket, fetched without credentials. */
import { api, ApiError, type Artifact } from "../../api";
import { sentence, toast } from "../../ui";

/** Beyond this the browser takes it by itself, without passing through the page's memory. */
const THROUGH_PAGE = 128 << 20;

/** The stored bytes. Raises ApiError. */
export async function fetchArtifact(task: string, name: string, signal?: AbortSignal): Promise<Response> {
  const url = await api.artifactUrl(task, name, signal);
  let response: Response;
  try {
    response = await fetch(url, { credentials: "omit", referrerPolicy: "no-referrer", cache: "no-store", signal: signal ?? null });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, "No contact", "");
  }
  if (!response.ok) throw new ApiError(response.status, `HTTP ${response.status}`, "");
  return response;
}

/** Tells of errors by itself. */
export async function saveArtifact(task: string, { name, size }: Artifact, as = `${task}-${name}`): Promise<void> {
  try {
    if (size > THROUGH_PAGE) follow(await api.artifactUrl(task, name), as);
    else saveBlob(as, await (await fetchArtifact(task, name)).blob());
  } catch (error) {
    toast(sentence(error), "error");
  }
}

export function saveBytes(name: string, parts: readonly Uint8Array[]): void {
  saveBlob(name, new Blob([...parts] as Uint8Array<ArrayBuffer>[]));
}

function saveBlob(name: string, blob: Blob): void {
  // Of no type that a browser would show: whatever is in it is saved, never run.
  const url = URL.createObjectURL(new Blob([blob], { type: "application/octet-stream" }));
  follow(url, name);
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

function follow(url: string, name: string): void {
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.rel = "noopener noreferrer";
  link.click();
}
