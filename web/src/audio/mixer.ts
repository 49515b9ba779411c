import type { Factors } from "./pan";

/** A region that is played again and again, in frames: samples of one channel. */
export interface Region {
  readonly start: number;
  readonly end: number;
}

export const BLOCK = 1 << 16; // frames of a block
const RAMP = 0.01; // seconds that a change of levels takes
const DIP = 0.003; // seconds of the fades at the seam of a loop

/**
 * Adds up tracks that lie in memory block by block. A block holds all tracks, so they cannot come apart.
 *
 * It moves on as it is read, and starts again at the beginning of a loop when it reaches its end.
 */
export class Mixer {
  position = 0; // frame that is read next
  loop: Region | null = null;
  hasLooped = false; // since the position was set
  private readonly blocks = new Map<number, Float32Array[][]>();
  private readonly factors: Float64Array; // four for each track
  private readonly steps: Float64Array;
  private readonly targets: Float64Array;
  private ramp = 0; // frames that are left of a change of levels
  private dip = 1; // level at the seam of a loop

  /**
   * @param frames length of all tracks
   * @param tracks their number
   * @param rate frames per second
   */
  constructor(
    readonly frames: number,
    readonly tracks: number,
    private readonly rate: number,
  ) {
    this.factors = new Float64Array(4 * tracks);
    this.steps = new Float64Array(4 * tracks);
    this.targets = new Float64Array(4 * tracks);
  }

  get isAtEnd(): boolean {
    return this.position >= this.frames;
  }

  /** Takes a block: for each track its channels. */
  add(index: number, tracks: Float32Array[][]): void {
    this.blocks.set(index, tracks);
  }

  drop(index: number): void {
    this.blocks.delete(index);
  }

  seek(frame: number): void {
    this.position = Math.max(0, Math.min(this.frames, Math.round(frame)));
    this.hasLooped = false;
    this.dip = 1;
  }

  /** Moves to new factors, at once or within some milliseconds. */
  setFactors(factors: readonly Factors[], atOnce = false): void {
    this.targets.set(factors.flat());
    this.ramp = atOnce ? 0 : Math.round(RAMP * this.rate);
    for (let i = 0; i < this.targets.length; i++) {
      if (atOnce) this.factors[i] = this.targets[i]!;
      this.steps[i] = atOnce ? 0 : (this.targets[i]! - this.factors[i]!) / this.ramp;
    }
  }

  /** Whether the next frames are in memory; behind the end there is silence, which always is. */
  has(frames: number): boolean {
    let position = this.position;
    while (frames > 0 && position < this.frames) {
      if (!this.blocks.has(Math.floor(position / BLOCK))) return false;
      const taken = Math.min(frames, BLOCK - (position % BLOCK), this.boundary(position) - position);
      frames -= taken;
      position += taken;
      if (this.loop && position === this.loop.end) position = this.loop.start;
    }
    return true;
  }

  /** Fills both channels with what comes next; `has` says whether it can. Behind the end there is silence. */
  read(left: Float32Array, right: Float32Array): void {
    left.fill(0);
    right.fill(0);
    for (let done = 0; done < left.length && !this.isAtEnd; ) {
      const frames = this.piece(left.length - done);
      this.addPiece(left, right, done, frames);
      done += frames;
      this.position += frames;
      if (this.loop && this.position === this.loop.end) {
        this.position = this.loop.start;
        this.hasLooped = true;
      }
    }
  }

  /** The next frame where the way leads elsewhere: the end of the loop, or of the song. */
  private boundary(position: number): number {
    return this.loop && position < this.loop.end ? this.loop.end : this.frames;
  }

  /** Frames up to the next change: of the block, the ramp, the loop. */
  private piece(most: number): number {
    const boundary = this.boundary(this.position);
    let frames = Math.min(most, BLOCK - (this.position % BLOCK), boundary - this.position);
    if (this.ramp) frames = Math.min(frames, this.ramp);
    const seam = boundary - this.seam;
    if (this.loop && this.position < seam) frames = Math.min(frames, seam - this.position);
    return frames;
  }

  private get seam(): number {
    return Math.round(DIP * this.rate);
  }

  private addPiece(left: Float32Array, right: Float32Array, at: number, frames: number): void {
    const block = this.blocks.get(Math.floor(this.position / BLOCK));
    const from = this.position % BLOCK;
    for (let track = 0; block && track < this.tracks; track++) {
      const [one, two = one] = block[track]!;
      let [ll, lr, rl, rr] = this.factors.subarray(4 * track, 4 * track + 4) as unknown as [number, number, number, number];
      const [dll, dlr, drl, drr] = (this.ramp ? this.steps.subarray(4 * track, 4 * track + 4) : NONE) as unknown as Factors;
      for (let i = 0; i < frames; i++) {
        const a = one![from + i] ?? 0;
        const b = two![from + i] ?? 0;
        left[at + i]! += ll * a + lr * b;
        right[at + i]! += rl * a + rr * b;
        ll += dll;
        lr += dlr;
        rl += drl;
        rr += drr;
      }
    }
    this.move(frames);
    this.soften(left, right, at, frames);
  }

  /** Moves the factors along their ramp. */
  private move(frames: number): void {
    if (!this.ramp) return;
    this.ramp -= frames;
    for (let i = 0; i < this.factors.length; i++) {
      this.factors[i] = this.ramp ? this.factors[i]! + frames * this.steps[i]! : this.targets[i]!;
    }
  }

  /** Fades the end of a loop out and its beginning in, as the step between them would click. */
  private soften(left: Float32Array, right: Float32Array, at: number, frames: number): void {
    const ends = this.loop !== null && this.position < this.loop.end && this.position >= this.loop.end - this.seam;
    if (!ends && this.dip === 1) return;
    const step = (ends ? -1 : 1) / this.seam;
    for (let i = at; i < at + frames; i++) {
      left[i]! *= this.dip;
      right[i]! *= this.dip;
      this.dip = Math.min(1, Math.max(0, this.dip + step));
    }
  }
}

const NONE: Factors = [0, 0, 0, 0];
