import { render } from "preact";
import { act } from "preact/test-utils";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { key, signOut } from "../../session";
import { sampleMe } from "../../testing/samples";
import { json, TestServer, until } from "../../testing/server";
import { SignIn } from ".";

const server = new TestServer((asked, response) =>
  asked.headers.authorization === "Bearer right" ? json(response, 200, sampleMe()) : json(response, 401, { title: "Unauthorized" }),
);
const root = document.createElement("div");
document.body.append(root);

beforeAll(() => server.start());
afterAll(() => server.stop());
beforeEach(async () => {
  signOut();
  await act(() => render(<SignIn key={Math.random()} />, root));
});

async function enter(text: string): Promise<void> {
  const input = root.querySelector("input");
  if (!input) throw new Error("no field");
  input.value = text;
  await act(() => void root.querySelector("form")?.dispatchEvent(new Event("submit", { cancelable: true, bubbles: true })));
}

test("a wrong key is said to be wrong, and is not kept", async () => {
  await enter("wrong");
  await until(() => root.querySelector(".field-error"));
  expect(root.querySelector(".field-error")?.textContent).toContain("not accepted");
  expect(root.querySelector("input")?.getAttribute("aria-invalid")).toBe("true");
  expect([key.value, sessionStorage.length]).toEqual([null, 0]);
});

test("what can't be a key is not sent", async () => {
  const before = server.asked.length;
  await enter("two words");
  await enter("");
  expect(root.querySelector(".field-error")).not.toBeNull();
  expect(server.asked.length).toBe(before);
});

test("a right key is kept for the tab, and nowhere else", async () => {
  await enter(" right ");
  await until(() => key.value === "right");
  expect(Object.values(sessionStorage)).toEqual(["right"]);
  expect(JSON.stringify(Object.entries(localStorage))).not.toContain("right");
});
