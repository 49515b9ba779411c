import { h } from "../dom";

const KEYS = [
  ["Space", "play, pause"],
  ["← →", "5 seconds back, on; with Shift 1 second"],
  ["Home, End", "the beginning, the end"],
  ["1 to 9", "solo a stem; with Shift, mute it"],
  ["[ ]", "the loop begins, ends here"],
  ["L", "loop on, off"],
  ["+ −", "show less, more of the song"],
] as const;

/** The list of keys: those of the player, or others. */
export function keyHelp(keys: readonly (readonly [key: string, text: string])[] = KEYS): HTMLElement {
  const rows = keys.flatMap(([key, text]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, text)]);
  return h("details", { class: "keys" }, h("summary", {}, "Keys"), h("dl", {}, ...rows));
}

/** Whether a key belongs to what has the focus, and not to the player. */
export function isTaken({ target, key, ctrlKey, metaKey, altKey }: KeyboardEvent): boolean {
  if (ctrlKey || metaKey || altKey) return true;
  if (!(target instanceof HTMLElement)) return false;
  if (target.closest("dialog, select, input:not([type=range]):not([type=checkbox])")) return true;
  if (key === " " || key === "Enter") return target.closest("button, a, summary, input[type=checkbox]") !== null;
  return target.matches("input[type=range]:not(.position)") && /^(Arrow|Home|End|Page)/.test(key);
}
