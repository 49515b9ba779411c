import { describe, expect, it } from "vitest";
import { BLOCK, Mixer } from "../src/audio/mixer";
import { panFactors } from "../src/audio/pan";
import { render } from "../src/audio/render";
import { Stretch } from "../src/audio/stretch";
import { Transport } from "../src/audio/transport";

const RATE = 44100;

async function transport(sound: (frame: number) => number, frames: number): Promise<Transport> {
  const mixer = new Mixer(frames, 1, RATE);
  for (let index = 0; index * BLOCK < frames; index++) {
    mixer.add(index, [[Float32Array.from({ length: Math.min(BLOCK, frames - index * BLOCK) }, (_, i) => sound(index * BLOCK + i))]]);
  }
  const made = new Transport(mixer, await Stretch.load(RATE), RATE);
  made.setFactors([panFactors(0, 2)]);
  return made;
}

function played(made: Transport, frames: number): Float32Array {
  const [left, right] = [new Float32Array(frames), new Float32Array(frames)];
  for (let at = 0; at < frames; at += 128) made.render(left.subarray(at, at + 128), right.subarray(at, at + 128));
  return left;
}

/** The frequency of a sine, by the phase that two long windows differ in. */
function frequency(sound: Float32Array, near: number): number {
  const length = 8192;
  const phase = (start: number): number => {
    let [re, im] = [0, 0];
    for (let i = 0; i < length; i++) {
      const window = 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / length);
      const turn = (2 * Math.PI * near * (start + i)) / RATE;
      re += window * sound[start + i]! * Math.cos(turn);
      im -= window * sound[start + i]! * Math.sin(turn);
    }
    return Math.atan2(im, re);
  };
  const [start, hop] = [22050, 1024];
  let turned = 0;
  for (let step = 0; step < 16; step++) {
    const change = phase(start + (step + 1) * hop) - phase(start + step * hop);
    turned += Math.atan2(Math.sin(change), Math.cos(change));
  }
  return near + (turned / (2 * Math.PI)) * (RATE / (16 * hop));
}

const sine = (frame: number): number => 0.5 * Math.sin((2 * Math.PI * 440 * frame) / RATE);
const cents = (one: number, other: number): number => 1200 * Math.log2(one / other);

describe("rendering", () => {
  it.each([
    [0.75, 0, 440],
    [1, 4, 440 * 2 ** (1 / 3)],
  ])("at speed %d and key %d gives the whole song, across blocks, in stereo", async (speed, key, pitch) => {
    const frames = 3 * BLOCK + 100;
    const fetch = async (start: number, count: number) => [Float32Array.from({ length: count }, (_, i) => sine(start + i))];
    const pieces: Float32Array[] = [];
    for await (const piece of render({ rate: RATE, frames, sources: [{ channels: 1, fetch }] }, [panFactors(-1, 1)], speed, key)) pieces.push(piece);
    expect(pieces.reduce((sum, { length }) => sum + length, 0)).toBe(2 * Math.round(frames / speed));
    const [left, right] = [0, 1].map((channel) => Float32Array.from(pieces.flatMap((piece) => [...piece.filter((_, i) => i % 2 === channel)]))) as [Float32Array, Float32Array];
    expect(Math.abs(cents(frequency(left, pitch), pitch))).toBeLessThan(10);
    expect(Math.max(...right.slice(0, 50000).map(Math.abs))).toBeLessThan(1e-6);
    // Without a gap: a block whose beginning were faded in would be softer.
    for (let at = 5000; at < left.length - 10000; at += 1000) {
      const loud = Math.sqrt(left.slice(at, at + 1000).reduce((sum, value) => sum + value ** 2, 0) / 1000);
      expect(loud).toBeGreaterThan(0.8 * 0.5 * Math.SQRT1_2 * Math.SQRT2);
    }
  });
});

describe("a transport", () => {
  it.each([
    [0.75, 0, 440, 5],
    [0.5, 0, 440, 5],
    [1.5, 0, 440, 5],
    [1, 6, 440 * 2 ** 0.5, 5],
    [0.75, -5, 440 * 2 ** (-5 / 12), 10],
  ])("at speed %d and key %d has the pitch of %d Hz within %d cents", async (speed, key, pitch, most) => {
    const made = await transport(sine, 4 * RATE);
    made.setSpeed(speed, key);
    made.play();
    const sound = played(made, RATE + 128 * 128);
    expect(Math.abs(cents(frequency(sound, pitch), pitch))).toBeLessThan(most);
  });

  it.each([0.5, 0.75, 1, 1.5])("at speed %d plays every moment when it is due", async (speed) => {
    const onset = RATE;
    const made = await transport((frame) => (frame < onset ? 0 : sine(frame)), 4 * RATE);
    made.setSpeed(speed, 0);
    made.play();
    const sound = played(made, 128 * 800);
    const heard = sound.findIndex((one) => Math.abs(one) > 0.25);
    expect(Math.abs(heard - onset / speed) / RATE).toBeLessThan(0.04);
    const frame = made.status().frame;
    expect(Math.abs(frame - 128 * 800 * speed) / RATE).toBeLessThan(0.005);
  });

  it("is the sound itself, untouched, at the song's own speed", async () => {
    const made = await transport(sine, RATE);
    made.play();
    const sound = played(made, 128 * 100);
    for (let i = 300; i < sound.length; i++) expect(sound[i]).toBeCloseTo(Math.fround(sine(i)), 6);
  });

  it.each([1, 0.75])("goes back to the beginning of its loop and stops at the end of the song at speed %d", async (speed) => {
    const made = await transport(sine, RATE);
    made.setLoop({ start: 5000, end: 15000 });
    made.setSpeed(speed, 0);
    made.seek(5000);
    made.play();
    for (let i = 0; i < 400; i++) {
      played(made, 128);
      const { frame } = made.status();
      if (i > 1) expect(frame >= 5000 && frame <= 15000).toBe(true);
    }
    made.setLoop(null);
    made.seek(RATE - 2000);
    played(made, 128 * 300);
    expect(made.status()).toMatchObject({ isPlaying: false, frame: RATE });
  });

  it("stops, jumps and goes on without a step", async () => {
    const made = await transport(() => 0.5, RATE);
    made.play();
    let last = 0;
    for (const action of [() => undefined, () => made.seek(9000), () => made.pause(), () => made.play(), () => made.setSpeed(1, 0)]) {
      action();
      for (const value of played(made, 1024)) {
        expect(Math.abs(value - last)).toBeLessThan(0.5 / (0.004 * RATE));
        last = value;
      }
    }
  });

  it("waits for blocks that are missing, and plays them when they come", async () => {
    const made = await transport(() => 0.5, RATE);
    made.mixer.drop(0);
    made.play();
    played(made, 1280);
    expect(made.status()).toMatchObject({ isPlaying: true, isWaiting: true, frame: 0 });
    made.mixer.add(0, [[new Float32Array(BLOCK).fill(0.5)]]);
    expect(played(made, 1280).at(-1)).toBeCloseTo(0.5, 6);
  });
});
