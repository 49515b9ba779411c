import { h } from "../dom";
import { decibels, place } from "../format";
import { LOUDEST, SOFTEST, type Fader } from "./faders";

// Hues of OKLCH, in which all are equally light, of stems that have a name which musicians know; others get the next free one.
const HUES: Readonly<Record<string, number>> = { vocals: 8, drums: 73, bass: 182, guitar: 136, piano: 254, other: 293, accompaniment: 293, instrumental: 293 };
const FURTHER = [264, 328, 42, 149, 215, 110];

/** A stem in the player: its name, what is set of it, and its waveform. */
export class Lane {
  readonly element: HTMLElement;
  readonly canvas = h("canvas", { "aria-hidden": "true" });
  private readonly mute: HTMLButtonElement;
  private readonly solo: HTMLButtonElement;
  private readonly level: HTMLInputElement;
  private readonly pan: HTMLInputElement;
  private readonly words = h("span", { class: "words" });

  /**
   * @param fader which the controls change
   * @param changed called after that
   */
  constructor(
    private readonly name: string,
    number: number,
    private readonly fader: Fader,
    private readonly changed: () => void,
  ) {
    this.mute = this.button("M", "Mute", number, () => (fader.isMuted = !fader.isMuted));
    this.solo = this.button("S", "Solo", number, () => (fader.isSolo = !fader.isSolo));
    this.level = this.slider("level", SOFTEST, LOUDEST, 0.5, (value) => (fader.level = value));
    this.pan = this.slider("pan", -1, 1, 0.05, (value) => (fader.pan = value));
    const head = h("div", { class: "lane-head" }, h("h2", {}, name), this.mute, this.solo);
    const controls = h("div", { class: "controls" }, head, row("Level", this.level), row("Pan", this.pan), this.words);
    this.element = h("section", { class: "lane", "aria-label": name }, controls, h("div", { class: "wave" }, this.canvas));
    this.element.style.setProperty("--hue", String(HUES[name.toLowerCase()] ?? FURTHER[number % FURTHER.length]!));
  }

  /** Shows what is set, and whether the stem is heard. */
  show(isHeard: boolean): void {
    const { level, pan, isMuted, isSolo } = this.fader;
    this.mute.setAttribute("aria-pressed", String(isMuted));
    this.solo.setAttribute("aria-pressed", String(isSolo));
    this.level.value = String(level);
    this.pan.value = String(pan);
    const said = decibels(level <= SOFTEST ? -Infinity : level);
    this.level.setAttribute("aria-valuetext", said);
    this.pan.setAttribute("aria-valuetext", place(pan));
    this.words.textContent = `${said} · ${place(pan)}`;
    this.element.toggleAttribute("data-silent", !isHeard);
  }

  toggleMute(): void {
    this.mute.click();
  }

  toggleSolo(): void {
    this.solo.click();
  }

  private button(letter: string, verb: string, number: number, action: () => void): HTMLButtonElement {
    const key = number < 9 ? (verb === "Mute" ? ` (Shift ${number + 1})` : ` (${number + 1})`) : "";
    const onclick = (): void => {
      action();
      this.changed();
    };
    return h("button", { type: "button", class: `toggle ${verb.toLowerCase()}`, "aria-label": `${verb} ${this.name}`, title: `${verb}${key}`, onclick }, letter);
  }

  private slider(what: string, min: number, max: number, step: number, action: (value: number) => void): HTMLInputElement {
    const set = (value: number): void => {
      action(value);
      this.changed();
    };
    const input: HTMLInputElement = h("input", { type: "range", min, max, step, "aria-label": `${this.name}: ${what}`, title: "A double click sets it back", oninput: () => set(Number(input.value)), ondblclick: () => set(0) });
    return input;
  }
}

function row(text: string, input: HTMLInputElement): HTMLElement {
  return h("div", { class: "slider" }, h("span", { "aria-hidden": "true" }, text), input);
}
