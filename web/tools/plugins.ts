// Steps of the build beyond what Vite does.

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import type { Plugin } from "vite";

const ROOT = join(import.meta.dirname, "..");
const SOURCES = ["index.html", "package.json", "package-lock.json", "public", "src", "tools", "tsconfig.json", "vite.config.ts"];
const STRETCH = join(ROOT, "node_modules", "signalsmith-stretch");

/**
 * Makes the import `virtual:stretch` the WebAssembly module inside the package signalsmith-stretch.
 *
 * The package wraps it into a node of its own, which plays buffers of one sound. Ours mixes first and stretches the
 * mix, so it takes the module alone: the text before the package's own wrapper.
 */
export function stretchModule(): Plugin {
  const name = "virtual:stretch";
  return {
    name: "stretch-module",
    resolveId: (id) => (id === name ? `\0${name}` : undefined),
    load(id) {
      if (id !== `\0${name}`) return undefined;
      const text = readFileSync(join(STRETCH, "SignalsmithStretch.mjs"), "utf8");
      const [begin, end] = [text.indexOf("var SignalsmithStretch ="), text.indexOf("if (typeof exports === 'object'")];
      if (begin < 0 || end < begin) throw new Error("signalsmith-stretch is not built as it was; see tools/plugins.ts");
      return `${text.slice(begin, end)}\nexport default SignalsmithStretch;\n`;
    },
  };
}

/** Writes the hash of all sources, by which a test knows whether the built files are theirs. */
export function sourcesHash(): Plugin {
  return {
    name: "sources-hash",
    generateBundle() {
      this.emitFile({ type: "asset", fileName: "sources.txt", source: `${hashOfSources()}\n` });
    },
  };
}

/** SHA-256 over each source's path, length and bytes, in the order of their paths. */
function hashOfSources(): string {
  const hash = createHash("sha256");
  const files = SOURCES.flatMap((name) => walk(join(ROOT, name))).map((file) => relative(ROOT, file).split(sep).join("/"));
  for (const file of files.sort()) {
    const bytes = readFileSync(join(ROOT, file));
    hash.update(`${file} ${bytes.length}\n`).update(bytes);
  }
  return hash.digest("hex");
}

function walk(path: string): string[] {
  try {
    return readdirSync(path).flatMap((name) => walk(join(path, name)));
  } catch {
    return [path];
  }
}
