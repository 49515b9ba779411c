import { PEAK_FRAMES } from "../api";

/** The part of a song that is shown, in frames. */
export interface Extent {
  readonly start: number;
  readonly end: number;
}

/**
 * The least and the greatest sample behind each column of pixels.
 *
 * @param outline pairs of int8, each of PEAK_FRAMES frames
 * @param columns number of columns that the extent takes
 * @returns pairs from -1 to 1
 */
export function columnsOf(outline: Int8Array, { start, end }: Extent, columns: number): Float32Array {
  const found = new Float32Array(2 * columns);
  const [pairs, step] = [outline.length / 2, (end - start) / columns / PEAK_FRAMES];
  for (let column = 0; column < columns; column++) {
    const from = Math.floor(start / PEAK_FRAMES + column * step);
    const to = Math.max(from + 1, Math.floor(start / PEAK_FRAMES + (column + 1) * step));
    let [least, greatest] = [0, 0];
    for (let pair = Math.max(0, from); pair < Math.min(pairs, to); pair++) {
      least = Math.min(least, outline[2 * pair]!);
      greatest = Math.max(greatest, outline[2 * pair + 1]!);
    }
    found[2 * column] = least / 127;
    found[2 * column + 1] = greatest / 127;
  }
  return found;
}

/** Draws an outline into a canvas, as large as it is shown, in the colour of its text. */
export function drawWaveform(canvas: HTMLCanvasElement, outline: Int8Array, extent: Extent, scale: number): void {
  const [width, height] = fit(canvas);
  const context = canvas.getContext("2d")!;
  context.clearRect(0, 0, width, height);
  context.fillStyle = getComputedStyle(canvas).color;
  const columns = columnsOf(outline, extent, width);
  const middle = height / 2;
  for (let column = 0; column < width; column++) {
    const top = middle - Math.min(1, columns[2 * column + 1]! * scale) * (middle - 1);
    const bottom = middle + Math.min(1, -columns[2 * column]! * scale) * (middle - 1);
    context.fillRect(column, Math.min(top, middle - 0.5), 1, Math.max(1, bottom - top));
  }
}

/** Draws the times below a waveform. */
export function drawRuler(canvas: HTMLCanvasElement, extent: Extent, rate: number, label: (seconds: number, step: number) => string): void {
  const [width, height] = fit(canvas);
  const ratio = devicePixelRatio || 1;
  const context = canvas.getContext("2d")!;
  const { color, fontFamily } = getComputedStyle(canvas);
  context.clearRect(0, 0, width, height);
  context.fillStyle = color;
  context.font = `${11 * ratio}px ${fontFamily}`;
  context.textBaseline = "top";
  const seconds = (extent.end - extent.start) / rate;
  const step = tickStep(seconds, width / ratio / 70);
  for (let time = Math.ceil(extent.start / rate / step) * step; time < extent.end / rate; time += step) {
    const x = ((time * rate - extent.start) / (extent.end - extent.start)) * width;
    context.fillRect(Math.round(x), 0, ratio, 6 * ratio);
    context.fillText(label(time, step), Math.round(x) + 5 * ratio, 3 * ratio);
  }
}

/** The distance of ticks that is pleasant to read, so that there are at most so many. */
export function tickStep(seconds: number, most: number): number {
  const steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];
  return steps.find((step) => seconds / step <= Math.max(1, most)) ?? 7200;
}

function fit(canvas: HTMLCanvasElement): [width: number, height: number] {
  const ratio = devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((length) => Math.max(1, Math.round(length * ratio))) as [number, number];
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  return [width, height];
}
