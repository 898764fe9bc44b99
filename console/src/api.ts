/**
 * The HTTP API of docs/http-api.md, typed. Every function may be aborted by a signal (then it throws the AbortError of
 * fetch); everything else that goes wrong is an ApiError.
 */
import { key, signOut } from "./session";

export type Status = "QUEUED" | "PROCESSING" | "COMPLETED" | "FAILED" | "CANCELLED";
export type Phase = "DISPATCHED" | "DOWNLOADING_CODE" | "RUNNING_AGENT" | "UPLOADING";
export const STATUSES: readonly Status[] = ["QUEUED", "PROCESSING", "COMPLETED", "FAILED", "CANCELLED"];
export const REASONS = [
  "SOURCE_ERROR", "AGENT_ERROR", "MODEL_ERROR", "BUDGET", "TIMEOUT", "OUT_OF_MEMORY", "OUT_OF_DISK", "PROCESS_LIMIT",
  "OUTPUT_TOO_LARGE", "IMAGE_PULL", "UNSCHEDULABLE", "NODE_LOST", "JOB_LOST", "INTERNAL",
] as const;
export type Reason = (typeof REASONS)[number];

export type Source =
  | { kind: "git"; url: string; ref: string | null }
  | { kind: "upload"; upload_id: string }
  | { kind: "drop"; [more: string]: unknown };

export interface Artifact {
  name: string;
  /** Bytes. */
  size: number;
  sha256: string;
}

export interface Limits {
  timeout_s: number;
  max_steps: number;
}

/** A task as every answer shows it; times are RFC 3339 in UTC. In a list prompt and summary are cut to 500 characters. */
export interface Task {
  id: string;
  status: Status;
  phase: Phase | null;
  reason: Reason | null;
  message: string | null;
  agent: string;
  model: string | null;
  scripted: boolean;
  tenant: string;
  prompt: string;
  source: Source;
  labels: Record<string, string>;
  limits: Limits;
  attempt: number;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  updated_at: string;
  duration_s: number | null;
  summary: string | null;
  exit_code: number | null;
  usage: { model_calls?: number; input_tokens?: number; output_tokens?: number; cost?: number } | null;
  patch: { files: number; insertions: number; deletions: number } | null;
  artifacts: Artifact[];
  salvaged: boolean;
  drop: string | null;
  version: number;
  retry_of?: string | null;
  trace_id?: string | null;
  canary?: boolean;
}

export interface TaskPage {
  tasks: Task[];
  next_cursor: string | null;
}

/** Filters of the list; what is empty does not filter. */
export interface TaskFilter {
  status?: string | undefined;
  agent?: string | undefined;
  reason?: string | undefined;
  q?: string | undefined;
  since?: string | undefined;
  limit?: number | undefined;
  cursor?: string | undefined;
  canary?: boolean | undefined;
}

export interface Me {
  tenant: string;
  admin: boolean;
  agents: string[];
  default_agent: string;
  default_model: string | null;
  limits: { timeout_s: number; max_timeout_s: number; max_steps: number; max_zip_bytes: number };
  version: string;
}

export interface NewTask {
  prompt: string;
  source: { git: { url: string; ref?: string } } | { upload_id: string };
  agent?: string;
  model?: string;
  limits?: { timeout_s?: number; max_steps?: number };
  labels?: Record<string, string>;
}

export interface Upload {
  upload_id: string;
  method: string;
  headers: Record<string, string>;
  expires_at: string;
  max_bytes: number;
  /** Presigned; from the Location header. */
  url: string;
}

export interface Span {
  span_id: string;
  parent_span_id: string | null;
  name: string;
  attempt: number | null;
  start: string;
  end: string | null;
  status: string;
  attributes: Record<string, unknown>;
}

export interface Timeline {
  task_id: string;
  trace_id: string;
  spans: Span[];
}

export interface Attempt {
  attempt: number;
  status: string;
  reason: Reason | null;
  job: string | null;
  started_at: string | null;
  finished_at: string | null;
  [more: string]: unknown;
}

