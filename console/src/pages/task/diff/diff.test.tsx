import { render } from "preact";
import { act } from "preact/test-utils";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { signIn } from "../../../session";
import { sampleMe, sampleTask } from "../../../testing/samples";
import { json, TestServer, until } from "../../../testing/server";
import DiffView from ".";
import { DiffLine } from "./line";
import type { Line } from "./model";

const EVIL = `<img src=x onerror="window.pwned=1">`;
let patch = "";
let status = 200;
const server = new TestServer((asked, response) => {
  if (asked.url.includes("/artifacts/")) {
    response.writeHead(200, { Location: `${server.origin}/bucket/diff.patch?signed` });
    response.end("{}");
  } else if (asked.url.startsWith("/bucket/")) {
    response.writeHead(status);
    response.end(patch);
  } else json(response, 404, {});
});
const root = document.createElement("div");
document.body.append(root);
let count = 0;

beforeAll(async () => {
  await server.start();
  signIn("key", sampleMe());
});
afterAll(() => server.stop());
afterEach(() => {
  render(null, root);
  server.asked.length = 0;
  status = 200;
});

async function show(text: string): Promise<void> {
  patch = text;
  const artifacts = text === "" ? [] : [{ name: "diff.patch", size: text.length, sha256: `sha${++count}` }];
  await act(() => render(<DiffView task={sampleTask({ artifacts })} />, root));
  await until(() => root.querySelector(".d-file, .empty, .notice"));
}
const file = (name: string, lines = 1): string =>
  `diff --git a/${name} b/${name}\nnew file mode 100644\n--- /dev/null\n+++ b/${name}\n@@ -0,0 +1,${lines} @@\n${"+x\n".repeat(lines)}`;

test("the patch is fetched from the bucket without the key, and its files are listed", async () => {
  await show(file("a.py") + file("b/c.ts", 3));
  expect(server.asked[1]?.headers.authorization).toBe(undefined);
  expect([...root.querySelectorAll(".d-file .d-path")].map((path) => path.textContent)).toEqual(["a.py", "b/c.ts"]);
  expect(root.querySelector(".d-total")?.textContent).toBe("2 files+4");
  expect(root.querySelector(".d-apply-code")?.textContent).toMatch(/^curl .*\$PATCHMILL_API_KEY" http.*\/artifacts\/diff\.patch \| git apply$/);
});
test("a file's name is never markup", async () => {
  await show(file(`${EVIL.replaceAll('"', "")}\u202e.py`));
  expect(root.querySelector("img")).toBe(null);
  expect(root.querySelector(".d-file .d-path")?.textContent).toContain("<img src=x onerror=window.pwned=1>⟨U+202E⟩.py");
});
test("huge files are folded and say so", async () => {
  await show(file("small.py") + file("huge.py", 5000));
  expect([...root.querySelectorAll(".d-toggle")].map((toggle) => toggle.getAttribute("aria-expanded"))).toEqual(["true", "false"]);
  expect(root.querySelector(".d-say")?.textContent).toContain("5,001 lines");
});
test("without a patch it says that there is none", async () => {
  await show("");
  expect(root.textContent).toContain("No patch");
});
test("when the bucket refuses, it says so and can be asked again", async () => {
  status = 403;
  await show(file("a.py"));
  status = 200;
  await act(() => root.querySelector<HTMLButtonElement>(".notice button")?.click());
  await until(() => root.querySelector(".d-file"));
});
test("a line is text with its colours, its changed middle marked, and cut when it is huge", async () => {
  const spoken = { added: "added: ", deleted: "deleted: " };
  const line = (change: Partial<Line>): Line => ({ kind: "+", old: 0, now: 7, text: "", mark: null, piece: -1, ...change });
  await act(() => render(<DiffLine line={line({ text: `x = ${EVIL}`, mark: [2, 6] })} side="both" spoken={spoken} tokens={[1, "attr", 1, "", 3, "keyword"]} />, root));
  expect(root.querySelector("img")).toBe(null);
  expect(root.querySelector(".d-text")?.textContent).toBe(`added: x = ${EVIL}`);
  expect([...root.querySelectorAll(".d-mark")].map((mark) => mark.textContent).join("")).toBe("= <i");
  expect(root.querySelector(".t-attr")?.textContent).toBe("x");
  await act(() => render(<DiffLine line={line({ text: "y".repeat(5000) })} side="now" spoken={spoken} tokens={undefined} />, root));
  expect(root.textContent).toContain("3,000 more characters");
});
