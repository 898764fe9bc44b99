/**
 * A ZIP straight into the bucket, with progress: XMLHttpRequest, because fetch tells nothing of what it has sent. The key
 * is not sent there; the presigned URL is enough.
 */
import type { Upload } from "../../api";

/** The bucket refused it (its HTTP status), or could not be reached (0). */
export class UploadError extends Error {
  constructor(readonly status: number) {
    super(`upload failed with ${status}`);
  }
}

/** `progress` is told the bytes sent so far. Raises UploadError, or the abort's DOMException. */
export function put(upload: Upload, file: Blob, progress: (sent: number) => void, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const aborted = (): void => {
      request.abort();
      reject(new DOMException("The upload was stopped.", "AbortError"));
    };
    if (signal.aborted) return aborted();
    signal.addEventListener("abort", aborted, { once: true });
    request.upload.onprogress = (event) => progress(event.loaded);
    request.onload = () => (request.status < 300 ? resolve() : reject(new UploadError(request.status)));
    request.onerror = () => reject(new UploadError(0));
    request.onloadend = () => signal.removeEventListener("abort", aborted);
    request.open(upload.method, upload.url);
    for (const [name, value] of Object.entries(upload.headers)) {
      if (name.toLowerCase() !== "content-length") request.setRequestHeader(name, value); // that one the browser sets
    }
    request.send(file.slice(0, file.size)); // without a type: none was signed
  });
}
