import { panFactors, type Factors } from "../audio/pan";
import { toFactor } from "../format";
import type { Part } from "../api";

export const SOFTEST = -40; // dB: the end of a level's slider, which is silence
export const LOUDEST = 6; // dB

/** How a stem is heard. */
export interface Fader {
  level: number; // dB
  pan: number; // -1, left, to 1, right
  isMuted: boolean;
  isSolo: boolean;
}

export function newFader(): Fader {
  return { level: 0, pan: 0, isMuted: false, isSolo: false };
}

/** The factor of each stem: where one is solo, those that are not are silent; what is muted is silent in any case. */
export function gains(faders: readonly Fader[]): number[] {
  const anySolo = faders.some(({ isSolo }) => isSolo);
  return faders.map(({ level, isMuted, isSolo }) => (isMuted || (anySolo && !isSolo) || level <= SOFTEST ? 0 : toFactor(level)));
}

/** The factors of each stem's channels. */
export function factorsOf(faders: readonly Fader[], channels: readonly number[]): Factors[] {
  return gains(faders).map((gain, index) => {
    const [ll, lr, rl, rr] = panFactors(faders[index]!.pan, channels[index]!);
    return [gain * ll, gain * lr, gain * rl, gain * rr];
  });
}

/** What the server needs to write the same mix: the stems that are heard. */
export function partsOf(faders: readonly Fader[], stems: readonly string[]): Part[] {
  return gains(faders)
    .map((gain, index) => ({ stem: stems[index]!, gain, pan: faders[index]!.pan }))
    .filter(({ gain }) => gain > 0);
}
