import { render } from "preact";
import { act } from "preact/test-utils";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { Span, Task } from "../../api";
import { speak } from "../../i18n";
import { parse, route } from "../../router";
import { signIn } from "../../session";
import { sampleMe, sampleTask } from "../../testing/samples";
import { json, TestServer, until } from "../../testing/server";
import { Dialogs } from "../../ui";
import TaskPage from ".";

const EVIL = `<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>`;
let task: Task = sampleTask();
let spans: Span[] = [];
let log = "";
const server = new TestServer((asked, response) => {
  const path = asked.url.split("?")[0] ?? "";
  if (path.endsWith("/cancel")) json(response, 200, (task = { ...task, status: "CANCELLED", finished_at: task.updated_at, version: 8 }));
  else if (path.endsWith("/retry")) json(response, 202, { ...task, id: "01JDBXRETRYRETRYRETRYRETRY" });
  else if (path.endsWith("/timeline")) json(response, 200, { task_id: task.id, trace_id: "t", spans });
  else if (path.endsWith("/attempts")) json(response, 200, { attempts: [] });
  else if (path.endsWith("/logs")) {
    response.writeHead(200, { "Patchmill-Log-Offset": String(Buffer.byteLength(log)), "Patchmill-Log-Complete": String(task.finished_at !== null) });
    response.end(asked.url.endsWith("offset=0") ? log : "");
  } else if (path === `/v1/tasks/${task.id}`) json(response, 200, task);
  else json(response, 404, { title: "Not Found", detail: "no such task" });
});
const root = document.createElement("div");
document.body.append(root);

beforeAll(async () => {
  await server.start();
  signIn("key", sampleMe());
});
afterAll(() => server.stop());
afterEach(() => {
  render(null, root);
  server.asked.length = 0;
  speak("en");
});

async function show(change: Partial<Task>, query = ""): Promise<void> {
  task = sampleTask(change);
  location.hash = `#/tasks/${task.id}${query}`;
  route.value = parse(location.hash);
  await act(() =>
    render(
      <>
        <TaskPage id={task.id} />
        <Dialogs />
      </>,
      root,
    ),
  );
  await until(() => root.querySelector(".task"));
}
const text = (selector: string): string => root.querySelector(selector)?.textContent ?? "";
const button = (name: string): HTMLButtonElement | undefined =>
  [...root.querySelectorAll("button")].find((each) => each.textContent === name);

test("nothing that a user or an agent wrote becomes markup", async () => {
  log = `${EVIL}\n\u001b[31m${EVIL}\n`;
  await show(
    {
      prompt: EVIL,
      summary: EVIL,
      message: EVIL,
      model: EVIL,
      labels: { [EVIL]: EVIL },
      source: { kind: "git", url: `javascript:${EVIL}`, ref: EVIL },
      status: "FAILED",
      reason: "AGENT_ERROR",
    },
    "?tab=log",
  );
  spans = [];
  await until(() => root.querySelector(".log-row"));
  expect(root.querySelectorAll("img, script, [onerror]").length).toBe(0);
  expect([...root.querySelectorAll("a")].every((link) => link.getAttribute("href")?.startsWith("#/"))).toBe(true);
  expect(text(".task-title")).toBe(EVIL);
  const logged = [...root.querySelectorAll(".log-text")].map((row) => row.textContent).join("");
  expect(logged).toBe(EVIL + EVIL);
});

test("a failure says why and what to do, in both languages", async () => {
  await show({ status: "FAILED", reason: "OUT_OF_MEMORY", message: "killed at 512 MiB" });
  expect(text(".failure")).toContain("killed at 512 MiB");
  expect(text(".failure")).toContain("less memory");
  await act(() => speak("zh"));
  expect(text(".failure")).toContain("内存");
});

test("text direction overrides in a prompt are shown as marks", async () => {
  await show({ prompt: "safe \u202Egnp.exe", patch: null });
  expect(text(".task-title")).toBe("safe ⟨U+202E⟩gnp.exe");
});

test("cancelling asks first, and then shows the task as cancelled", async () => {
  await show({ status: "PROCESSING", phase: "RUNNING_AGENT", finished_at: null, duration_s: null, patch: null });
  await act(() => button("Cancel")?.click());
  await until(() => button("Cancel the task"));
  expect(server.asked.some((asked) => asked.method === "POST")).toBe(false);
  await act(() => button("Cancel the task")?.click());
  await until(() => text(".task-meta").includes("Cancelled"));
  expect(server.asked.filter((asked) => asked.method === "POST").map((asked) => asked.url)).toEqual([`/v1/tasks/${task.id}/cancel`]);
});

test("a retry leads to the new task", async () => {
  await show({ status: "FAILED", reason: "TIMEOUT", patch: null });
  await act(() => button("Retry")?.click());
  await until(() => button("Run it again"));
  await act(() => button("Run it again")?.click());
  await until(() => location.hash === "#/tasks/01JDBXRETRYRETRYRETRYRETRY");
});

test("the timeline shows each phase with its time", async () => {
  const span = (name: string, attempt: number | null, start: string, end: string): Span => ({
    span_id: name,
    parent_span_id: null,
    name,
    attempt,
    start: `2026-11-24T12:00:${start}.000Z`,
    end: `2026-11-24T12:00:${end}.000Z`,
    status: "UNSET",
    attributes: {},
  });
  spans = [span("task", null, "00", "41"), span("queued", 1, "00", "01"), span("attempt 1", 1, "01", "41"), span("agent", 1, "11", "40")];
  await show({ patch: null });
  await until(() => root.querySelectorAll(".timeline-row").length === 2);
  expect([...root.querySelectorAll(".timeline-row")].map((row) => row.textContent)).toEqual(["Queued1.0 s", "Agent at work29 s"]);
});

test("a task that is not there says so", async () => {
  task = sampleTask();
  await act(() => render(<TaskPage id="01JDBXNONE" />, root));
  await until(() => text("h2").includes("no such task"));
});
