import { h } from "../dom";

const WINDOW = 2048; // samples of a spectrum
const RANGE = 80; // dB that are shown below the loudest
const LOWEST = 40; // Hz at the bottom; frequencies are logarithmic
// Colours from soft to loud: red, green, blue.
const COLOURS = [[0, 0, 8], [60, 15, 110], [165, 40, 105], [240, 115, 50], [252, 250, 165]] as const;

/** Levels in dB, column by column: the spectra of a sound at evenly spaced places. */
export interface Levels {
  readonly columns: readonly Float32Array[];
  readonly rate: number;
}

/** Spectra of a mono sum, in a Hann window. */
export function spectra(channels: readonly Float32Array[], rate: number, count: number): Levels {
  const frames = channels[0]?.length ?? 0;
  const window = Float64Array.from({ length: WINDOW }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / WINDOW));
  const scale = 4 / WINDOW / channels.length; // a sine of full scale has 0 dB
  const columns = Array.from({ length: count }, (_, column) => {
    const start = Math.round(((column + 0.5) * frames) / count) - WINDOW / 2;
    const real = Float64Array.from(window, (weight, i) => channels.reduce((sum, channel) => sum + (channel[start + i] ?? 0), 0) * weight);
    const imaginary = new Float64Array(WINDOW);
    transform(real, imaginary);
    return Float32Array.from({ length: WINDOW / 2 + 1 }, (_, bin) => 20 * Math.log10(scale * Math.hypot(real[bin]!, imaginary[bin]!) + 1e-9));
  });
  return { columns, rate };
}

/** The fast Fourier transform of a power of two, in place (Cooley and Tukey, 1965). */
export function transform(real: Float64Array, imaginary: Float64Array): void {
  const { length } = real;
  for (let i = 1, j = 0; i < length; i++) {
    let bit = length >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      [real[i], real[j]] = [real[j]!, real[i]!];
      [imaginary[i], imaginary[j]] = [imaginary[j]!, imaginary[i]!];
    }
  }
  for (let size = 2; size <= length; size *= 2) {
    for (let k = 0; k < size / 2; k++) {
      const [cosine, sine] = [Math.cos((2 * Math.PI * k) / size), -Math.sin((2 * Math.PI * k) / size)];
      for (let at = k; at < length; at += size) {
        const other = at + size / 2;
        const x = real[other]! * cosine - imaginary[other]! * sine;
        const y = real[other]! * sine + imaginary[other]! * cosine;
        [real[other], imaginary[other]] = [real[at]! - x, imaginary[at]! - y];
        [real[at], imaginary[at]] = [real[at]! + x, imaginary[at]! + y];
      }
    }
  }
}

/** The loudest level, which all pictures of a comparison share. */
export function loudest(levels: readonly Levels[]): number {
  return levels.reduce((top, { columns }) => columns.reduce((most, column) => column.reduce((one, other) => Math.max(one, other), most), top), -120);
}

/** A picture of spectra; low frequencies are at the bottom. */
export function draw({ columns, rate }: Levels, top: number, label: string, height = 160): HTMLCanvasElement {
  const canvas = h("canvas", { width: columns.length, height, role: "img", "aria-label": label });
  const context = canvas.getContext("2d")!;
  const picture = context.createImageData(columns.length, height);
  for (let y = 0; y < height; y++) {
    const frequency = LOWEST * (rate / 2 / LOWEST) ** (1 - (y + 0.5) / height);
    const bin = Math.min(WINDOW / 2, Math.round((frequency / rate) * WINDOW));
    columns.forEach((column, x) => {
      picture.data.set(colour((column[bin]! - top) / RANGE + 1), 4 * (y * columns.length + x));
    });
  }
  context.putImageData(picture, 0, 0);
  return canvas;
}

function colour(share: number): [number, number, number, number] {
  const place = Math.min(1, Math.max(0, share)) * (COLOURS.length - 1);
  const index = Math.min(COLOURS.length - 2, Math.floor(place));
  const [one, other] = [COLOURS[index]!, COLOURS[index + 1]!];
  const [r, g, b] = one.map((value, channel) => value + (place - index) * (other[channel]! - value)) as [number, number, number];
  return [r, g, b, 255];
}
