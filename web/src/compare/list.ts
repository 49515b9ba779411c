import { h } from "../dom";
import { clock } from "../format";
import type { View } from "../view";
import { namesOf, type Song } from "./versions";

/** The songs that can be compared, those of several models first. */
export function listOf(songs: readonly Song[]): View {
  const ordered = [...songs].sort((one, other) => other.jobs.length - one.jobs.length);
  const rows = ordered.map(({ name, jobs }) => {
    const models = namesOf(jobs).join(", ");
    const only = jobs.length < 2 ? " — with true stems of yours, or once another model has separated it too" : "";
    const facts = h("p", { class: "facts" }, h("span", {}, clock(jobs[0]!.seconds)), h("span", {}, `${models}${only}`));
    const link = h("a", { href: `#/compare/${encodeURIComponent(jobs[0]!.id)}` }, name);
    return h("li", { class: "song" }, h("div", { class: "text" }, h("h3", {}, link), facts));
  });
  const empty = rows.length ? "" : h("p", { class: "empty" }, "There are no separated songs yet. Separate the same song by two models to compare them.");
  const element = h("div", { class: "page" }, h("h1", {}, "Compare"), h("ul", { class: "songs" }, ...rows), empty);
  return { element, title: "Compare", leave: () => undefined };
}
