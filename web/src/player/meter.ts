import { h } from "../dom";
import { decibels, toDecibels } from "../format";

const FLOOR = -60; // dB at the left end
const FALL = 20; // dB per second

/** The level of what is heard, left and right. */
export class Meter {
  readonly element: HTMLElement;
  private readonly bars = [h("span"), h("span")] as const;
  private readonly top = h("button", { type: "button", class: "top", title: "The highest level so far; a click forgets it", onclick: () => this.reset() });
  private readonly levels = [FLOOR, FLOOR];
  private highest = -Infinity;
  private last = 0;

  constructor() {
    const bars = h("div", { class: "bars", role: "img", "aria-label": "Level of the mix" }, ...this.bars);
    this.element = h("div", { class: "meter" }, bars, this.top);
    this.draw();
  }

  /** @param peaks of both channels since the last call */
  show(peaks: readonly [number, number], now: number): void {
    const fall = FALL * Math.min(1, (now - this.last) / 1000);
    this.last = now;
    peaks.forEach((peak, channel) => {
      const level = Math.max(toDecibels(peak), this.levels[channel]! - fall, FLOOR);
      this.levels[channel] = level;
      this.bars[channel]!.style.setProperty("--level", String(1 - Math.min(1, level / FLOOR)));
      this.highest = Math.max(this.highest, toDecibels(peak));
    });
    this.draw();
  }

  private reset(): void {
    this.highest = -Infinity;
    this.draw();
  }

  private draw(): void {
    const level = decibels(Math.round(this.highest * 10) / 10);
    if (this.top.textContent !== level) this.top.setAttribute("aria-label", `Highest level so far: ${level}; forget it`);
    this.top.textContent = level;
    this.top.toggleAttribute("data-over", this.highest > 0.05);
  }
}
