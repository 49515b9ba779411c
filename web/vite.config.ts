import { defineConfig } from "vitest/config";
import { licences } from "./tools/licences";
import { sourcesHash, stretchModule } from "./tools/plugins";

// The page goes into the Python package, under names that stay the same, so that the built files can be compared.
export default defineConfig({
  base: "./",
  plugins: [stretchModule(), licences(), sourcesHash()],
  worker: {
    format: "es",
    plugins: () => [stretchModule()],
    rollupOptions: { output: { entryFileNames: "worklet.js" } },
  },
  build: {
    outDir: "../auralflow/studio/page",
    emptyOutDir: true,
    assetsDir: ".",
    target: "es2022",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    rollupOptions: {
      output: {
        entryFileNames: "studio.js",
        chunkFileNames: "[name].js",
        assetFileNames: (asset) => (asset.names.some((name) => name.endsWith(".css")) ? "studio.css" : "[name][extname]"),
      },
    },
  },
  server: { proxy: { "/api": "http://127.0.0.1:8765" } },
  test: { include: ["test/**/*.test.ts"], testTimeout: 60_000 },
});
