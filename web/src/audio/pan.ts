/** Factors of a stem: left from its left, left from its right, right from its left, right from its right. */
export type Factors = readonly [number, number, number, number];

/**
 * The factors that put a stem between left and right; the server has the same in auralflow/studio/mixing.py.
 *
 * Stereo follows the StereoPannerNode of the Web Audio API; mono has constant power, and factor 1 in the middle.
 *
 * @param pan from -1, left, to 1, right
 * @param channels 1 or 2
 */
export function panFactors(pan: number, channels: number): Factors {
  if (channels === 1) {
    const angle = ((pan + 1) * Math.PI) / 4;
    return [Math.SQRT2 * Math.cos(angle), 0, Math.SQRT2 * Math.sin(angle), 0];
  }
  const angle = ((pan <= 0 ? pan + 1 : pan) * Math.PI) / 2;
  const [away, along] = [Math.cos(angle), Math.sin(angle)];
  return pan <= 0 ? [1, away, 0, along] : [away, 0, along, 1];
}
