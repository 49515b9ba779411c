import type { Region } from "../audio/mixer";
import { h, icon } from "../dom";
import { clock } from "../format";
import { Meter } from "./meter";

/** What the bar asks of the player. */
export interface Wishes {
  toggle(): void;
  seek(frame: number): void;
  toggleLoop(): void;
  setRegion(region: Region | null): void;
  setSpeed(speed: number, semitones: number): void;
  /** Shows more (2) or less (0.5) of the song; without it, there are no buttons for it. */
  zoom?(factor: number): void;
}

/** What stands above the stems: play, time, loop, speed, key and the meter. */
export class Bar {
  readonly element: HTMLElement;
  readonly meter = new Meter();
  private readonly play: HTMLButtonElement;
  private readonly now = h("span", { class: "now" }, "0:00.0");
  private readonly position: HTMLInputElement;
  private readonly loop: HTMLButtonElement;
  private readonly from: HTMLInputElement;
  private readonly to: HTMLInputElement;
  private readonly speed: HTMLInputElement;
  private readonly key: HTMLInputElement;
  private readonly speedWords = h("output");
  private readonly keyWords = h("output");

  constructor(
    private readonly frames: number,
    private readonly rate: number,
    private readonly wishes: Wishes,
  ) {
    const seconds = frames / rate;
    this.play = h("button", { type: "button", class: "play", onclick: () => wishes.toggle() });
    this.position = h("input", { type: "range", class: "position", min: 0, max: seconds, step: 0.1, "aria-label": "Position", oninput: () => wishes.seek(Number(this.position.value) * rate) });
    this.loop = h("button", { type: "button", class: "toggle loop", title: "Loop (L)", "aria-label": "Loop", onclick: () => wishes.toggleLoop() }, icon("loop"));
    this.from = this.time("Loop from", seconds);
    this.to = this.time("Loop to", seconds);
    this.speed = this.slider("Speed", 0.5, 1.5, 0.05, 1);
    this.key = this.slider("Key", -6, 6, 1, 0);
    const time = h("p", { class: "clock" }, this.now, h("span", { class: "all" }, ` / ${clock(seconds)}`));
    const loop = h("div", { class: "group", role: "group", "aria-label": "Loop" }, this.loop, this.from, h("span", { "aria-hidden": "true" }, "–"), this.to, h("span", { "aria-hidden": "true" }, "s"));
    const zoom = !wishes.zoom ? "" : h("div", { class: "group", role: "group", "aria-label": "Zoom" }, this.zoom("minus", "Show more of the song (−)", 2), this.zoom("plus", "Show less of the song (+)", 0.5));
    this.element = h("section", { class: "bar", "aria-label": "Playing" },
      h("div", { class: "first" }, this.play, time, this.meter.element),
      this.position,
      h("div", { class: "second" }, loop, labelled("Speed", this.speed, this.speedWords), labelled("Key", this.key, this.keyWords), zoom),
    );
    this.setPlaying(false);
    this.showSpeed(1, 0);
  }

  setPlaying(isPlaying: boolean, isWaiting = false): void {
    const label = isPlaying ? "Pause" : "Play";
    this.play.toggleAttribute("data-waiting", isWaiting);
    if (this.play.getAttribute("aria-label") === label) return;
    this.play.setAttribute("aria-label", label);
    this.play.title = `${label} (space)`;
    this.play.replaceChildren(icon(isPlaying ? "pause" : "play"));
  }

  setFrame(frame: number): void {
    const seconds = frame / this.rate;
    this.now.textContent = clock(seconds, 1);
    this.position.value = String(seconds);
    this.position.style.setProperty("--share", String(frame / this.frames));
    this.position.setAttribute("aria-valuetext", `${clock(seconds)} of ${clock(this.frames / this.rate)}`);
  }

  setLoop(region: Region | null, isOn: boolean): void {
    this.loop.setAttribute("aria-pressed", String(isOn && region !== null));
    for (const [input, frame] of [[this.from, region?.start], [this.to, region?.end]] as const) {
      input.value = frame === undefined ? "" : (frame / this.rate).toFixed(2);
    }
  }

  showSpeed(speed: number, semitones: number): void {
    this.speed.value = String(speed);
    this.key.value = String(semitones);
    this.speedWords.textContent = `${speed.toFixed(2)} ×`;
    this.keyWords.textContent = `${semitones > 0 ? "+" : semitones < 0 ? "−" : ""}${Math.abs(semitones)}`;
    this.speed.setAttribute("aria-valuetext", `${speed} times the song’s speed`);
    this.key.setAttribute("aria-valuetext", `${semitones} semitones`);
  }

  private slider(label: string, min: number, max: number, step: number, own: number): HTMLInputElement {
    const tell = (): void => this.wishes.setSpeed(Number(this.speed.value), Number(this.key.value));
    const back = (): void => {
      input.value = String(own);
      tell();
    };
    const input = h("input", { type: "range", min, max, step, "aria-label": label, title: "A double click sets it back", oninput: tell, ondblclick: back });
    return input;
  }

  private time(label: string, most: number): HTMLInputElement {
    const onchange = (): void => {
      const [start, end] = [this.from, this.to].map(({ value }, index) => (value === "" ? [0, most][index]! : Number(value)) * this.rate) as [number, number];
      const last = Math.min(this.frames, Math.round(end));
      const first = Math.max(0, Math.round(start));
      this.wishes.setRegion(first < last ? { start: first, end: last } : null);
    };
    return h("input", { type: "number", class: "time", min: 0, max: most.toFixed(2), step: 0.05, placeholder: "0.00", "aria-label": `${label}, seconds`, onchange });
  }

  private zoom(picture: "minus" | "plus", label: string, factor: number): HTMLButtonElement {
    return h("button", { type: "button", class: "quiet", "aria-label": label, title: label, onclick: () => this.wishes.zoom?.(factor) }, icon(picture));
  }
}

function labelled(text: string, input: HTMLInputElement, words: HTMLElement): HTMLElement {
  return h("div", { class: "group labelled" }, h("span", { "aria-hidden": "true" }, text), input, words);
}
