/** The licences of everything that package-lock.json has not only for development, as one text beside the assets. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "vite";

interface Package {
  version: string;
  license?: string;
  dev?: boolean;
}

export function licenses(fileName: string): Plugin {
  let root = "";
  return {
    name: "licenses",
    apply: "build",
    configResolved: (config) => void (root = config.root),
    generateBundle() {
      const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as { packages: Record<string, Package> };
      const parts = Object.entries(packages)
        .filter(([place, { dev }]) => place !== "" && !dev)
        .map(([place, about]) => `${place.replace(/^.*node_modules\//, "")} ${about.version} (${about.license ?? "see below"})\n\n${text(join(root, place))}\n`);
      this.emitFile({ type: "asset", fileName, source: `What this page is built from, besides Patchmill itself.\n\n${parts.join(`\n${"-".repeat(78)}\n\n`)}` });
    },
  };
}

/** The package's own file; some have none, and then their name and kind of licence must do. */
function text(folder: string): string {
  const file = readdirSync(folder).sort().find((name) => /^licen[cs]e/i.test(name));
  return file ? readFileSync(join(folder, file), "utf8").trim() : "";
}
