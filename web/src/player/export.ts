import * as api from "../api";
import { choice, h, icon } from "../dom";
import { stemName } from "../format";

const FORMATS = [["wav", "wav, 32 bit float"], ["flac", "flac, 24 bit"], ["mp3", "mp3"], ["ogg", "ogg"]] as const;

/** The panel that takes the mix and the stems along. */
export class Export {
  readonly element: HTMLElement;
  private readonly note = h("p", { class: "hint" });
  private readonly words = h("p", { class: "words", role: "status" });
  private readonly format = choice("Format", FORMATS);
  private readonly button: HTMLButtonElement;

  /** @param parts gives the stems that are heard, as they are heard */
  constructor(
    private readonly job: api.Job,
    stems: readonly api.Track[],
    private readonly parts: () => readonly api.Part[],
  ) {
    this.button = h("button", { type: "button", class: "button primary", onclick: () => void this.write() }, icon("save"), "Export the mix");
    const links = stems.map(({ name, address }) => h("li", {}, h("a", { href: address, download: true }, icon("save"), stemName(name))));
    const mix = h("div", { class: "mix" }, this.format.field, this.button, this.note, this.words);
    const panel = h("div", { class: "panel" }, mix, h("h2", {}, `Stems, as ${this.job.format}`), h("ul", {}, ...links));
    this.element = h("details", { class: "export" }, h("summary", { class: "button" }, icon("save"), "Export"), panel);
    this.setSpeed(1, 0);
  }

  /** Says which of speed and key is not in the file. */
  setSpeed(speed: number, semitones: number): void {
    const missing = [...(speed === 1 ? [] : ["speed"]), ...(semitones === 0 ? [] : ["key"])].join(" and ");
    this.note.textContent = `Levels, pan, mute and solo as they stand${missing ? `; at the song’s own ${missing}` : ""}.`;
  }

  private async write(): Promise<void> {
    const parts = this.parts();
    if (!parts.length) return void (this.words.textContent = "No stem is heard.");
    this.button.disabled = true;
    this.words.textContent = "The mix is written …";
    try {
      const { address, clipped } = await api.mix(this.job.id, parts, this.format.select.value);
      h("a", { href: address, download: true }).click();
      this.words.textContent = clipped ? `${clipped} samples are beyond full scale and were cut off; lower levels, or wav, keep them.` : "";
    } catch (error) {
      this.words.textContent = (error as Error).message;
    } finally {
      this.button.disabled = false;
    }
  }
}
