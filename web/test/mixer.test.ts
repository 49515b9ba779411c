import { describe, expect, it } from "vitest";
import { BLOCK, Mixer } from "../src/audio/mixer";
import { panFactors, type Factors } from "../src/audio/pan";

const RATE = 8000;
const FRAMES = 2 * BLOCK + 1000;
const CENTRE = panFactors(0, 2);

/** The value of a track at a frame: every frame of every track has its own. */
const value = (track: number, frame: number): number => ((frame * (track + 3)) % 1009) / 1009 - 0.5;

function mixer(factors: readonly Factors[]): Mixer {
  const made = new Mixer(FRAMES, factors.length, RATE);
  made.setFactors(factors, true);
  for (let index = 0; index * BLOCK < FRAMES; index++) {
    const frames = Math.min(BLOCK, FRAMES - index * BLOCK);
    const track = (number: number): Float32Array[] => [0, 1].map((channel) => Float32Array.from({ length: frames }, (_, i) => (channel ? -1 : 1) * value(number, index * BLOCK + i)));
    made.add(index, factors.map((_, number) => track(number)));
  }
  return made;
}

function read(made: Mixer, frames: number): [Float32Array, Float32Array] {
  const [left, right] = [new Float32Array(frames), new Float32Array(frames)];
  for (let at = 0; at < frames; at += 128) made.read(left.subarray(at, at + 128), right.subarray(at, at + 128));
  return [left, right];
}

describe("a mixer", () => {
  it("adds all tracks up at the same frame, across blocks and to the end", () => {
    const made = mixer([CENTRE, CENTRE, CENTRE]);
    const [left, right] = read(made, FRAMES + 128);
    for (let i = 0; i < FRAMES; i++) {
      const sum = value(0, i) + value(1, i) + value(2, i);
      if (Math.abs(left[i]! - sum) > 1e-6 || Math.abs(right[i]! + sum) > 1e-6) expect.fail(`frame ${i}`);
    }
    expect(made.isAtEnd).toBe(true);
    expect([...left.slice(FRAMES)].every((one) => one === 0)).toBe(true);
  });

  it("stays in its loop, which fades over the seam", () => {
    const made = mixer([CENTRE]);
    const [start, end] = [BLOCK - 300, BLOCK + 500];
    made.loop = { start, end };
    made.seek(start);
    const [left] = read(made, 2400);
    const seam = Math.round(0.003 * RATE);
    for (let i = 0; i < 2400; i++) {
      const place = i % 800;
      const full = value(0, start + place);
      if (Math.abs(left[i]!) > Math.abs(full) + 1e-6) expect.fail(`frame ${i} is louder than its own`);
      if (place >= seam && place < 800 - seam && Math.abs(left[i]! - full) > 1e-6) expect.fail(`frame ${i}`);
    }
    expect(Math.abs(left[799]!) + Math.abs(left[800]!)).toBeLessThan(0.1);
    expect(made.position).toBe(start);
  });

  it("changes levels without a step", () => {
    const made = new Mixer(FRAMES, 1, RATE);
    made.setFactors([CENTRE], true);
    made.add(0, [[new Float32Array(BLOCK).fill(1)]]);
    made.setFactors([[0, 0, 0, 0]]);
    const [left] = read(made, 256);
    for (let i = 1; i < 256; i++) expect(Math.abs(left[i]! - left[i - 1]!)).toBeLessThan(1.1 / (0.01 * RATE));
    expect(left[0]).toBe(1);
    expect(left[200]).toBe(0);
  });

  it("knows which frames are there", () => {
    const made = mixer([CENTRE]);
    made.drop(1);
    made.seek(BLOCK - 100);
    expect([made.has(100), made.has(101)]).toEqual([true, false]);
    made.loop = { start: 0, end: BLOCK };
    expect(made.has(2000)).toBe(true);
  });
});
