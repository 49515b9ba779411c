import { describe, expect, it } from "vitest";
import { panFactors } from "../src/audio/pan";

const half = Math.SQRT1_2;

describe("the pan law", () => {
  // The factors of the StereoPannerNode, by hand from its formula.
  it.each([
    [0, [1, 0, 0, 1]],
    [-1, [1, 1, 0, 0]],
    [1, [0, 0, 1, 1]],
    [-0.5, [1, half, 0, half]],
    [0.5, [half, 0, half, 1]],
  ])("of stereo at %d", (pan, factors) => {
    panFactors(pan, 2).forEach((factor, index) => expect(factor).toBeCloseTo(factors[index]!, 12));
  });

  it.each([-1, -0.3, 0, 0.7, 1])("of mono keeps the power at %d", (pan) => {
    const [left, , right] = panFactors(pan, 1);
    expect(left ** 2 + right ** 2).toBeCloseTo(2, 12);
  });
});
