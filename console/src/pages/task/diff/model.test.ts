import { describe, expect, test } from "vitest";
import { files, folded, pairs, parse } from "./model";
import { languageOf } from "./languages";

const PATCH = `diff --git a/src/app.py b/src/app.py
index 1..2 100644
--- a/src/app.py
+++ b/src/app.py
@@ -1,5 +1,4 @@ def main():
 import os
-print("helo world")
+print("hello world")
+print("bye")
 x = 1
-- a sum
--- looks like a header
\\ No newline at end of file
diff --git a/old name.txt b/new name.txt
similarity index 100%
rename from old name.txt
rename to new name.txt
diff --git a/logo.png b/logo.png
new file mode 100644
index 0..1
GIT binary patch
literal 10
Rcmb=J^?xyz

diff --git a/run.sh b/run.sh
old mode 100644
new mode 100755
diff --git "a/\\346\\226\\207.txt" "b/\\346\\226\\207.txt"
deleted file mode 100644
--- "a/\\346\\226\\207.txt"
+++ /dev/null
@@ -1 +0,0 @@
-gone
`;

describe("files", () => {
  test("tells each file's name, kind and counts", async () => {
    const all = await files(PATCH);
    expect(all.map(({ path, kind, additions, deletions }) => [path, kind, additions, deletions])).toEqual([
      ["src/app.py", "modified", 2, 3],
      ["new name.txt", "renamed", 0, 0],
      ["logo.png", "added", 0, 0],
      ["run.sh", "mode", 0, 0],
      ["文.txt", "deleted", 0, 1],
    ]);
    expect(all[1]?.oldPath).toBe("old name.txt");
    expect(all[2]?.binary).toBe(true);
    expect(all[3]?.modes).toBe("100644 → 100755");
  });
  test("are none in an empty patch", async () => {
    expect(await files("")).toEqual([]);
    expect(await files("\n")).toEqual([]);
  });
});

describe("parse", () => {
  test("numbers the lines of both sides and marks what changed in them", async () => {
    const [file] = await files(PATCH);
    const { lines } = parse(PATCH, file!);
    expect(lines.map(({ kind, old, now }) => `${kind}${old},${now}`)).toEqual([
      "@0,0", " 1,1", "-2,0", "+0,2", "+0,3", " 3,4", "-4,0", "-5,0", "\\0,0",
    ]);
    expect(lines[0]?.text).toBe("@@ -1,5 +1,4 @@ def main():");
  });
  test("marks the middle that differs", async () => {
    const patch = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-print(helo)\n+print(hello)\n";
    const { lines } = parse(patch, (await files(patch))[0]!);
    expect(lines[2]?.mark).toEqual([9, 10]);
    expect(lines[1]?.mark).toBe(null);
  });
  test("shows a part that can't be read as it came", async () => {
    const patch = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,9 +1,9 @@\n what\n";
    const { lines } = parse(patch, (await files(patch))[0]!);
    expect(lines.map((line) => line.text).join("\n")).toBe(patch);
  });
});

describe("pairs", () => {
  test("set removed and added lines beside each other", async () => {
    const { lines } = parse(PATCH, (await files(PATCH))[0]!);
    expect(pairs(lines).map(([a, b]) => [a?.old ?? null, b?.now ?? null])).toEqual([
      [0, 0], [1, 1], [2, 2], [null, 3], [3, 4], [4, null], [5, null], [0, null],
    ]);
  });
});

describe("a patch of 5 MB", () => {
  test("is indexed and read without a long stop", async () => {
    const hunk = (n: number): string =>
      `@@ -${n * 10 + 1},3 +${n * 10 + 1},3 @@\n def f${n}():\n-    return compute(${n}, old=True)\n+    return compute(${n}, old=False)\n pass\n`;
    const part = (n: number): string =>
      `diff --git a/f${n}.py b/f${n}.py\n--- a/f${n}.py\n+++ b/f${n}.py\n${Array.from({ length: 400 }, (_, i) => hunk(i)).join("")}`;
    const patch = Array.from({ length: 115 }, (_, i) => part(i)).join("");
    expect(patch.length).toBeGreaterThan(5_000_000);
    const all = await files(patch);
    expect(all).toHaveLength(115);
    const start = performance.now();
    expect(parse(patch, all[50]!).lines).toHaveLength(2000);
    expect(performance.now() - start).toBeLessThan(2000);
    expect(folded(all[0]!)).toBe(true);
  });
});

test("grammars are chosen by the file's name", () => {
  expect(["a/b.py", "Dockerfile", "Makefile", "x.TSX", "docker/Dockerfile.dev", "x.unknown", "LICENSE"].map(languageOf)).toEqual([
    "python", "dockerfile", "makefile", "typescript", "dockerfile", null, null,
  ]);
});
