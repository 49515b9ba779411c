import type { Source } from "../audio/engine";
import { h } from "../dom";
import { clock } from "../format";
import { draw, loudest, spectra } from "./spectrogram";
import { excerpt } from "./versions";

const COLUMNS = 640; // pixels of a picture from left to right

/** A sound to picture. */
export interface Part {
  readonly label: string;
  readonly source: Source;
  readonly gain: number; // dB
}

/** Spectrograms of all versions at the place that is heard, on demand. */
export class Pictures {
  readonly element: HTMLElement;
  private readonly figures = h("div", { class: "pictures" });
  private readonly words = h("p", { class: "hint", role: "status" });
  private wanted = 0;

  /** @param asked called when the button is pressed */
  constructor(asked: () => Promise<void>) {
    const onclick = (): void => void asked().catch((error: Error) => (this.words.textContent = error.message));
    this.element = h("section", { "aria-label": "Spectrograms" }, h("button", { type: "button", class: "button", onclick }, "Show spectrograms"), this.words, this.figures);
  }

  hide(): void {
    this.wanted += 1;
    this.figures.replaceChildren();
    this.words.textContent = "";
  }

  /** Draws parts of the sounds, in frames; the colours of all have one scale. */
  async show(parts: readonly Part[], start: number, end: number, rate: number): Promise<void> {
    const mine = ++this.wanted;
    this.words.textContent = "The spectrograms are being drawn …";
    const { signal } = new AbortController();
    const sounds = await Promise.all(parts.map(({ source }) => excerpt(source, start, end, signal)));
    if (mine !== this.wanted) return;
    const levels = sounds.map((channels, index) => {
      const { columns } = spectra(channels, rate, COLUMNS);
      return { rate, columns: columns.map((column) => column.map((level) => level + parts[index]!.gain)) };
    });
    const top = loudest(levels);
    const place = `${clock(start / rate)} to ${clock(end / rate)}`;
    this.figures.replaceChildren(
      ...parts.map(({ label }, index) => h("figure", {}, h("figcaption", {}, label), draw(levels[index]!, top, `Spectrogram of ${label}, ${place}`))),
    );
    this.words.textContent = `${place}; 40 to ${Math.round(rate / 2)} Hz, low ones at the bottom; 80 dB from dark to light, the same for all.`;
  }
}
