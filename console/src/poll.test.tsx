import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ApiError, type Tagged } from "./api";
import { type Polled, usePoll, wait } from "./poll";

/** What is asked, in order; each answer is given by hand. */
class Source {
  asked: (Tagged<number> | null)[] = [];
  next: (() => Promise<Tagged<number>>) = () => Promise.resolve({ etag: null, value: 1 });
  seen: Polled<number> | null = null;

  Page = ({ subject, every }: { subject: string; every: number | null }) => {
    this.seen = usePoll<number>(subject, (before) => (this.asked.push(before), this.next()), every);
    return null;
  };
}

let hidden = false;
Object.defineProperty(document, "hidden", { get: () => hidden });
const root = document.createElement("div");

beforeEach(() => {
  vi.useFakeTimers();
  hidden = false;
});
afterEach(() => {
  render(null, root);
  vi.useRealTimers();
});

const pass = (ms: number) => act(async () => void (await vi.advanceTimersByTimeAsync(ms)));

test("asked at once and then every two seconds, with what came before", async () => {
  const source = new Source();
  await act(() => render(<source.Page subject="a" every={2000} />, root));
  await pass(0);
  expect(source.seen?.value).toBe(1);
  await pass(4100);
  expect(source.asked.length).toBe(3);
  expect(source.asked[1]).toEqual({ etag: null, value: 1 });
});

test("a hidden tab rests, and asks when it is shown again", async () => {
  const source = new Source();
  await act(() => render(<source.Page subject="a" every={2000} />, root));
  await pass(0);
  hidden = true;
  await pass(60_000);
  expect(source.asked.length).toBe(1);
  hidden = false;
  document.dispatchEvent(new Event("visibilitychange"));
  await pass(0);
  expect(source.asked.length).toBe(2);
});

test("the last value stays while errors last, and asking gets rarer", async () => {
  const source = new Source();
  await act(() => render(<source.Page subject="a" every={1000} />, root));
  await pass(0);
  source.next = () => Promise.reject(new ApiError(503, "down", ""));
  await pass(20_000);
  expect(source.asked.length).toBeLessThan(7);
  expect(source.seen).toMatchObject({ value: 1, error: { status: 503 } });
  source.next = () => Promise.resolve({ etag: null, value: 2 });
  await act(() => source.seen?.refresh());
  await pass(0);
  expect(source.seen).toMatchObject({ value: 2, error: null });
});

test("an error that lasts is not asked for again", async () => {
  const source = new Source();
  source.next = () => Promise.reject(new ApiError(404, "gone", ""));
  await act(() => render(<source.Page subject="a" every={1000} />, root));
  await pass(30_000);
  expect(source.asked.length).toBe(1);
});

test("another subject drops the old value", async () => {
  const source = new Source();
  await act(() => render(<source.Page subject="a" every={null} />, root));
  await pass(0);
  source.next = () => new Promise(() => undefined);
  await act(() => render(<source.Page subject="b" every={null} />, root));
  expect(source.seen).toMatchObject({ value: null, loading: true });
  expect(source.asked.at(-1)).toBeNull();
});

test("the wait grows, has an end, and is never shorter than the server wishes", () => {
  expect(wait(1, 2000, null, 0.5)).toBe(4000);
  expect(wait(30, 2000, null, 1)).toBe(75_000);
  expect(wait(1, 1000, 30, 0)).toBe(30_000);
});
