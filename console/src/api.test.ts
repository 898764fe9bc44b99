// @vitest-environment node
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { api, ApiError } from "./api";
import { key, me, refused, signIn } from "./session";
import { sampleMe, sampleTask } from "./testing/samples";
import { json, TestServer } from "./testing/server";

const server = new TestServer((asked, response) => {
  if (asked.headers.authorization !== "Bearer right") return json(response, 401, { title: "Unauthorized" });
  if (asked.url === "/v1/tasks/busy") return json(response, 429, { title: "Slow" }, { "Retry-After": "7" });
  if (asked.url === "/v1/tasks/gateway") return void response.writeHead(502, { "Content-Type": "text/html" }).end("<h1>");
  if (asked.url === "/v1/tasks/broken") return void response.writeHead(200).end("{");
  if (asked.url.startsWith("/v1/tasks/one/logs")) {
    return void response.writeHead(200, { "Patchmill-Log-Offset": "12", "Patchmill-Log-Complete": "true" }).end("héllo");
  }
  if (asked.url.includes("/artifacts/")) return json(response, 200, {}, { Location: "https://bucket.example/x?sign" });
  if (asked.url === "/v1/tasks") {
    return json(response, 422, { title: "No", detail: "wrong", errors: [{ field: "prompt", message: "empty" }, 3] });
  }
  if (asked.headers["if-none-match"] === '"7"') return void response.writeHead(304, { ETag: '"7"' }).end();
  json(response, 200, sampleTask(), { ETag: '"7"' });
});

beforeAll(() => server.start());
afterAll(() => server.stop());
beforeEach(() => signIn("right", sampleMe()));

test("an unchanged task is the same object as before", async () => {
  const first = await api.task("one");
  const second = await api.task("one", first);
  expect(first.value.id).toBe(sampleTask().id);
  expect(second).toBe(first);
});

test("a refused key ends the session; one that is only tried does not", async () => {
  await expect(api.me("wrong")).rejects.toMatchObject({ status: 401 });
  expect(key.value).toBe("right");
  signIn("revoked", sampleMe());
  await expect(api.task("one")).rejects.toBeInstanceOf(ApiError);
  expect([key.value, me.value, refused.value]).toEqual([null, null, true]);
});

test("errors carry what the server said, and whether asking again may help", async () => {
  await expect(api.submit({ prompt: "", source: { upload_id: "x" } }, "k")).rejects.toMatchObject({
    status: 422,
    detail: "wrong",
    errors: [{ field: "prompt", message: "empty" }],
    passing: false,
  });
  expect(server.asked.at(-1)?.headers["idempotency-key"]).toBe("k");
  await expect(api.task("busy")).rejects.toMatchObject({ status: 429, retryAfter: 7, passing: true });
  await expect(api.task("gateway")).rejects.toMatchObject({ status: 502, title: "HTTP 502", passing: true });
  await expect(api.task("broken")).rejects.toMatchObject({ status: 0, title: "Bad answer" });
});

test("a log part comes with the offset to ask for next, an artifact as a URL", async () => {
  expect(await api.log("one", 6)).toEqual({ text: "héllo", next: 12, complete: true });
  expect(server.asked.at(-1)?.url).toBe("/v1/tasks/one/logs?offset=6");
  expect(await api.artifactUrl("one", "diff.patch")).toBe("https://bucket.example/x?sign");
});

test("an aborted request is no error of the API", async () => {
  const abort = new AbortController();
  const asked = api.task("one", null, abort.signal);
  abort.abort();
  await expect(asked).rejects.not.toBeInstanceOf(ApiError);
});
