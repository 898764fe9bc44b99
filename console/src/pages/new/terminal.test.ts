import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sampleMe } from "../../testing/samples";
import { body, type Draft, emptyDraft } from "./form";
import { command, curl, quoted } from "./terminal";

const NASTY = `it's "$(touch pwned)" \`id\` \\ !! ; rm -rf / & | > x
second line\tend ${"\u001b"}[201~ \u202e \u007f é 中文 $'x' %s * ~`;

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "console-"));
  for (const name of ["patchmill", "curl"]) {
    writeFileSync(join(folder, name), `#!/bin/bash\nprintf '%s\\0' ${name} "$@" >> "$OUT"\nprintf '{"upload_id": "01ABC"}' > upload.json\nprintf 'HTTP/1.1 201\\r\\nLocation: https://bucket.example/a?b=c\\r\\n' > upload.headers\n`);
    chmodSync(join(folder, name), 0o755);
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Run it in bash with programs that write down their arguments. */
function run(text: string): string[] {
  const out = join(folder, "arguments");
  rmSync(out, { force: true });
  const env = { PATH: `${folder}:${process.env["PATH"]}`, OUT: out, PATCHMILL_API_KEY: "the key" };
  execFileSync("bash", ["--norc", "-c", text], { cwd: folder, env });
  return readFileSync(out, "utf8").split("\0").slice(0, -1);
}

const draft = (change: Partial<Draft>): Draft => ({ ...emptyDraft(sampleMe()), prompt: NASTY, url: "https://h/x.git", ...change });

test("whatever is in a word, a shell reads it as it was, and a terminal obeys none of it", () => {
  for (const text of [NASTY, "", "-x", "plain", "'", "\\'", "a\u0085b\u200b"]) {
    const word = quoted(text);
    expect(word).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u202e]/);
    expect(run(`patchmill ${word}`)).toEqual(["patchmill", text]);
  }
});

test("the command submits what the form holds", () => {
  const labels = [{ name: "team", value: "a b'c" }, { name: "", value: "" }];
  const text = command(draft({ ref: "main", model: "m", timeout: "90", labels }), "https://pm.example", "");
  expect(run(text)).toEqual([
    "patchmill", "submit", "--repo", "https://h/x.git", "--ref", "main", "--agent", "mini", "--model", "m",
    "--timeout", "90s", "--label", "team=a b'c", "--follow", "--", NASTY,
  ]);
});

test("curl sends the same JSON as the form does", () => {
  const wanted = draft({ labels: [{ name: "team", value: NASTY.slice(0, 150) }], steps: "7", agent: "mini" });
  const words = run(curl(wanted, "https://pm.example", ""));
  expect(JSON.parse(words.at(-1) ?? "")).toEqual(body(wanted, ""));
  expect(words).toContain("https://pm.example/v1/tasks");
  expect(words).toContain("Authorization: Bearer the key");
});

test("curl with a ZIP asks for an upload, sends it, and names it in the task", () => {
  writeFileSync(join(folder, "a b$x.zip"), "PK34");
  const wanted = draft({ kind: "zip" });
  const words = run(curl(wanted, "https://pm.example", "a b$x.zip"));
  const calls = words.join("\0").split("curl\0").slice(1).map((call) => call.split("\0").filter(Boolean));
  expect(calls.length).toBe(3);
  expect(JSON.parse(calls[0]?.at(-1) ?? "")).toEqual({ size: 4 });
  expect(calls[1]).toEqual(["-sS", "--fail", "-T", "./a b$x.zip", "https://bucket.example/a?b=c"]);
  expect(JSON.parse(calls[2]?.at(-1) ?? "")).toEqual(body(wanted, "01ABC"));
});
