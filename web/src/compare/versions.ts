import * as api from "../api";
import type { Source } from "../audio/engine";
import { modelName, stemName } from "../format";
import { Loudness } from "./loudness";

/** One way in which a stem sounds: a model's, the true one, or the song itself. */
export interface Version {
  readonly name: string;
  readonly kind: "model" | "truth" | "song";
  readonly source: Source;
  readonly frames: number;
}

/** The separations of one song, the oldest first. */
export interface Song {
  readonly name: string;
  readonly jobs: readonly api.Job[];
}

export const LARGEST_GAIN = 20; // dB that matching changes at most: a nearly silent stem stays soft
export const PIECE = 1 << 18; // frames: the most that the server hands out at once

/** Songs by what is in their files; only those that are separated. */
export function songsOf(jobs: readonly api.Job[]): Song[] {
  const groups = new Map<string, api.Job[]>();
  for (const job of jobs) {
    if (job.state !== "done" || !job.stems.length) continue;
    const key = job.digest || job.id;
    groups.set(key, [...(groups.get(key) ?? []), job]);
  }
  return [...groups.values()].map((same) => ({ name: same[0]!.name, jobs: same }));
}

/** Names of jobs' models, with a number where one model separated a song twice. */
export function namesOf(jobs: readonly api.Job[]): string[] {
  const names = jobs.map(({ model }) => modelName(model));
  return names.map((name, index) => {
    const same = names.filter((other) => other === name).length;
    return same < 2 ? name : `${name} ${names.slice(0, index + 1).filter((other) => other === name).length}`;
  });
}

/** The stems of any of the jobs, those of most jobs first. */
export function stemsOf(jobs: readonly api.Job[]): string[] {
  const counts = new Map<string, number>();
  for (const stem of jobs.flatMap(({ stems }) => stems.map(stemName))) counts.set(stem, (counts.get(stem) ?? 0) + 1);
  return [...counts].sort(([one, a], [other, b]) => b - a || one.localeCompare(other)).map(([stem]) => stem);
}

/** A track of the server as a version. */
export function versionOf(track: api.Track, name: string, kind: Version["kind"]): Version {
  return { name, kind, source: api.sourceOf(track), frames: track.samples };
}

/** A file of the listener's, decoded at a rate, as a version. It never leaves the page. */
export async function truthOf(file: File, rate: number): Promise<Version> {
  const context = new OfflineAudioContext(1, 1, rate);
  const decoded = await context.decodeAudioData(await file.arrayBuffer()).catch(() => {
    throw new Error(`${file.name}: this browser cannot decode it; wav, flac and mp3 are expected`);
  });
  if (decoded.numberOfChannels > 2) throw new Error(`${file.name} has ${decoded.numberOfChannels} channels; mono and stereo can be played here.`);
  const channels = Array.from({ length: decoded.numberOfChannels }, (_, channel) => decoded.getChannelData(channel));
  const source: Source = {
    channels: channels.length,
    fetch: async (start, frames) => channels.map((channel) => channel.slice(start, start + frames)),
  };
  return { name: "True stem", kind: "truth", source, frames: decoded.length };
}

/** The file of a stem among those that a listener gave: the one of its name, or the only one. */
export function truthFile(files: readonly File[], stem: string): File | undefined {
  return files.find(({ name }) => stemName(name).toLowerCase() === stem.toLowerCase()) ?? (files.length === 1 ? files[0] : undefined);
}

/** Fetches a part of a source, in pieces that the server hands out. */
async function* pieces({ fetch }: Source, start: number, end: number, signal: AbortSignal): AsyncGenerator<Float32Array[]> {
  for (let at = start; at < end; at += PIECE) {
    signal.throwIfAborted();
    yield await fetch(at, Math.min(PIECE, end - at), signal);
  }
}

/** A part of a source, in frames: one array for each channel, shorter where the source ends. */
export async function excerpt(source: Source, start: number, end: number, signal: AbortSignal): Promise<Float32Array[]> {
  const channels = Array.from({ length: source.channels }, () => new Float32Array(end - start));
  let done = 0;
  for await (const piece of pieces(source, start, end, signal)) {
    piece.forEach((samples, channel) => channels[channel]!.set(samples, done));
    done += piece[0]!.length;
  }
  return channels.map((channel) => channel.subarray(0, done));
}

/** Measures a whole version. */
export async function measure({ source, frames }: Version, rate: number, signal: AbortSignal): Promise<Loudness> {
  const loudness = new Loudness(rate, source.channels);
  for await (const piece of pieces(source, 0, frames, signal)) loudness.add(piece);
  return loudness;
}

/**
 * Gains in dB that make all equally loud, none louder than it was: the softest stem is the measure, unless it is nearly
 * silent.
 *
 * @param isStem of each level; the song itself is as soft as it has to be
 */
export function matchingGains(levels: readonly number[], isStem: readonly boolean[]): number[] {
  const heard = levels.filter((level, index) => isStem[index] && Number.isFinite(level));
  if (!heard.length) return levels.map(() => 0);
  const wanted = Math.max(Math.min(...heard), Math.max(...heard) - LARGEST_GAIN);
  return levels.map((level) => (Number.isFinite(level) ? Math.min(0, wanted - level) : 0));
}
