import { render } from "preact";
import { act } from "preact/test-utils";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { signIn } from "../../session";
import { sampleMe, sampleTask } from "../../testing/samples";
import { json, TestServer, until } from "../../testing/server";
import { NewPage } from ".";

let refuse = false;
const server = new TestServer((asked, response) => {
  if (asked.url === "/v1/uploads") {
    const value = { upload_id: "01UP", method: "PUT", headers: { "Content-Length": "4" }, max_bytes: 9, expires_at: "" };
    return json(response, 201, value, { Location: `${server.origin}/bucket` });
  }
  if (asked.url === "/bucket") return void response.writeHead(200).end();
  if (refuse) {
    return json(response, 422, { title: "No", errors: [{ field: "source.git.url", message: "must start with https://" }] });
  }
  json(response, 202, sampleTask({ id: "NEW" }));
});
const root = document.createElement("div");
document.body.append(root);

beforeAll(() => server.start());
afterAll(() => server.stop());
beforeEach(async () => {
  server.asked.length = 0;
  refuse = false;
  location.hash = "#/new";
  signIn("key", sampleMe());
  await act(() => render(<NewPage key={Math.random()} />, root));
});

function field(name: string): HTMLInputElement {
  const found = root.querySelector<HTMLInputElement>(`[name="${name}"]`);
  if (!found) throw new Error(`no field ${name}`);
  return found;
}

async function type(name: string, text: string): Promise<void> {
  field(name).value = text;
  await act(() => void field(name).dispatchEvent(new Event("input", { bubbles: true })));
}

const press = () =>
  void field("prompt").dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", ctrlKey: true, bubbles: true }));
const send = () => act(press);
const faults = () => [...root.querySelectorAll(".field-error")].map((each) => each.textContent?.trim());

test("an unfinished form is not sent, and says what is missing", async () => {
  expect(faults()).toEqual([]);
  await send();
  expect(faults()).toEqual(["Enter the URL of the repository.", "Say what is to be done."]);
  expect(server.asked).toEqual([]);
});

test("a task is submitted once and shown", async () => {
  await type("url", "https://git.example/app.git");
  await type("prompt", "fix it");
  await act(() => (press(), press()));
  await until(() => location.hash === "#/tasks/NEW");
  expect(server.asked.length).toBe(1);
  expect(JSON.parse(server.asked[0]?.body ?? "")).toEqual({
    prompt: "fix it",
    source: { git: { url: "https://git.example/app.git" } },
    agent: "mini",
  });
  expect(server.asked[0]?.headers["idempotency-key"]).toMatch(/^console-[0-9a-f]{32}$/);
});

test("what the server says of a field stands at the field, until it is changed", async () => {
  refuse = true;
  await type("url", "http://git.example/app.git");
  await type("prompt", "fix it");
  await send();
  await until(() => faults().length > 0);
  expect(faults()).toEqual(["must start with https://"]);
  await type("url", "https://git.example/app.git");
  expect(faults()).toEqual([]);
});

test("a ZIP goes to the bucket without the key, and its upload into the task", async () => {
  await act(() => root.querySelectorAll<HTMLInputElement>('[name="source"]')[1]?.click());
  const chosen = new DataTransfer();
  chosen.items.add(new File([new Uint8Array([0x50, 0x4b, 3, 4])], "code.zip"));
  Object.defineProperty(field("zip"), "files", { value: chosen.files });
  await act(() => void field("zip").dispatchEvent(new Event("change", { bubbles: true })));
  await until(() => root.querySelector(".zip-done"));
  const put = server.asked.find(({ url }) => url === "/bucket");
  expect([put?.method, put?.body.length, put?.headers.authorization]).toEqual(["PUT", 4, undefined]);
  await type("prompt", "fix it");
  await send();
  await until(() => location.hash === "#/tasks/NEW");
  expect(JSON.parse(server.asked.at(-1)?.body ?? "").source).toEqual({ upload_id: "01UP" });
});
