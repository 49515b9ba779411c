import type { Job, Track } from "../api";
import { h } from "../dom";
import type { View } from "../view";
import { stemLinks } from "./export";

/** A song that cannot be played here, and why; its stems can be taken along. */
export function silent(job: Job, stems: readonly Track[], reason: string): View {
  const back = h("p", {}, h("a", { href: "#/" }, "All songs"));
  const element = h("section", { class: "sorry" }, h("h1", {}, job.name), h("p", { role: "alert" }, reason), stemLinks(stems), back);
  return { element, title: job.name, leave: () => undefined };
}
