import { expect, test } from "vitest";
import { sampleMe } from "../../testing/samples";
import { body, check, type Draft, emptyDraft, zipFault } from "./form";

const who = sampleMe();
const draft = (change: Partial<Draft>): Draft => ({ ...emptyDraft(who), prompt: "fix it", url: "https://h/x.git", ...change });
const wrong = (change: Partial<Draft>, me = who): string[] => Object.keys(check(draft(change), me, false));

test("what is complete has no fault, and empty fields are left to the server", () => {
  expect(wrong({})).toEqual([]);
  expect(body(draft({}), "")).toEqual({ prompt: "fix it", source: { git: { url: "https://h/x.git" } }, agent: "mini" });
});

test.each([
  ["source.git.url", { url: "" }],
  ["source.git.url", { url: "not a url" }],
  ["source.git.url", { url: "javascript:alert(1)" }],
  ["source.git.url", { url: "https://user:pw@h/x" }],
  ["source.git.ref", { ref: "a..b" }],
  ["source.git.ref", { ref: "-x" }],
  ["source.upload_id", { kind: "zip" as const }],
  ["prompt", { prompt: " \n" }],
  ["prompt", { prompt: "中".repeat(22_000) }],
  ["model", { model: "a b" }],
  ["limits.timeout_s", { timeout: "3601" }],
  ["limits.timeout_s", { timeout: "1.5" }],
  ["limits.max_steps", { steps: "0" }],
  ["labels.0", { labels: [{ name: "", value: "x" }] }],
  ["labels.1", { labels: [{ name: "a", value: "" }, { name: "a", value: "" }] }],
])("%s is wrong in %o", (field, change) => expect(wrong(change)).toEqual([field]));

test("a command needs no model, and takes none", () => {
  const nothing = sampleMe({ default_model: null });
  expect(wrong({ agent: "mini" }, nothing)).toEqual(["model"]);
  expect(wrong({ agent: "command", model: "a b", steps: "x" }, nothing)).toEqual([]);
  expect(body(draft({ agent: "command", model: "m", steps: "3" }), "")).not.toHaveProperty("model");
});

test("a file that is no ZIP, empty or too large is refused before it is sent", () => {
  const zip = new Uint8Array([0x50, 0x4b, 3, 4]);
  expect(zipFault({ name: "a.zip", size: 1000 }, zip, 1000)).toBeNull();
  expect(zipFault({ name: "a.zip", size: 1001 }, zip, 1000)).toContain("1001 B");
  expect(zipFault({ name: "a.zip", size: 0 }, zip, 1000)).toContain("empty");
  expect(zipFault({ name: "a.zip", size: 9 }, new Uint8Array([1, 2, 3, 4]), 1000)).toContain("not a ZIP");
});
