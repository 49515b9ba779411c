import "./style.css";
import { openCompare } from "./compare/compare";
import { h } from "./dom";
import { openPlayer } from "./player/player";
import { openSongs } from "./songs/songs";
import type { Open, View } from "./view";

// The views, by what stands first in the address after #/; a further one is a line here, and a link in index.html.
const VIEWS: Readonly<Record<string, Open>> = { "": openSongs, song: openPlayer, compare: openCompare };

const main = document.querySelector("main")!;
let current: View | null = null;
let visits = 0;

async function visit(): Promise<void> {
  const mine = ++visits;
  const [name = "", ...rest] = location.hash.replace(/^#\/?/, "").split("/");
  current?.leave();
  current = null;
  let view: View;
  try {
    view = await (Object.hasOwn(VIEWS, name) ? VIEWS[name]! : openSongs)(...rest.map(decodeURIComponent));
  } catch (error) {
    view = sorry((error as Error).message);
  }
  if (mine !== visits) return view.leave(); // another one was opened meanwhile
  current = view;
  document.title = `${view.title} · auralflow studio`;
  main.replaceChildren(view.element);
  main.dataset["view"] = name || "songs";
  for (const link of document.querySelectorAll<HTMLAnchorElement>("header nav a")) {
    const isHere = link.hash === (name ? `#/${name}` : "#/");
    link.toggleAttribute("data-here", isHere);
    if (isHere) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

/** The view where another one cannot be opened. */
function sorry(message: string): View {
  const element = h("section", { class: "sorry" }, h("h1", {}, "This cannot be shown"), h("p", { role: "alert" }, message), h("p", {}, h("a", { href: "#/" }, "All songs")));
  return { element, title: "Not found", leave: () => undefined };
}

// The token of the first visit has become a cookie, and need not stay where it can be read.
if (location.search) history.replaceState(null, "", location.pathname + location.hash);
addEventListener("hashchange", () => void visit());
addEventListener("keydown", (event) => {
  if (!event.defaultPrevented && current?.key?.(event)) event.preventDefault();
});
void visit();
