import type { Sound } from "./engine";
import { BLOCK, Mixer } from "./mixer";
import type { Factors } from "./pan";
import { Stretch } from "./stretch";
import { Transport } from "./transport";

const PIECE = 128; // frames, as in the audio thread
const SPARE = 1 << 14; // frames in memory behind the position, which is more than the stretching looks ahead

/**
 * Computes what the player would play, from the beginning to the end, as fast as it can.
 *
 * @param speed 1 is the song's own; @param semitones by which it sounds higher
 * @returns pieces of left and right by turns
 */
export async function* render(
  sound: Sound,
  factors: readonly Factors[],
  speed: number,
  semitones: number,
): AsyncGenerator<Float32Array<ArrayBuffer>> {
  const mixer = new Mixer(sound.frames, sound.sources.length, sound.rate);
  const transport = new Transport(mixer, await Stretch.load(sound.rate), sound.rate);
  transport.setFactors(factors);
  transport.setSpeed(speed, semitones);
  transport.play();
  let left = Math.round(sound.frames / speed); // frames that are still to come
  const signal = new AbortController().signal;
  for (let index = 0; left > 0; index++) {
    const start = index * BLOCK;
    const isLast = start + BLOCK >= sound.frames;
    mixer.add(index, await Promise.all(sound.sources.map((source) => source.fetch(start, Math.min(BLOCK, sound.frames - start), signal))));
    mixer.drop(index - 2);
    const pieces: Float32Array[] = [];
    while (left > 0 && (isLast || mixer.position + SPARE < start + BLOCK)) {
      const piece = byTurns(transport, Math.min(PIECE, left));
      pieces.push(piece);
      left -= piece.length / 2;
    }
    yield joined(pieces);
  }
}

function byTurns(transport: Transport, frames: number): Float32Array {
  const [left, right] = [new Float32Array(frames), new Float32Array(frames)];
  transport.render(left, right);
  const piece = new Float32Array(2 * frames);
  for (let i = 0; i < frames; i++) {
    piece[2 * i] = left[i]!;
    piece[2 * i + 1] = right[i]!;
  }
  return piece;
}

function joined(pieces: readonly Float32Array[]): Float32Array<ArrayBuffer> {
  const whole = new Float32Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
