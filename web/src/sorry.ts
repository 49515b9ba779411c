import { h } from "./dom";
import type { View } from "./view";

/** The view in the place of one that cannot be shown: why, and where to go from here. */
export function sorry(title: string, reason: string, ...more: readonly HTMLElement[]): View {
  const back = h("p", {}, h("a", { href: "#/" }, "All songs"));
  const element = h("section", { class: "sorry" }, h("h1", {}, title), h("p", { role: "alert" }, reason), ...more, back);
  return { element, title, leave: () => undefined };
}
