/**
 * How the console is built and tried out.
 *
 * `npm run dev` serves it from source; PATCHMILL_URL says which server answers /v1 (the emulator's `env` file has it).
 * `npm run build` makes what the function serves: text files only, names with a hash of what is in them, nothing inline.
 */
import { defineConfig } from "vite";
import { budget } from "./budget.ts";
import { licenses } from "./licenses.ts";

const server = process.env["PATCHMILL_URL"] ?? "http://127.0.0.1:9000";

export default defineConfig({
  base: "/",
  build: {
    outDir: process.env["PATCHMILL_CONSOLE_OUT"] ?? "dist",
    emptyOutDir: true,
    target: "es2022",
    cssTarget: ["chrome111", "firefox113", "safari16.4"],
    assetsInlineLimit: 0, // the Content-Security-Policy allows no data: but for pictures
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    sourcemap: false,
  },
  worker: { format: "es" }, // it loads grammars when they are needed
  plugins: [licenses("assets/licenses.txt"), budget(120 * 1024)],
  server: { host: "127.0.0.1", proxy: { "/v1": server, "/metrics": server, "/healthz": server } },
});
