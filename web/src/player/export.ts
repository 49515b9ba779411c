import * as api from "../api";
import type { Sound } from "../audio/engine";
import type { Factors } from "../audio/pan";
import { choice, h, icon } from "../dom";
import { stemName } from "../format";

const FORMATS = [["wav", "wav, 32 bit float"], ["flac", "flac, 24 bit"], ["mp3", "mp3"], ["ogg", "ogg"]] as const;

/** How the song is heard, as far as a file of it can be. */
export interface Mixture {
  readonly parts: readonly api.Part[];
  readonly factors: readonly Factors[];
  readonly speed: number;
  readonly semitones: number;
}

/** Links that take the stems along as they were separated. */
export function stemLinks(stems: readonly api.Track[]): HTMLElement {
  return h("ul", {}, ...stems.map(({ name, address }) => h("li", {}, h("a", { href: address, download: true }, icon("save"), stemName(name)))));
}

/** The panel that takes the mix and the stems along. */
export class Export {
  readonly element: HTMLDetailsElement;
  private readonly words = h("p", { class: "words", role: "status" });
  private readonly format = choice("Format", FORMATS);
  private readonly button: HTMLButtonElement;
  private readonly all: HTMLButtonElement;
  private isBusy = false;

  /** @param mixture gives the song as it is heard now */
  constructor(
    private readonly job: api.Job,
    private readonly sound: Sound,
    stems: readonly api.Track[],
    private readonly mixture: () => Mixture,
  ) {
    this.button = h("button", { type: "button", class: "button primary", onclick: () => void this.write(() => this.mix()) }, icon("save"), "Export the mix");
    this.all = h("button", { type: "button", class: "button", onclick: () => void this.write(() => api.stemFile(job.id)) }, icon("save"), "All in one .stem.mp4");
    const note = h("p", { class: "hint" }, "Levels, pan, mute, solo, speed and key as they stand.");
    const mix = h("div", { class: "mix" }, this.format.field, this.button, note, this.words);
    const panel = h("div", { class: "panel" }, mix, h("h2", {}, `Stems, as ${this.job.format}`), stemLinks(stems));
    if (stems.length === 4) panel.append(this.all);
    const summary = h("summary", { class: "button" }, icon("save"), "Export");
    this.element = h("details", { class: "export", onkeydown: (event: KeyboardEvent) => this.close(event, summary) }, summary, panel);
  }

  /** Closes the panel by the key Escape. */
  private close(event: KeyboardEvent, summary: HTMLElement): void {
    if (event.key !== "Escape" || !this.element.open) return;
    this.element.open = false;
    summary.focus();
  }

  /** Waits for a file, and lets the browser save it. */
  private async write(made: () => Promise<api.Mix>): Promise<void> {
    if (this.isBusy) return;
    this.setBusy(true);
    this.words.textContent = "The file is written …";
    try {
      const { address, clipped } = await made();
      h("a", { href: address, download: true }).click();
      this.words.textContent = clipped ? `${clipped} samples are beyond full scale and were cut off; lower levels, or wav, keep them.` : "";
    } catch (error) {
      this.words.textContent = (error as Error).message;
    } finally {
      this.setBusy(false);
    }
  }

  /** Says that a file is being written; a button that was disabled would lose the focus. */
  private setBusy(isBusy: boolean): void {
    this.isBusy = isBusy;
    for (const button of [this.button, this.all]) button.setAttribute("aria-disabled", String(isBusy));
  }

  /** The server mixes; speed and key are computed here, by what plays them. */
  private async mix(): Promise<api.Mix> {
    const { parts, factors, speed, semitones } = this.mixture();
    if (!parts.length) throw new Error("No stem is heard.");
    const format = this.format.select.value;
    if (speed === 1 && semitones === 0) return api.mix(this.job.id, parts, format);
    const { render } = await import("../audio/render");
    let sound = new Blob(); // which the browser may keep on the disk
    let done = 0;
    for await (const piece of render(this.sound, factors, speed, semitones)) {
      sound = new Blob([sound, piece]);
      done += piece.length / 2;
      const percent = 5 * Math.floor((20 * done * speed) / this.sound.frames); // in steps, as each is read out
      this.words.textContent = `The mix is computed: ${percent} %`;
    }
    return api.sendMix(this.job.id, sound, format);
  }
}
