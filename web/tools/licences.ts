// The licences of what the built page contains of others.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "vite";

const ROOT = join(import.meta.dirname, "..");

interface Part {
  readonly name: string; // of the package, where it is one
  readonly title: string;
  readonly licence: string; // by SPDX
  readonly place: string;
  readonly text?: string; // file in tools/licences, where the licence asks for its text
}

const WASM = "compiled into the WebAssembly of signalsmith-stretch, in worklet.js and render.js";
const PARTS: readonly Part[] = [
  { name: "signalsmith-stretch", title: "Signalsmith Stretch and Signalsmith Linear", licence: "MIT", place: "changes speed and key, in worklet.js and render.js", text: "signalsmith-stretch.txt" },
  { name: "emscripten", title: "Emscripten", licence: "MIT", place: "loads the WebAssembly of signalsmith-stretch, in worklet.js and render.js", text: "emscripten.txt" },
  { name: "musl", title: "musl, the C library", licence: "MIT", place: WASM, text: "musl.txt" },
  { name: "llvm", title: "libc++, libc++abi and compiler-rt of LLVM", licence: "Apache-2.0 WITH LLVM-exception", place: `${WASM}; where it is compiled in, its exception asks for no text` },
  { name: "dlmalloc", title: "dlmalloc by Doug Lea", licence: "CC0-1.0", place: WASM },
  { name: "vite", title: "Vite", licence: "MIT", place: "loads render.js, in studio.js", text: "vite.txt" },
];

interface Lock {
  readonly packages: Readonly<Record<string, { readonly version?: string; readonly license?: string; readonly dev?: boolean }>>;
}

/**
 * Writes `licences.txt`.
 *
 * The build fails if a package that the page is made of is not one of `PARTS`, or has another licence there.
 */
export function licences(): Plugin {
  return {
    name: "licences",
    generateBundle(_options, bundle) {
      const { packages } = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")) as Lock;
      const files = Object.values(bundle).flatMap((chunk) => (chunk.type === "chunk" ? chunk.moduleIds : []));
      const bundled = new Set([...packagesOf(files), ...packagesOf(Object.keys(packages).filter((path) => !packages[path]!.dev))]);
      for (const name of bundled) {
        const licence = packages[`node_modules/${name}`]?.license;
        if (!PARTS.some((part) => part.name === name && part.licence === licence)) {
          throw new Error(`The page contains ${name} (${licence}), which tools/licences.ts does not name so.`);
        }
      }
      const versions = new Map(PARTS.map(({ name }) => [name, packages[`node_modules/${name}`]?.version]));
      this.emitFile({ type: "asset", fileName: "licences.txt", source: textOf(versions) });
    },
  };
}

/** The names of packages that files belong to. */
function packagesOf(files: readonly string[]): string[] {
  return files.flatMap((file) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? []);
}

function textOf(versions: ReadonlyMap<string, string | undefined>): string {
  const lines = PARTS.map(({ name, title, licence, place }) => {
    const version = versions.get(name);
    return `- ${title}${version ? ` (${name} ${version})` : ""}, ${licence}: ${place}`;
  });
  const texts = PARTS.flatMap(({ title, text }) => {
    if (!text) return [];
    const own = readFileSync(join(ROOT, "tools", "licences", text), "utf8").trimEnd();
    return [`${"=".repeat(78)}\n${title}\n${"=".repeat(78)}\n\n${own}`];
  });
  return `The page of auralflow studio contains, of others:\n\n${lines.join("\n")}\n\n${texts.join("\n\n")}\n`;
}
