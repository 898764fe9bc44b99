import { expect, test } from "vitest";
import { href, parse, route, setQuery } from "./router";

test("an address leads back to what it was made from", () => {
  const made = href("tasks", "01J/../x", { q: "a&b=c #ü", status: "", tab: null });
  const { page, id, query } = parse(made);
  expect([page, id, [...query]]).toEqual(["tasks", "01J/../x", [["q", "a&b=c #ü"]]]);
});

test("nothing after the hash is the list of tasks, and a broken escape is taken as it is", () => {
  expect(parse("").page).toBe("tasks");
  expect(parse("#/tasks/%E0%A4%A").id).toBe("%E0%A4%A");
});

test("part of the query is changed in place", () => {
  location.hash = "#/tasks?status=FAILED&q=x";
  route.value = parse(location.hash);
  setQuery({ status: null, agent: "mini" });
  expect(location.hash).toBe("#/tasks?q=x&agent=mini");
  expect(route.value.query.get("agent")).toBe("mini");
});
