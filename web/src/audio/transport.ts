import { Mixer, type Region } from "./mixer";
import type { Factors } from "./pan";
import type { Stretch } from "./stretch";

const FADE = 0.005; // seconds that the sound takes to come and to go
const LONGEST = 4096; // frames of input for one piece of output

/** Where the playing is, and how loud. */
export interface Status {
  readonly frame: number; // that is heard
  readonly isPlaying: boolean;
  readonly isWaiting: boolean; // for blocks
  readonly peaks: readonly [number, number]; // of both channels, since the last status
  readonly squares: readonly [number, number]; // mean squares, likewise
}

/** Plays, stops, jumps, and changes speed and key; whatever would click is done while the sound is faded out. */
export class Transport {
  isPlaying = false;
  private level = 0;
  private next: (() => void) | null = null; // to be done once the sound is faded out
  private speed = 1;
  private semitones = 0;
  private isPrimed = false; // the stretching has its lead
  private owed = 0; // parts of a frame of input
  private isWaiting = false;
  private readonly input: [Float32Array, Float32Array];
  private readonly sums = { peaks: [0, 0] as [number, number], squares: [0, 0] as [number, number], frames: 0 };

  constructor(
    readonly mixer: Mixer,
    private readonly stretch: Stretch,
    private readonly rate: number,
  ) {
    const longest = Math.max(LONGEST, stretch.inputLatency + 2 * stretch.outputLatency);
    this.input = [new Float32Array(longest), new Float32Array(longest)];
  }

  play(): void {
    if (this.isPlaying && !this.next) return;
    this.silently(() => {
      if (this.mixer.isAtEnd) this.jump(this.mixer.loop?.start ?? 0);
      this.isPlaying = true;
    });
  }

  pause(): void {
    if (!this.isPlaying) return;
    this.silently(() => {
      this.jump(this.heard);
      this.isPlaying = false;
    });
  }

  seek(frame: number): void {
    const { isPlaying } = this;
    this.silently(() => {
      this.jump(frame);
      this.isPlaying = isPlaying;
    });
  }

  setFactors(factors: readonly Factors[]): void {
    this.mixer.setFactors(factors, !this.isPlaying);
  }

  setLoop(loop: Region | null): void {
    this.mixer.loop = loop;
  }

  /** @param speed 1 is the song's own; @param semitones by which it sounds higher */
  setSpeed(speed: number, semitones: number): void {
    if (speed === this.speed && semitones === this.semitones) return;
    const change = (): void => {
      this.speed = speed;
      this.semitones = semitones;
      this.stretch.setKey(semitones);
    };
    const staysOn = this.isStretching && (speed !== 1 || semitones !== 0);
    if (staysOn) change();
    else
      this.silently(() => {
        this.jump(this.heard);
        change();
      });
  }

  /** Fills both channels with what is heard next. */
  render(left: Float32Array, right: Float32Array): void {
    if (this.next && (this.level === 0 || !this.isPlaying || this.isWaiting)) this.proceed();
    this.isWaiting = this.isPlaying && !this.fill(left, right);
    if (!this.isPlaying || this.isWaiting) {
      left.fill(0);
      right.fill(0);
      this.level = 0;
    } else {
      this.fade(left, right);
      if (this.isOver) this.finish();
    }
    this.measure(left, right);
  }

  /** The status, and a new start of the meter. */
  status(): Status {
    const { peaks, squares, frames } = this.sums;
    const means = squares.map((sum) => sum / Math.max(1, frames)) as [number, number];
    const found = { frame: this.heard, isPlaying: this.isPlaying, isWaiting: this.isWaiting, peaks: [...peaks] as [number, number], squares: means };
    peaks.fill(0);
    squares.fill(0);
    this.sums.frames = 0;
    return found;
  }

  private get isStretching(): boolean {
    return this.speed !== 1 || this.semitones !== 0;
  }

  /** The frame that is heard: with stretching, it is read earlier than that. */
  private get heard(): number {
    const { position, loop, hasLooped } = this.mixer;
    if (!this.isStretching || !this.isPrimed) return position;
    const frame = position - this.lead;
    if (loop && hasLooped && frame < loop.start) return frame + loop.end - loop.start;
    return Math.max(0, Math.round(frame));
  }

  private get lead(): number {
    return this.stretch.inputLatency + this.stretch.outputLatency * this.speed;
  }

  private get isOver(): boolean {
    return this.mixer.isAtEnd && (!this.isStretching || this.drained >= this.lead);
  }

  private drained = 0; // frames read behind the end, while the stretching gives what it holds

  private finish(): void {
    this.isPlaying = false;
    this.next = null;
    this.level = 0;
    this.jump(this.mixer.frames);
  }

  private silently(action: () => void): void {
    const before = this.next;
    this.next = () => {
      before?.();
      action();
    };
  }

  private proceed(): void {
    const action = this.next;
    this.next = null;
    this.level = 0;
    action?.();
  }

  private jump(frame: number): void {
    this.mixer.seek(frame);
    this.isPrimed = false;
    this.owed = this.drained = 0;
  }

  /** Whether the channels could be filled; otherwise blocks are missing. */
  private fill(left: Float32Array, right: Float32Array): boolean {
    if (!this.isStretching) {
      if (!this.mixer.has(left.length)) return false;
      this.mixer.read(left, right);
      return true;
    }
    if (!this.isPrimed && !this.prime()) return false;
    const wanted = this.owed + left.length * this.speed;
    if (!this.take(Math.floor(wanted), left, right)) return false;
    this.owed = wanted - Math.floor(wanted);
    return true;
  }

  /** Gives the stretching its lead, so that the first frame that comes out is the one that is wanted. */
  private prime(): boolean {
    const { inputLatency, outputLatency } = this.stretch;
    const lead = inputLatency + Math.round(outputLatency * this.speed);
    if (!this.mixer.has(lead)) return false;
    this.stretch.reset();
    const spare = new Float32Array(outputLatency);
    this.take(inputLatency, new Float32Array(0), new Float32Array(0));
    this.take(lead - inputLatency, spare, spare);
    this.isPrimed = true;
    return true;
  }

  private take(frames: number, left: Float32Array, right: Float32Array): boolean {
    if (!this.mixer.has(frames)) return false;
    if (this.mixer.isAtEnd) this.drained += frames;
    const input = [this.input[0].subarray(0, frames), this.input[1].subarray(0, frames)] as const;
    this.mixer.read(...input);
    this.stretch.process(input, [left, right]);
    return true;
  }

  private fade(left: Float32Array, right: Float32Array): void {
    const step = (this.next ? -1 : 1) / (FADE * this.rate);
    if (step > 0 && this.level === 1) return;
    for (let i = 0; i < left.length; i++) {
      this.level = Math.min(1, Math.max(0, this.level + step));
      left[i]! *= this.level;
      right[i]! *= this.level;
    }
  }

  private measure(...channels: [Float32Array, Float32Array]): void {
    channels.forEach((channel, index) => {
      for (const value of channel) {
        this.sums.peaks[index] = Math.max(this.sums.peaks[index]!, Math.abs(value));
        this.sums.squares[index]! += value * value;
      }
    });
    this.sums.frames += channels[0].length;
  }
}
