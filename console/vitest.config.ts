/** Unit tests: beside the code, in a document by happy-dom; what they talk to is a real server on loopback. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    environment: "happy-dom",
    include: ["src/**/*.test.{ts,tsx}", "*.test.ts"],
    testTimeout: 20_000,
    maxWorkers: 2,
    restoreMocks: true,
  },
});
