/** What a browser loads before the first page shows, compressed: told after each build, which fails when it is too much. */
import { gzipSync } from "node:zlib";
import type { Plugin, Rollup } from "vite";

type Bundle = Rollup.OutputBundle;

/** `limit`: bytes of scripts and styles that the entry needs by static imports, each compressed by gzip. */
export function budget(limit: number): Plugin {
  return {
    name: "budget",
    apply: "build",
    generateBundle(_options, bundle) {
      const first = initial(bundle);
      let total = 0;
      for (const [name, file] of Object.entries(bundle).sort(([a], [b]) => (a < b ? -1 : 1))) {
        const size = compressed(file);
        if (first.has(name)) total += size;
        console.log(`${first.has(name) ? "first" : "later"}  ${kilobytes(size)}  ${name}`);
      }
      console.log(`first load ${kilobytes(total)} of ${kilobytes(limit)}, gzip`);
      if (total > limit) this.error(`the first load has ${kilobytes(total)}; at most ${kilobytes(limit)} are allowed`);
    },
  };
}

/** The entry's script, what it imports statically, and their styles. */
export function initial(bundle: Bundle): Set<string> {
  const seen = new Set<string>();
  const visit = (name: string): void => {
    const file = bundle[name];
    if (seen.has(name) || file?.type !== "chunk") return;
    seen.add(name);
    file.viteMetadata?.importedCss.forEach((css) => seen.add(css));
    file.imports.forEach(visit);
  };
  Object.values(bundle).forEach((file) => file.type === "chunk" && file.isEntry && visit(file.fileName));
  return seen;
}

function compressed(file: Bundle[string]): number {
  return gzipSync(file.type === "chunk" ? file.code : file.source, { level: 9 }).length;
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1024).toFixed(1).padStart(6)} KB`;
}
