import { expect, test } from "vitest";
import { ApiError } from "../api";
import { speak } from "../i18n";
import { ago, bytes, duration, sentence } from "./format";

test.each([
  [null, "–"],
  [-3, "0.0 s"],
  [0.44, "0.4 s"],
  [59.9, "59 s"],
  [125, "2 m 05 s"],
  [7262, "2 h 01 m"],
  [90_000, "1 d 1 h"],
])("%s seconds are %s", (seconds, text) => expect(duration(seconds)).toBe(text));

test("sizes and ages are told in the language of the page", () => {
  expect([bytes(0), bytes(1023), bytes(1536), bytes(5 * 1024 ** 3)]).toEqual(["0 B", "1023 B", "1.5 KB", "5.0 GB"]);
  const now = Date.parse("2026-11-24T12:00:00Z");
  expect(ago("2026-11-24T11:57:00Z", now)).toBe("3 min. ago");
  expect(ago("2026-11-24T12:00:01Z", now)).toBe("just now");
  expect(ago("nonsense", now)).toBe("–");
  speak("zh");
  expect(ago("2026-11-24T11:57:00Z", now)).toBe("3分钟前");
  speak("en");
});

test("an error is told by the server's words where it has some, else by its kind", () => {
  expect(sentence(new ApiError(0, "No contact", ""))).toBe("The server can't be reached.");
  expect(sentence(new ApiError(503, "x", "internals"))).toBe("The server has trouble (503).");
  expect(sentence(new ApiError(409, "Conflict", "It has ended."))).toBe("It has ended.");
  expect(sentence(new ApiError(422, "No", "", [{ field: "q", message: "too long" }]))).toBe("q: too long");
  expect(sentence(new ApiError(403, "Forbidden", ""))).toBe("This key may not do that.");
});
