type Value = string | number | boolean | ((event: never) => unknown);
type Child = Node | string;

/**
 * Makes an element. Strings become text, never markup.
 *
 * @param values attributes; a boolean says whether there is one, and a function listens to the event after `on`
 */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  values: Record<string, Value> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(values)) {
    if (typeof value === "function") element.addEventListener(name.replace(/^on/, ""), value as EventListener);
    else if (typeof value === "boolean") element.toggleAttribute(name, value);
    else element.setAttribute(name, String(value));
  }
  element.append(...children);
  return element;
}

const SHAPES = {
  play: "M7 4.5v15l13-7.5z",
  pause: "M6 4.5h4.5v15H6zM13.5 4.5H18v15h-4.5z",
  loop: "M17 2.5l4 4-4 4v-3H7a3 3 0 0 0-3 3v1.5H2V10.5a5 5 0 0 1 5-5h10zM7 21.5l-4-4 4-4v3h10a3 3 0 0 0 3-3V12h2v1.5a5 5 0 0 1-5 5H7z",
  back: "M15.5 4.5L8 12l7.5 7.5 1.5-1.5L11 12l6-6z",
  bin: "M9 3h6l1 2h4v2H4V5h4zM6 8.5h12l-1 12.5H7z",
  save: "M10.75 3h2.5v9h4L12 17.5 6.75 12h4zM4 19h16v2.25H4z",
  cross: "M5.4 4L12 10.6 18.6 4 20 5.4 13.4 12l6.6 6.6-1.4 1.4L12 13.4 5.4 20 4 18.6 10.6 12 4 5.4z",
  minus: "M4 10.75h16v2.5H4z",
  plus: "M10.75 4h2.5v6.75H20v2.5h-6.75V20h-2.5v-6.75H4v-2.5h6.75z",
  song: "M9 4l11-2v14.5a3.5 3.5 0 1 1-2-3.15V7l-7 1.3V19.5a3.5 3.5 0 1 1-2-3.15z",
} as const;

/** A small picture, which only says again what a label says. */
export function icon(name: keyof typeof SHAPES): SVGSVGElement {
  const space = "http://www.w3.org/2000/svg";
  const picture = document.createElementNS(space, "svg");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", SHAPES[name]);
  picture.setAttribute("viewBox", "0 0 24 24");
  picture.setAttribute("class", "icon");
  picture.setAttribute("aria-hidden", "true");
  picture.append(path);
  return picture;
}

/** A list to choose from. */
export function choice(
  label: string,
  options: readonly (readonly [value: string, text: string])[],
  changed: (value: string) => void = () => undefined,
): { field: HTMLLabelElement; select: HTMLSelectElement } {
  const select: HTMLSelectElement = h("select", { onchange: () => changed(select.value) });
  select.append(...options.map(([value, text]) => h("option", { value }, text)));
  return { field: h("label", { class: "field" }, h("span", {}, label), select), select };
}

let nextId = 0;

/** An id that no other element has. */
export function newId(): string {
  return `id-${nextId++}`;
}
