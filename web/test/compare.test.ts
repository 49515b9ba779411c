import { describe, expect, it } from "vitest";
import type { Job } from "../src/api";
import { kWeighting, Loudness, loudPlaces } from "../src/compare/loudness";
import { spectra, transform } from "../src/compare/spectrogram";
import { excerpt, matchingGains, namesOf, PIECE, songsOf, stemsOf, truthFile } from "../src/compare/versions";
import { shuffled, Votes, wilson } from "../src/compare/votes";

const job = (values: Partial<Job>): Job => ({ id: "", name: "Song", model: "m", state: "done", stems: ["vocals.wav"], digest: "", ...values }) as Job;

describe("loudness", () => {
  it("has the filters of ITU-R BS.1770-4 at 48 kHz", () => {
    const [head, low] = kWeighting(48000);
    const tables = [
      [1.53512485958697, -2.69169618940638, 1.19839281085285, -1.69065929318241, 0.73248077421585],
      [1, -2, 1, -1.99004745483398, 0.99007225036621],
    ];
    [head, low].forEach((filter, index) => filter.forEach((value, place) => expect(value).toBeCloseTo(tables[index]![place]!, 10)));
  });

  it.each([48000, 44100, 22050])("of a sine of full scale is -3.01 LUFS, whatever the blocks, at %d Hz", (rate) => {
    const sine = Float32Array.from({ length: 2 * rate }, (_, i) => Math.sin((2 * Math.PI * 997 * i) / rate));
    const [one, two] = [new Loudness(rate, 1), new Loudness(rate, 2)];
    one.add([sine]);
    for (let i = 0; i < sine.length; i += 1000) two.add([sine.slice(i, i + 1000), sine.slice(i, i + 1000)]);
    expect(one.integrated).toBeCloseTo(-3.01, 1);
    expect(two.integrated).toBeCloseTo(0, 1);
  });

  it("does not count rests and parts that are 10 LU softer", () => {
    const rate = 8000;
    const sound = Float32Array.from({ length: 8 * rate }, (_, i) => (i < 2 * rate ? 0.5 : i < 4 * rate ? 0.05 : 0) * Math.sin((2 * Math.PI * 1000 * i) / rate));
    const loudness = new Loudness(rate, 1);
    loudness.add([sound]);
    expect(loudness.integrated).toBeCloseTo(-3.01 - 6.02, 0);
    expect(new Loudness(rate, 1).integrated).toBe(-Infinity);
  });

  it("finds the places where a stem is heard", () => {
    expect(loudPlaces([0, 0, 0, 4, 4, 0], 2)).toEqual([2, 3, 4]);
    expect(loudPlaces([1], 80)).toEqual([0]);
    expect(loudPlaces([], 80)).toEqual([0]);
  });
});

describe("matching", () => {
  it("makes all as loud as the softest, but for what is nearly silent", () => {
    expect(matchingGains([-20, -14, -17], [true, true, true])).toEqual([0, -6, -3]);
    expect(matchingGains([-20, -60, -Infinity], [true, true, true])).toEqual([-20, 0, 0]);
    expect(matchingGains([-45, -40, -12], [true, true, false])).toEqual([0, -5, -33]);
    expect(matchingGains([-Infinity, -12], [true, false])).toEqual([0, 0]);
  });
});

