import "./style.css";
import { openCompare } from "./compare/compare";
import { h } from "./dom";
import { openPlayer } from "./player/player";
import { openSongs } from "./songs/songs";
import { sorry } from "./sorry";
import type { Open, View } from "./view";

// The views, by what stands first in the address after #/; a further one is a line here, and a link in index.html.
const VIEWS: Readonly<Record<string, Open>> = { "": openSongs, song: openPlayer, compare: openCompare };

const main = document.querySelector("main")!;
const scrolled = new Map<string, number>(); // how far, by address
let current: View | null = null;
let address = "";
let visits = 0;

async function visit(): Promise<void> {
  const mine = ++visits;
  if (current) scrolled.set(address, scrollY);
  main.setAttribute("aria-busy", "true");
  const [name = "", ...rest] = location.hash.replace(/^#\/?/, "").split("/");
  current?.leave();
  current = null;
  let view: View;
  try {
    view = await (Object.hasOwn(VIEWS, name) ? VIEWS[name]! : openSongs)(...rest.map(decodeURIComponent));
  } catch (error) {
    const again = h("button", { type: "button", class: "button", onclick: () => void visit() }, "Try again");
    view = sorry("This cannot be shown", (error as Error).message, h("p", {}, again));
  }
  if (mine !== visits) return view.leave(); // another one was opened meanwhile
  current = view;
  document.title = `${view.title} · auralflow studio`;
  main.replaceChildren(view.element);
  main.removeAttribute("aria-busy");
  main.dataset["view"] = name || "songs";
  for (const link of document.querySelectorAll<HTMLAnchorElement>("header nav a")) {
    const isHere = link.hash === (name ? `#/${name}` : "#/");
    link.toggleAttribute("data-here", isHere);
    if (isHere) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  arrive();
}

/** Goes to where the view was when it was left, or to its top; its title has the focus, but for the first view. */
function arrive(): void {
  const isFirst = address === "";
  address = location.hash || "#/";
  scrollTo(0, scrolled.get(address) ?? 0);
  const title = main.querySelector("h1");
  title?.setAttribute("tabindex", "-1");
  if (!isFirst) title?.focus({ preventScroll: true });
}

// The token of the first visit has become a cookie, and need not stay where it can be read.
if (location.search) history.replaceState(null, "", location.pathname + location.hash);
addEventListener("hashchange", () => void visit());
addEventListener("keydown", (event) => {
  if (!event.defaultPrevented && current?.key?.(event)) event.preventDefault();
});
void visit();
