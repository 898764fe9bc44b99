import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, expect, test } from "vitest";
import { setEnabled, useKeys } from "./keys";
import { confirm, Dialogs } from "./ui";

let pressed = 0;
function Page() {
  useKeys("Page", [{ keys: ["x"], does: "count", run: () => (pressed += 1) }]);
  return (
    <>
      <input />
      <button type="button">b</button>
      <Dialogs />
    </>
  );
}
const root = document.createElement("div");
document.body.append(root);
const press = (selector: string, init: KeyboardEventInit = {}) =>
  root.querySelector(selector)?.dispatchEvent(new KeyboardEvent("keydown", { key: "x", bubbles: true, cancelable: true, ...init }));

afterEach(() => {
  render(null, root);
  setEnabled(true);
  pressed = 0;
});

test("a key works outside of fields, without modifiers, and while its page is there", async () => {
  await act(() => render(<Page />, root));
  press("input");
  press("button", { ctrlKey: true });
  expect(pressed).toBe(0);
  press("button");
  expect(pressed).toBe(1);
  setEnabled(false);
  press("button");
  expect(pressed).toBe(1);
  setEnabled(true);
  await act(() => render(<button type="button">other page</button>, root));
  press("button");
  expect(pressed).toBe(1);
});

test("a question is answered by its buttons; keys rest meanwhile", async () => {
  await act(() => render(<Page />, root));
  const ask = async () => {
    const answer = confirm({ title: "Sure?", body: "It ends.", action: "Do it", danger: true });
    await act(() => undefined);
    return answer;
  };
  const [no, yes] = [0, 1];
  for (const which of [no, yes]) {
    const answer = ask();
    await act(() => new Promise((done) => setTimeout(done)));
    press("button");
    expect(pressed).toBe(0);
    await act(() => root.querySelectorAll<HTMLElement>(".dialog-foot button")[which]?.click());
    expect(await answer).toBe(which === yes);
    expect(root.querySelector("dialog")).toBeNull();
  }
});
