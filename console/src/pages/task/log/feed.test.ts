import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { signIn } from "../../../session";
import { sampleMe, sampleTask } from "../../../testing/samples";
import { json, TestServer, until } from "../../../testing/server";
import { LogFeed } from "./feed";

const PIECE = 900 << 10;
let log = Buffer.from("");
let ended = true;
let failures = 0;
let bucket: (() => { status: number; body: Buffer }) | null = null;
const server = new TestServer((asked, response) => {
  const url = new URL(asked.url, "http://x");
  if (url.pathname.endsWith("/logs")) {
    if (failures-- > 0) return json(response, 503, { title: "later" }, { "Retry-After": "0" });
    const offset = Number(url.searchParams.get("offset"));
    const part = log.subarray(offset, offset + PIECE);
    response.writeHead(200, {
      "Patchmill-Log-Offset": String(offset + part.length),
      "Patchmill-Log-Complete": String(ended && part.length < PIECE),
    });
    response.end(part);
  } else if (url.pathname.endsWith("/artifacts/agent.log")) {
    response.writeHead(200, { Location: `${server.origin}/bucket/agent.log?signed` });
    response.end("{}");
  } else if (bucket && url.pathname === "/bucket/agent.log") {
    const { status, body } = bucket();
    response.writeHead(status);
    response.end(body);
  } else json(response, 404, {});
});
let feed = new LogFeed();

beforeAll(async () => {
  await server.start();
  signIn("key", sampleMe());
});
afterAll(() => server.stop());
afterEach(() => {
  feed.stop();
  feed = new LogFeed();
  server.asked.length = 0;
  bucket = null;
});
const paths = (): string[] => server.asked.map((asked) => asked.url.replace(/^.*\/(?=logs|artifacts|bucket)/, ""));
const stored = (size: number) => sampleTask({ artifacts: [{ name: "agent.log", size, sha256: "" }] });

test("pieces are asked for by offset until the log is complete", async () => {
  log = Buffer.from("line of text\n".repeat(150_000));
  ended = true;
  feed.start(sampleTask());
  await until(() => feed.state.value === "complete");
  expect(feed.text.value.lines).toBe(150_000);
  expect(paths()).toEqual(["logs?offset=0", `logs?offset=${PIECE}`, `logs?offset=${2 * PIECE}`]);
});

test("a running task's log grows, and nothing is asked for twice", async () => {
  [log, ended] = [Buffer.from("one\n"), false];
  feed.start(sampleTask({ status: "PROCESSING", finished_at: null }));
  await until(() => feed.text.value.lines === 1);
  [log, ended] = [Buffer.from("one\ntwo\n"), true];
  await until(() => feed.state.value === "complete");
  expect(feed.text.value.read(0, 9).map((row) => row.text)).toEqual(["one", "two"]);
  expect(paths()).toEqual(["logs?offset=0", "logs?offset=4"]);
});

test("trouble of the server passes", async () => {
  [log, ended, failures] = [Buffer.from("here\n"), true, 1];
  feed.start(sampleTask());
  await until(() => feed.error.value?.status === 503);
  await until(() => feed.state.value === "complete");
  expect(feed.error.value).toBe(null);
  expect(feed.text.value.lines).toBe(1);
});

test("a large log of an ended task comes from the bucket, without the key", async () => {
  log = Buffer.from("x".repeat(99) + "\n").subarray(0, 100);
  log = Buffer.concat(Array.from({ length: 50_000 }, () => log));
  ended = true;
  bucket = () => ({ status: 200, body: log });
  feed.start(stored(log.length));
  await until(() => feed.state.value === "complete");
  expect(feed.text.value.lines).toBe(50_000);
  expect(paths()).toEqual(["artifacts/agent.log?redirect=false", "bucket/agent.log?signed", `logs?offset=${log.length}`]);
  expect(server.asked[1]?.headers.authorization).toBe(undefined);
});

test("what the bucket does not give comes from the API", async () => {
  log = Buffer.concat(Array.from({ length: 60_000 }, () => Buffer.from("y".repeat(79) + "\n")));
  bucket = () => ({ status: 403, body: Buffer.from("denied") });
  feed.start(stored(log.length));
  await until(() => feed.state.value === "complete");
  expect(feed.text.value.size).toBe(log.length);
});

test("cut anew at another width while it is shown, the text stays the same", async () => {
  log = Buffer.from("0123456789".repeat(10) + "\nend");
  ended = true;
  feed.start(sampleTask());
  await until(() => feed.state.value === "complete");
  await feed.rewrap(25);
  expect(feed.text.value.columns).toBe(25);
  expect(feed.text.value.read(0, 9).map((row) => row.text).join("")).toBe("0123456789".repeat(10) + "end");
});
