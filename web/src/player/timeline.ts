import type { Region } from "../audio/mixer";
import { clock } from "../format";
import { drawRuler, drawWaveform, type Extent } from "./waveform";

const CLICK = 4; // pixels that a pointer may move within a click
const SHORTEST = 0.5; // seconds that are shown at least
const SHORTEST_LOOP = 0.05; // seconds

interface Wave {
  readonly canvas: HTMLCanvasElement;
  readonly outline: Int8Array;
  readonly loudest: number;
}

/** The waveforms of all stems over the same part of the song: they show where the playing is, and take clicks. */
export class Timeline {
  private extent: Extent;
  private waves: Wave[] = [];
  private scale = 1;
  private readonly observer = new ResizeObserver(() => this.draw());
  private readonly scheme = matchMedia("(prefers-color-scheme: dark)");
  private readonly redraw = (): void => this.draw();

  /**
   * @param element that holds the waveforms; it gets the places of the head and the loop as CSS variables
   * @param ruler for the times
   * @param chosen called with the frame of a click
   * @param marked called with the region that a pointer was drawn over
   */
  constructor(
    private readonly element: HTMLElement,
    private readonly ruler: HTMLCanvasElement,
    private readonly frames: number,
    private readonly rate: number,
    private readonly chosen: (frame: number) => void,
    private readonly marked: (region: Region) => void,
  ) {
    this.extent = { start: 0, end: frames };
    this.listen(ruler);
    this.observer.observe(ruler);
    this.scheme.addEventListener("change", this.redraw);
  }

  /** Takes the outline of a stem, which is drawn into a canvas. */
  add(canvas: HTMLCanvasElement, outline: Int8Array): void {
    this.waves.push({ canvas, outline, loudest: outline.reduce((most, value) => Math.max(most, Math.abs(value)), 1) });
    this.listen(canvas);
    this.scale = Math.min(4, 127 / Math.max(...this.waves.map(({ loudest }) => loudest)));
    this.draw();
  }

  /** Shows where the playing is; a head that runs out of sight takes the sight along. */
  setHead(frame: number, follows: boolean): void {
    if (follows) this.reveal(frame);
    this.element.style.setProperty("--head", String(this.share(frame)));
  }

  /** Takes the sight to a frame that is out of it. */
  reveal(frame: number): void {
    const { start, end } = this.extent;
    if ((frame < start || frame >= end) && !this.isWhole) this.show(frame, end - start);
  }

  setRegion(region: Region | null): void {
    this.element.toggleAttribute("data-region", region !== null);
    if (!region) return;
    this.element.style.setProperty("--from", String(this.share(region.start)));
    this.element.style.setProperty("--to", String(this.share(region.end)));
  }

  /** Shows a part of the song that is so many times as long, around a frame. */
  zoom(factor: number, frame: number): void {
    const length = Math.min(this.frames, Math.max(SHORTEST * this.rate, (this.extent.end - this.extent.start) * factor));
    this.show(frame - length / 2, length);
  }

  private get isWhole(): boolean {
    return this.extent.end - this.extent.start >= this.frames;
  }

  leave(): void {
    this.observer.disconnect();
    this.scheme.removeEventListener("change", this.redraw);
  }

  private show(from: number, length: number): void {
    const start = Math.max(0, Math.min(this.frames - length, from));
    this.extent = { start, end: start + length };
    this.draw();
  }

  private share(frame: number): number {
    return (frame - this.extent.start) / (this.extent.end - this.extent.start);
  }

  private draw(): void {
    for (const { canvas, outline } of this.waves) drawWaveform(canvas, outline, this.extent, this.scale);
    drawRuler(this.ruler, this.extent, this.rate, (seconds, step) => clock(seconds, step < 1 ? 1 : 0));
  }

  private frameAt(canvas: HTMLCanvasElement, x: number): number {
    const { left, width } = canvas.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (x - left) / width));
    return Math.round(this.extent.start + share * (this.extent.end - this.extent.start));
  }

  /** Makes clicks places to go to, and what a pointer is drawn over a region. */
  private listen(canvas: HTMLCanvasElement): void {
    canvas.addEventListener("pointerdown", (down) => {
      if (down.button !== 0) return;
      const from = this.frameAt(canvas, down.clientX);
      let isDrawn = false;
      const move = ({ clientX }: PointerEvent): void => {
        if (!isDrawn && Math.abs(clientX - down.clientX) <= CLICK) return;
        isDrawn = true;
        const to = this.frameAt(canvas, clientX);
        const region = { start: Math.min(from, to), end: Math.max(from, to) };
        if (region.end - region.start >= SHORTEST_LOOP * this.rate) this.marked(region);
      };
      canvas.setPointerCapture(down.pointerId);
      canvas.addEventListener("pointermove", move);
      const over = ({ type }: PointerEvent): void => {
        canvas.removeEventListener("pointermove", move);
        canvas.removeEventListener("pointerup", over);
        canvas.removeEventListener("pointercancel", over);
        if (!isDrawn && type === "pointerup") this.chosen(from);
      };
      canvas.addEventListener("pointerup", over);
      canvas.addEventListener("pointercancel", over);
    });
  }
}
