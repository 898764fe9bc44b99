import { render } from "preact";
import { act } from "preact/test-utils";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { Task } from "../../api";
import { parse, route } from "../../router";
import { signIn } from "../../session";
import { sampleMe, sampleTask } from "../../testing/samples";
import { json, TestServer, until } from "../../testing/server";
import { TasksPage } from ".";

let tasks: Task[] = [];
let cursor: string | null = null;
const server = new TestServer((_asked, response) => json(response, 200, { tasks, next_cursor: cursor }));
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
});

async function show(hash: string): Promise<void> {
  location.hash = hash;
  route.value = parse(hash);
  await act(() => render(<TasksPage />, root));
  await until(() => server.asked.length > 0 && !root.querySelector(".loading"));
}

test("filters of the address are asked of the server", async () => {
  tasks = [];
  await show("#/tasks?status=FAILED&q=a%26b&cursor=xyz");
  expect(server.asked[0]?.url).toBe("/v1/tasks?limit=50&status=FAILED&q=a%26b&cursor=xyz");
});

test("nothing that a user or an agent wrote becomes markup", async () => {
  const evil = `<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>`;
  tasks = [
    sampleTask({
      prompt: evil,
      labels: { a: evil },
      model: evil,
      source: { kind: "git", url: `https://h/${evil}`, ref: evil },
      status: "FAILED",
      reason: evil as Task["reason"],
    }),
  ];
  await show("#/tasks");
  await until(() => root.querySelector(".row"));
  expect(root.querySelectorAll("img, script").length).toBe(0);
  expect(root.querySelector(".row-link")?.textContent).toBe(evil);
});

test("rows take the focus one by one, and a row that did not change stays the same element", async () => {
  tasks = [sampleTask({ id: "A" }), sampleTask({ id: "B" })];
  await show("#/tasks");
  await until(() => root.querySelectorAll(".row").length === 2);
  const press = (key: string) => act(() => void document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true })));
  await press("j");
  await press("j");
  expect((document.activeElement as HTMLAnchorElement).hash).toBe("#/tasks/B");
  await press("k");
  expect((document.activeElement as HTMLAnchorElement).hash).toBe("#/tasks/A");
  await press("/");
  expect(document.activeElement?.id).toBe("tasks-search");
});

test("older tasks are a page away, and the way back is known", async () => {
  tasks = [sampleTask()];
  cursor = "next";
  await show("#/tasks?agent=mini");
  await until(() => root.querySelector(".pager"));
  const button = (at: number) => root.querySelectorAll<HTMLButtonElement>(".pager button")[at];
  expect(button(1)?.disabled).toBe(true);
  await act(() => button(2)?.click());
  expect(location.hash).toBe("#/tasks?agent=mini&cursor=next");
  route.value = parse(location.hash);
  cursor = null;
  await until(() => server.asked.some(({ url }) => url.includes("cursor=next")));
  await act(() => new Promise((done) => setTimeout(done, 20)));
  expect(button(1)?.disabled).toBe(false);
});
