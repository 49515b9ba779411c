import load, { type StretchModule } from "virtual:stretch";

const TONALITY = 8000; // Hz: above, frequencies are shifted by a fixed distance, so that hiss stays hiss

/** Changes the speed of a stereo sound without its pitch, and its pitch without its speed. */
export class Stretch {
  private readonly pointer: number;
  private readonly capacity: number;

  /** Makes one for a sample rate. */
  static async load(rate: number): Promise<Stretch> {
    const module = await load();
    module._main();
    return new Stretch(module, rate);
  }

  private constructor(
    private readonly module: StretchModule,
    private readonly rate: number,
  ) {
    module._presetDefault(2, rate);
    this.capacity = 2 * (this.inputLatency + this.outputLatency) + 512;
    this.pointer = module._setBuffers(2, this.capacity);
  }

  /** Frames of input that it looks ahead. */
  get inputLatency(): number {
    return this.module._inputLatency();
  }

  /** Frames of output that come before the sound. */
  get outputLatency(): number {
    return this.module._outputLatency();
  }

  setKey(semitones: number): void {
    this.module._setTransposeSemitones(semitones, TONALITY / this.rate);
  }

  /** Forgets what it heard. */
  reset(): void {
    this.module._reset();
  }

  /** Takes some frames and gives others; the ratio of their numbers is the speed. */
  process(input: readonly [Float32Array, Float32Array], output: readonly [Float32Array, Float32Array]): void {
    input.forEach((channel, index) => this.channel(index, channel.length).set(channel));
    this.module._process(input[0].length, output[0].length);
    output.forEach((channel, index) => channel.set(this.channel(2 + index, channel.length)));
  }

  private channel(index: number, frames: number): Float32Array {
    return new Float32Array(this.module.HEAP8.buffer, this.pointer + 4 * index * this.capacity, frames);
  }
}
