import { BLOCK, type Region } from "./mixer";

export const AHEAD = 12; // blocks that are in memory from the position on
const AT_ONCE = 2; // blocks that are fetched at the same time
const PATIENCE = 1000; // milliseconds before blocks that could not be fetched are asked for again

/** Fetches a block of all tracks. */
export type Fetch = (index: number, signal: AbortSignal) => Promise<Float32Array[][]>;

/**
 * The blocks that are heard next, the most urgent first.
 *
 * @param position frame that is heard
 * @param frames length of the song
 */
export function blocksAhead(position: number, loop: Region | null, frames: number): number[] {
  const wanted = new Set<number>();
  const last = Math.ceil(frames / BLOCK) - 1;
  const end = loop && position < loop.end ? Math.ceil(loop.end / BLOCK) - 1 : last;
  const run = (from: number, to: number): void => {
    for (let index = from; index <= to && wanted.size < AHEAD; index++) wanted.add(index);
  };
  const first = Math.min(Math.floor(position / BLOCK), last);
  run(first, end);
  if (loop && position < loop.end) run(Math.floor(loop.start / BLOCK), end);
  return [...wanted];
}

/** Keeps the blocks around the position in the worklet, and no others, so that memory does not grow with the song. */
export class Feed {
  private readonly there = new Set<number>();
  private readonly coming = new Map<number, AbortController>();
  private wanted: number[] = [];
  private isResting = false; // after a block could not be fetched

  constructor(
    private readonly fetch: Fetch,
    private readonly add: (index: number, tracks: Float32Array[][]) => void,
    private readonly drop: (index: number) => void,
    private readonly failed: (error: Error) => void,
  ) {}

  /** Whether all blocks that are heard next are there. */
  get isFull(): boolean {
    return this.wanted.every((index) => this.there.has(index));
  }

  /** Fetches what is missing and drops what is no longer needed. */
  update(wanted: number[]): void {
    this.wanted = wanted;
    for (const index of this.there) {
      if (wanted.includes(index)) continue;
      this.there.delete(index);
      this.drop(index);
    }
    for (const [index, abort] of this.coming) if (!wanted.includes(index)) abort.abort();
    this.more();
  }

  end(): void {
    this.update([]);
  }

  private more(): void {
    if (this.isResting) return;
    for (const index of this.wanted) {
      if (this.coming.size >= AT_ONCE) return;
      if (!this.there.has(index) && !this.coming.has(index)) void this.get(index);
    }
  }

  private async get(index: number): Promise<void> {
    const abort = new AbortController();
    this.coming.set(index, abort);
    try {
      const tracks = await this.fetch(index, abort.signal);
      if (!this.wanted.includes(index)) return;
      this.there.add(index);
      this.add(index, tracks);
    } catch (error) {
      if (abort.signal.aborted) return;
      this.isResting = true;
      setTimeout(() => {
        this.isResting = false;
        this.more();
      }, PATIENCE);
      this.failed(error as Error);
    } finally {
      this.coming.delete(index);
      this.more();
    }
  }
}