describe("votes", () => {
  // Wilson 1927; the ends solve (p - k/n)^2 = z^2 p (1 - p) / n.
  it.each([[0, 4], [3, 4], [8, 10], [50, 100], [7, 7]])("%d of %d have Wilson's interval", (times, trials) => {
    const { value, low, high } = wilson(times, trials);
    for (const end of [low, high]) expect((end - value) ** 2).toBeCloseTo((1.959963984540054 ** 2 * end * (1 - end)) / trials, 10);
    expect(low).toBeLessThanOrEqual(value);
    expect(high).toBeGreaterThanOrEqual(value);
  });

  it("are counted, and rounds without a choice are not in the shares", () => {
    const votes = new Votes(["one", "two"]);
    for (const name of ["two", "two", null, "one", "two"]) votes.add(name);
    expect(votes.rows.map(({ name, votes: count, value }) => [name, count, value])).toEqual([["two", 3, 0.75], ["one", 1, 0.25]]);
    expect([votes.decided, votes.undecided]).toEqual([4, 1]);
    expect(new Votes(["one"]).rows[0]).toMatchObject({ votes: 0, low: 0, high: 1 });
  });

  it("come in orders that are all equally likely", () => {
    const counts = new Map<string, number>();
    for (let a = 0; a < 6; a++) for (let b = 0; b < 6; b++) {
      const numbers = [(a + 0.5) / 6, (b + 0.5) / 6];
      const key = shuffled(["x", "y", "z"], () => numbers.shift() ?? 0).join("");
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    expect([...counts.values()]).toEqual([6, 6, 6, 6, 6, 6]);
  });
});

describe("spectra", () => {
  it("are those of the sum", () => {
    const [real, imaginary] = [Float64Array.from([1, 2, 0, -1, 3, 1, 0, 2]), new Float64Array(8)];
    const plain = [...real];
    transform(real, imaginary);
    for (let k = 0; k < 8; k++) {
      const angle = (i: number): number => (-2 * Math.PI * k * i) / 8;
      expect(real[k]).toBeCloseTo(plain.reduce((sum, value, i) => sum + value * Math.cos(angle(i)), 0), 12);
      expect(imaginary[k]).toBeCloseTo(plain.reduce((sum, value, i) => sum + value * Math.sin(angle(i)), 0), 12);
    }
  });

  it("have a sine of full scale at 0 dB in its bin", () => {
    const sine = Float32Array.from({ length: 8192 }, (_, i) => Math.sin((2 * Math.PI * 64 * i) / 2048));
    const { columns } = spectra([sine, sine], 48000, 4);
    for (const column of columns.slice(1, 3)) {
      expect(column.indexOf(Math.max(...column))).toBe(64);
      expect(Math.max(...column)).toBeCloseTo(0, 4);
    }
  });
});

describe("versions", () => {
  it("are separations of files with the same content", () => {
    const jobs = [job({ id: "1", digest: "a" }), job({ id: "2" }), job({ id: "3", digest: "a" }), job({ id: "4" }), job({ id: "5", state: "failed", digest: "a" })];
    expect(songsOf(jobs).map(({ jobs: same }) => same.map(({ id }) => id))).toEqual([["1", "3"], ["2"], ["4"]]);
  });

  it("are named by their models", () => {
    expect(namesOf([job({ model: "x/one" }), job({ model: "two" }), job({ model: "y/one" })])).toEqual(["one 1", "two", "one 2"]);
    expect(stemsOf([job({ stems: ["a.wav", "b.wav"] }), job({ stems: ["b.flac"] })])).toEqual(["b", "a"]);
  });

  it("are fetched in pieces that the server hands out", async () => {
    const asked: number[] = [];
    const fetch = async (start: number, frames: number): Promise<Float32Array[]> => {
      asked.push(frames);
      return [1, -1].map((sign) => Float32Array.from({ length: Math.min(frames, 2 * PIECE - start) }, (_, i) => sign * (start + i)));
    };
    const [left, right] = await excerpt({ channels: 2, fetch }, 5, 3 * PIECE, new AbortController().signal);
    expect(Math.max(...asked)).toBe(PIECE);
    expect([left!.length, left![0], left!.at(-1), right!.at(-1)]).toEqual([2 * PIECE - 5, 5, 2 * PIECE - 1, 1 - 2 * PIECE]);
  });

  it("find the true stem by its name, or take the only file", () => {
    const files = ["Vocals.wav", "drums.wav"].map((name) => new File([], name));
    expect(truthFile(files, "vocals")).toBe(files[0]);
    expect(truthFile(files, "bass")).toBeUndefined();
    expect(truthFile(files.slice(1), "bass")).toBe(files[1]);
  });
});
