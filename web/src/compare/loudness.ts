/** Steps of 100 ms; a block of four counts, and blocks overlap by three. */
const STEP = 0.1;
const BLOCK = 4;
const SILENCE = -70; // LUFS: the absolute gate
const BELOW = -10; // LU: the relative gate
const OFFSET = -0.691; // dB, which makes a sine of 997 Hz as loud as it is high

type Coefficients = readonly [b0: number, b1: number, b2: number, a1: number, a2: number];

/**
 * The two filters of K-weighting, ITU-R BS.1770-4, for any rate: the analogue filters behind the standard's tables for
 * 48 kHz (De Man, "Evaluation of Implementations of the EBU R128 Loudness Measurement", AES 145, 2018).
 */
export function kWeighting(rate: number): readonly [Coefficients, Coefficients] {
  const shelf = Math.tan((Math.PI * 1681.974450955533) / rate);
  const [high, q] = [10 ** (3.999843853973347 / 20), 0.7071752369554196];
  const band = high ** 0.4996667741545416;
  const a0 = 1 + shelf / q + shelf ** 2;
  const head: Coefficients = [
    (high + (band * shelf) / q + shelf ** 2) / a0,
    (2 * (shelf ** 2 - high)) / a0,
    (high - (band * shelf) / q + shelf ** 2) / a0,
    (2 * (shelf ** 2 - 1)) / a0,
    (1 - shelf / q + shelf ** 2) / a0,
  ];
  const low = Math.tan((Math.PI * 38.13547087602444) / rate);
  const p = 0.5003270373238773;
  const c0 = 1 + low / p + low ** 2;
  return [head, [1, -2, 1, (2 * (low ** 2 - 1)) / c0, (1 - low / p + low ** 2) / c0]];
}

/** Measures the loudness of a sound that comes block by block, one or two channels. */
export class Loudness {
  /** Power of each step that is complete. */
  readonly steps: number[] = [];
  private readonly filters: readonly Coefficients[];
  private readonly state: Float64Array[];
  private readonly length: number;
  private power = 0;
  private frames = 0;

  constructor(rate: number, channels: number) {
    this.filters = kWeighting(rate);
    this.state = Array.from({ length: channels }, () => new Float64Array(4));
    this.length = Math.round(STEP * rate);
  }

  add(channels: readonly Float32Array[]): void {
    const frames = channels[0]?.length ?? 0;
    for (let done = 0; done < frames; ) {
      const next = Math.min(frames, done + this.length - this.frames);
      channels.forEach((channel, index) => (this.power += this.filtered(channel, this.state[index]!, done, next)));
      this.frames += next - done;
      done = next;
      if (this.frames === this.length) {
        this.steps.push(this.power / this.length);
        this.power = this.frames = 0;
      }
    }
  }

  /** LUFS; -Infinity where nothing is louder than -70 LUFS. */
  get integrated(): number {
    const blocks: number[] = [];
    for (let i = 0; i + BLOCK <= Math.max(this.steps.length, BLOCK); i++) blocks.push(mean(this.steps.slice(i, i + BLOCK)));
    const heard = blocks.filter((power) => decibel(power) > SILENCE);
    const gate = decibel(mean(heard)) + BELOW;
    const counted = heard.filter((power) => decibel(power) > gate);
    return counted.length ? decibel(mean(counted)) : -Infinity;
  }

  /** Energy of a part behind both filters; their state goes on. */
  private filtered(samples: Float32Array, state: Float64Array, start: number, end: number): number {
    const [[b0, b1, b2, a1, a2], [c0, c1, c2, d1, d2]] = this.filters as readonly [Coefficients, Coefficients];
    let [s1, s2, t1, t2] = state as unknown as [number, number, number, number];
    let energy = 0;
    for (let i = start; i < end; i++) {
      const x = samples[i]!;
      const y = b0 * x + s1;
      s1 = b1 * x - a1 * y + s2;
      s2 = b2 * x - a2 * y;
      const z = c0 * y + t1;
      t1 = c1 * y - d1 * z + t2;
      t2 = c2 * y - d2 * z;
      energy += z * z;
    }
    state.set([s1, s2, t1, t2]);
    return energy;
  }
}

/** Where a part of so many steps begins in which a sound is at least as loud as in half of the others. */
export function loudPlaces(steps: readonly number[], length: number): number[] {
  const last = Math.max(0, steps.length - length);
  const powers = Array.from({ length: last + 1 }, (_, start) => mean(steps.slice(start, start + length)));
  const middle = [...powers].sort((one, other) => one - other)[Math.floor(powers.length / 2)]!;
  return powers.flatMap((power, start) => (power >= middle ? [start] : []));
}

export const STEPS_PER_SECOND = 1 / STEP;

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

function decibel(power: number): number {
  return OFFSET + 10 * Math.log10(Math.max(power, 1e-30));
}
