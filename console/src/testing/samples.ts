/** Tasks and keys as the server shows them. */
import type { Me, Task } from "../api";

export function sampleTask(change: Partial<Task> = {}): Task {
  return {
    id: "01JDBXAAAAAAAAAAAAAAAAAAAA",
    status: "COMPLETED",
    phase: null,
    reason: null,
    message: null,
    agent: "mini",
    model: "gpt-5-mini",
    scripted: false,
    tenant: "acme",
    prompt: "fix the failing test",
    source: { kind: "git", url: "https://git.example/team/app.git", ref: "main" },
    labels: {},
    limits: { timeout_s: 900, max_steps: 50 },
    attempt: 1,
    created_at: "2026-11-24T12:00:00.000Z",
    started_at: "2026-11-24T12:00:01.200Z",
    finished_at: "2026-11-24T12:00:41.000Z",
    updated_at: "2026-11-24T12:00:41.000Z",
    duration_s: 41,
    summary: null,
    exit_code: 0,
    usage: { model_calls: 6, input_tokens: 9000, output_tokens: 700 },
    patch: { files: 1, insertions: 3, deletions: 1 },
    artifacts: [],
    salvaged: false,
    drop: null,
    version: 7,
    ...change,
  };
}

export function sampleMe(change: Partial<Me> = {}): Me {
  return {
    tenant: "acme",
    admin: false,
    agents: ["mini", "command"],
    default_agent: "mini",
    default_model: "gpt-5-mini",
    limits: { timeout_s: 900, max_timeout_s: 3600, max_steps: 50, max_zip_bytes: 1000 },
    version: "0.1.0",
    ...change,
  };
}