export interface LogPart {
  text: string;
  /** The offset to ask for next, in bytes. */
  next: number;
  /** The task has ended and nothing comes after this. */
  complete: boolean;
}

export interface PhaseNumbers {
  p50_s: number | null;
  p95_s: number | null;
  series: { t: string; p50_s: number | null; p95_s: number | null }[];
}

export interface Ops {
  at: string;
  queue: { depth: number; oldest_s: number | null };
  running: { total: number; by_tenant: Record<string, number> };
  throughput: { t: string; completed: number; failed: number; cancelled: number }[];
  success_rate: number | null;
  phases: Record<string, PhaseNumbers>;
  dead_letters: { total: number; by_cause: { cause: string; count: number }[] };
  sweep: { last_run: string | null; lag_s: number | null };
  hops?: { name: string; ok: boolean; ms: number | null; detail: string | null }[];
  slo?: Record<string, unknown>;
}

export interface FieldError {
  field: string;
  message: string;
}

/** An answer that is an error, or (status 0) no answer at all. */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly errors: readonly FieldError[] = [],
    /** Seconds that the server asks us to wait. */
    readonly retryAfter: number | null = null,
  ) {
    super(detail || title);
  }

  /** Worth asking again without a change: no contact, too many requests, or the server's own trouble. */
  get passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** A value with the ETag that it came with, for the next conditional request. */
export interface Tagged<T> {
  readonly etag: string | null;
  readonly value: T;
}

type Params = Readonly<Record<string, string | number | boolean | null | undefined>>;

export function query(params: Params): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value !== undefined && value !== null && value !== "" && value !== false) search.set(name, String(value));
  }
  const text = search.toString();
  return text && `?${text}`;
}

/** A function answers within its own 30 s, or its platform does. */
const LONGEST_MS = 60_000;

/** One request to /v1 with the key; resolves for 2xx and 304 only. A 401 ends the session. */
export async function request(path: string, init: RequestInit = {}, as: string | null = key.peek()): Promise<Response> {
  const headers = new Headers(init.headers);
  if (as !== null) headers.set("Authorization", `Bearer ${as}`);
  const late = AbortSignal.timeout(LONGEST_MS);
  const signal = init.signal ? AbortSignal.any([init.signal, late]) : late;
  let response: Response;
  try {
    response = await fetch(new URL(path, location.href), { ...init, signal, headers, cache: "no-store", credentials: "omit", redirect: "error" });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new ApiError(0, "No contact", "");
  }
  if (response.ok || response.status === 304) return response;
  if (response.status === 401 && as !== null && as === key.peek()) signOut(true);
  throw await problem(response);
}

/** GET JSON; `before` is what an earlier call returned, and is returned itself while it still fits. */
export async function get<T>(path: string, before?: Tagged<T> | null, signal?: AbortSignal): Promise<Tagged<T>> {
  const headers: Record<string, string> = before?.etag ? { "If-None-Match": before.etag } : {};
  const response = await request(path, { headers, signal: signal ?? null });
  if (response.status === 304 && before) return before;
  return { etag: response.headers.get("ETag"), value: await json<T>(response, signal) };
}

/** POST JSON, answer JSON. */
export async function post<T>(path: string, body: unknown, headers: Record<string, string> = {}, signal?: AbortSignal): Promise<T> {
  return json<T>(await send(path, body, headers, signal), signal);
}

