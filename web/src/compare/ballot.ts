import { h } from "../dom";
import type { Votes } from "./votes";

/** The panel of a blind test: which version is the best here, and the votes at the end. */
export class Ballot {
  readonly element = h("section", { class: "ballot card", "aria-label": "Blind test", hidden: true });
  readonly results = h("section", { class: "votes card", "aria-label": "Votes", hidden: true });
  private readonly head = h("h2", {}, "");
  private readonly choices = h("div", { class: "choices", role: "group", "aria-label": "The best" });

  /**
   * @param voted called with the place of a letter, null for no difference
   * @param finished called when the listener ends the test
   */
  constructor(
    private readonly voted: (place: number | null) => void,
    finished: () => void,
  ) {
    const hint = h("p", { class: "hint" }, "Listen to all of them in this loop, then choose. The next round is at another place, in another order.");
    const end = h("button", { type: "button", class: "button", onclick: finished }, "End the test and show the votes");
    this.element.append(this.head, hint, this.choices, end);
  }

  /** Asks about so many versions. */
  ask(round: number, letters: readonly string[]): void {
    this.head.textContent = `Round ${round}: which is the best?`;
    const buttons = letters.map((letter, place) => h("button", { type: "button", class: "button", onclick: () => this.voted(place) }, `${letter} is the best`));
    this.choices.replaceChildren(...buttons, h("button", { type: "button", class: "button", onclick: () => this.voted(null) }, "No difference"));
    this.element.hidden = false;
    this.results.hidden = true;
  }

  /** Shows the votes about each stem. */
  show(votes: ReadonlyMap<string, Votes>): void {
    this.element.hidden = true;
    const counted = [...votes].filter(([, { decided, undecided }]) => decided + undecided > 0);
    this.results.hidden = !counted.length;
    this.results.replaceChildren(h("h2", {}, "Votes"), ...counted.map(([stem, found]) => table(stem, found)), note());
  }
}

function note(): HTMLElement {
  return h("p", { class: "hint" }, "Intervals are Wilson’s, of 95 %, of the rounds in which a model was chosen. Models whose intervals overlap may be equally good.");
}

function table(stem: string, votes: Votes): HTMLElement {
  const percent = (share: number): string => (Number.isFinite(share) ? `${(100 * share).toFixed(0)} %` : "–");
  const cells = (texts: readonly string[], tag: "th" | "td"): HTMLElement[] => texts.map((text) => h(tag, tag === "th" ? { scope: "col" } : {}, text));
  const rows = votes.rows.map(({ name, votes: count, value, low, high }) => h("tr", {}, h("th", { scope: "row" }, name), ...cells([String(count), percent(value), `${percent(low)} to ${percent(high)}`], "td")));
  const undecided = votes.undecided ? `; no difference in ${votes.undecided}` : "";
  return h("table", {},
    h("caption", {}, `${stem}: a choice in ${votes.decided} ${votes.decided === 1 ? "round" : "rounds"}${undecided}`),
    h("thead", {}, h("tr", {}, ...cells(["Model", "Votes", "Share", "95 % interval"], "th"))),
    h("tbody", {}, ...rows),
  );
}
