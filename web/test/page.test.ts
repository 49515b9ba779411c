import { describe, expect, it } from "vitest";
import { AHEAD, blocksAhead, Feed } from "../src/audio/feed";
import { BLOCK } from "../src/audio/mixer";
import { bytes, clock, decibels, modelName, place, stemName } from "../src/format";
import { factorsOf, gains, newFader, partsOf } from "../src/player/faders";
import { columnsOf, tickStep } from "../src/player/waveform";

describe("the mix", () => {
  const fader = (values = {}) => ({ ...newFader(), ...values });

  it("is silent where it is muted, or another stem is solo", () => {
    expect(gains([fader(), fader({ isMuted: true }), fader({ level: -40 })])).toEqual([1, 0, 0]);
    expect(gains([fader({ isSolo: true }), fader(), fader({ isSolo: true, isMuted: true })])).toEqual([1, 0, 0]);
    expect(gains([fader({ level: 6 })])[0]).toBeCloseTo(1.9953, 4);
  });

  it("is told the server without the stems that are silent", () => {
    const faders = [fader({ level: -6, pan: 0.25 }), fader({ isMuted: true })];
    const [part, ...others] = partsOf(faders, ["vocals.wav", "drums.wav"]);
    expect(part).toMatchObject({ stem: "vocals.wav", pan: 0.25 });
    expect(part!.gain).toBeCloseTo(0.50119, 5);
    expect(others).toEqual([]);
    expect(factorsOf(faders, [2, 2])[1]).toEqual([0, 0, 0, 0]);
  });
});

describe("blocks", () => {
  it("are those that are heard next", () => {
    expect(blocksAhead(0, null, 3 * BLOCK)).toEqual([0, 1, 2]);
    expect(blocksAhead(2 * BLOCK + 1, null, 1000 * BLOCK)).toHaveLength(AHEAD);
    expect(blocksAhead(5 * BLOCK, { start: 2 * BLOCK, end: 6 * BLOCK }, 100 * BLOCK)).toEqual([5, 2, 3, 4]);
    expect(blocksAhead(9 * BLOCK, { start: 2 * BLOCK, end: 6 * BLOCK }, 11 * BLOCK)).toEqual([9, 10]);
    expect(blocksAhead(3 * BLOCK, null, 3 * BLOCK)).toEqual([2]);
  });

  it("come and go as they are needed", async () => {
    const there = new Set<number>();
    const feed = new Feed(async (index) => [[new Float32Array([index])]], (index) => there.add(index), (index) => there.delete(index), () => undefined);
    const settle = () => new Promise((done) => setTimeout(done));
    feed.update([0, 1, 2]);
    await settle();
    expect([[...there], feed.isFull]).toEqual([[0, 1, 2], true]);
    feed.update([2, 7]);
    await settle();
    expect([...there]).toEqual([2, 7]);
  });
});

describe("words", () => {
  it("are as people read them", () => {
    expect([clock(0), clock(62.7), clock(3661), clock(5.25, 1), clock(59.99, 1)]).toEqual(["0:00", "1:02", "1:01:01", "0:05.2", "0:59.9"]);
    expect([bytes(0), bytes(999), bytes(1234567), bytes(123456789), bytes(7.2e9)]).toEqual(["0 B", "999 B", "1.2 MB", "123 MB", "7.2 GB"]);
    expect([decibels(0), decibels(-3), decibels(6), decibels(-Infinity), decibels(-0.01)]).toEqual(["0.0 dB", "−3.0 dB", "+6.0 dB", "−∞ dB", "0.0 dB"]);
    expect([place(0), place(-0.5), place(1)]).toEqual(["centre", "50 % left", "100 % right"]);
    expect([stemName("lead vocals.v2.wav"), modelName("/models/my model/"), modelName("auralflow-4stems")]).toEqual(["lead vocals.v2", "my model", "auralflow-4stems"]);
  });
});

describe("a waveform", () => {
  it("shows the extremes behind each column", () => {
    const outline = Int8Array.from([-10, 20, -127, 5, 0, 127, -1, 1]);
    expect([...columnsOf(outline, { start: 0, end: 4 * 512 }, 2)].map((value) => Math.round(value * 127))).toEqual([-127, 20, -1, 127]);
    expect([...columnsOf(outline, { start: 512, end: 1024 }, 3)].map((value) => Math.round(value * 127))).toEqual([-127, 5, -127, 5, -127, 5]);
  });

  it("has ticks that can be read", () => {
    expect([tickStep(180, 10), tickStep(4, 10), tickStep(1e6, 3)]).toEqual([30, 0.5, 7200]);
  });
});