export const api = {
  /** Raises ApiError 401 for a wrong key; nothing is kept. */
  me: async (withKey: string, signal?: AbortSignal): Promise<Me> =>
    json<Me>(await request("/v1/me", { signal: signal ?? null }, withKey), signal),

  tasks: (filter: TaskFilter, before?: Tagged<TaskPage> | null, signal?: AbortSignal) =>
    get<TaskPage>(`/v1/tasks${query({ ...filter })}`, before, signal),

  task: (id: string, before?: Tagged<Task> | null, signal?: AbortSignal) => get<Task>(taskPath(id), before, signal),

  timeline: (id: string, before?: Tagged<Timeline> | null, signal?: AbortSignal) =>
    get<Timeline>(`${taskPath(id)}/timeline`, before, signal),

  attempts: (id: string, before?: Tagged<{ attempts: Attempt[] }> | null, signal?: AbortSignal) =>
    get<{ attempts: Attempt[] }>(`${taskPath(id)}/attempts`, before, signal),

  /** The log from a byte offset, at most 900 KiB. */
  async log(id: string, offset: number, signal?: AbortSignal): Promise<LogPart> {
    const response = await request(`${taskPath(id)}/logs?offset=${offset}`, { signal: signal ?? null });
    return {
      text: await text(response, signal),
      next: Number(response.headers.get("Patchmill-Log-Offset") ?? offset),
      complete: response.headers.get("Patchmill-Log-Complete") === "true",
    };
  },

  /** A presigned URL of the bucket, good for minutes: fetch it without credentials. */
  async artifactUrl(id: string, name: string, signal?: AbortSignal): Promise<string> {
    const path = `${taskPath(id)}/artifacts/${encodeURIComponent(name)}?redirect=false`;
    return located(await request(path, { signal: signal ?? null }));
  },

  async upload(size: number, signal?: AbortSignal): Promise<Upload> {
    const response = await send("/v1/uploads", { size }, {}, signal);
    return { ...(await json<Omit<Upload, "url">>(response, signal)), url: located(response) };
  },

  /** `idempotencyKey`: the same one never makes a second task. */
  submit: (task: NewTask, idempotencyKey: string, signal?: AbortSignal) =>
    post<Task>("/v1/tasks", task, { "Idempotency-Key": idempotencyKey }, signal),

  cancel: (id: string, signal?: AbortSignal) => post<Task>(`${taskPath(id)}/cancel`, {}, {}, signal),

  /** A new task, made from this one. */
  retry: (id: string, signal?: AbortSignal) => post<Task>(`${taskPath(id)}/retry`, {}, {}, signal),

  ops: (options: { minutes?: number; hops?: boolean }, before?: Tagged<Ops> | null, signal?: AbortSignal) =>
    get<Ops>(`/v1/ops${query(options)}`, before, signal),
};

function taskPath(id: string): string {
  return `/v1/tasks/${encodeURIComponent(id)}`;
}

function send(path: string, body: unknown, headers: Record<string, string>, signal?: AbortSignal): Promise<Response> {
  return request(path, {
    method: "POST",
    headers: { ...headers, "Content-Type": "application/json" },
    body: JSON.stringify(body),
    signal: signal ?? null,
  });
}

function located(response: Response): string {
  const url = response.headers.get("Location");
  if (!url) throw new ApiError(0, "Bad answer", "");
  return url;
}

async function json<T>(response: Response, signal?: AbortSignal): Promise<T> {
  try {
    return (await response.json()) as T;
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, "Bad answer", "");
  }
}

async function text(response: Response, signal?: AbortSignal): Promise<string> {
  try {
    return await response.text();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, "Bad answer", "");
  }
}

/** The RFC 9457 body of an error; whatever else came (a gateway's page) is told by its status alone. */
async function problem(response: Response): Promise<ApiError> {
  const seconds = Number(response.headers.get("Retry-After") ?? NaN);
  let body: { title?: unknown; detail?: unknown; errors?: unknown } = {};
  if (response.headers.get("Content-Type")?.includes("json")) {
    const parsed: unknown = await response.json().catch(() => null);
    if (parsed && typeof parsed === "object") body = parsed;
  }
  return new ApiError(
    response.status,
    typeof body.title === "string" ? body.title : `HTTP ${response.status}`,
    typeof body.detail === "string" ? body.detail : "",
    Array.isArray(body.errors) ? body.errors.filter(isFieldError) : [],
    Number.isFinite(seconds) ? seconds : null,
  );
}

function isFieldError(value: unknown): value is FieldError {
  const error = value as Partial<FieldError> | null;
  return typeof error?.field === "string" && typeof error.message === "string";
}
