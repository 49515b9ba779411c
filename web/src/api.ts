import type { Source } from "./audio/engine";

export type State = "queued" | "running" | "done" | "failed" | "cancelled" | "deleted";

/** A song, as the server knows it. */
export interface Job {
  readonly id: string;
  readonly name: string;
  readonly model: string;
  readonly format: string;
  readonly state: State;
  readonly progress: number;
  readonly created: number;
  readonly seconds: number;
  readonly took: number;
  readonly stems: readonly string[];
  readonly notes: readonly string[];
  readonly error: string;
  readonly digest: string; // of the song's file
}

/** A file that can be played: a stem, or the song itself. */
export interface Track {
  readonly name: string;
  readonly address: string;
  readonly sample_rate: number;
  readonly channels: number;
  readonly samples: number;
}

export interface Space {
  readonly used: number;
  readonly free: number;
  readonly songs: number;
  readonly sizes: Readonly<Record<string, number>>;
}

/** A stem in a mix that the server writes. */
export interface Part {
  readonly stem: string;
  readonly gain: number;
  readonly pan: number;
}

export const PEAK_FRAMES = 512; // frames of one pair in an outline

/** An answer of the server that refuses, with its sentence. */
export class Refusal extends Error {
  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message);
  }

  /** Whether what was asked for is not there, as of a song that was deleted. */
  get isMissing(): boolean {
    return this.status === 404;
  }
}

/**
 * Asks the server.
 *
 * @throws Refusal if it refuses; Error if it does not answer
 */
export async function ask(address: string, options: RequestInit = {}): Promise<Response> {
  const answer = await fetch(address, options).catch((error: Error) => {
    if (error.name === "AbortError") throw error;
    throw new Error("The server does not answer. Does it still run?");
  });
  if (!answer.ok) throw new Refusal(await sentence(answer), answer.status);
  return answer;
}

async function get<Result>(address: string): Promise<Result> {
  return (await (await ask(address)).json()) as Result;
}

async function sentence(answer: Response): Promise<string> {
  try {
    return String(((await answer.json()) as { detail: unknown }).detail);
  } catch {
    return `The server answers with status ${answer.status}.`;
  }
}

export const jobs = (): Promise<Job[]> => get("/api/jobs");
export const job = (id: string): Promise<Job> => get(`/api/jobs/${encodeURIComponent(id)}`);
export const models = (): Promise<string[]> => get("/api/models");
export const space = (): Promise<Space> => get("/api/space");
export const tracks = (id: string): Promise<Track[]> => get(`/api/jobs/${encodeURIComponent(id)}/tracks`);
export const cancel = (id: string): Promise<Response> => ask(`/api/jobs/${id}/cancel`, { method: "POST" });
export const remove = (id: string): Promise<Response> => ask(`/api/jobs/${id}`, { method: "DELETE" });

/** The outline of a track: pairs of the least and the greatest sample, 127 for 1. */
export async function peaks(track: Track): Promise<Int8Array> {
  return new Int8Array(await (await ask(`${track.address}/peaks`)).arrayBuffer());
}

/** A track as the engine plays it. */
export function sourceOf(track: Track): Source {
  return {
    channels: track.channels,
    async fetch(start, frames, signal) {
      if (start >= track.samples) return [new Float32Array(0)];
      const answer = await ask(`${track.address}/samples?start=${start}&samples=${frames}`, { signal });
      const all = new Float32Array(await answer.arrayBuffer());
      const length = all.length / track.channels;
      // Copies, as each array's memory is handed to the audio thread.
      return Array.from({ length: track.channels }, (_, channel) => all.slice(channel * length, (channel + 1) * length));
    },
  };
}

/** A mix that the server wrote: its address, and the number of samples that were cut off. */
export interface Mix {
  readonly address: string;
  readonly clipped: number;
}

/** Lets the server write a mix. */
export async function mix(id: string, parts: readonly Part[], format: string): Promise<Mix> {
  const headers = { "Content-Type": "application/json" };
  const options = { method: "POST", headers, body: JSON.stringify(parts) };
  return (await (await ask(`/api/jobs/${id}/mix?format=${format}`, options)).json()) as Mix;
}

/** Lets the server write a mix that was computed here: float32, left and right by turns. */
export async function sendMix(id: string, sound: Blob, format: string): Promise<Mix> {
  return (await (await ask(`/api/jobs/${id}/mix/${format}`, { method: "POST", body: sound })).json()) as Mix;
}

/** Lets the server write a song and its stems as one .stem.mp4. */
export async function stemFile(id: string): Promise<Mix> {
  return (await (await ask(`/api/jobs/${id}/stem-file`, { method: "POST" })).json()) as Mix;
}

/** Sends a song; tells how much of it has gone, from 0 to 1. */
export function send(file: File, query: Record<string, string>, progress: (share: number) => void): Promise<Job> {
  const request = new XMLHttpRequest(); // fetch tells nothing while it sends
  request.open("POST", `/api/jobs?${new URLSearchParams({ name: file.name, ...query })}`);
  request.responseType = "json";
  request.upload.onprogress = ({ loaded, total }) => progress(loaded / total);
  return new Promise((resolve, reject) => {
    request.onload = () => {
      if (request.status === 201) resolve(request.response as Job);
      else reject(new Error(String((request.response as { detail?: unknown } | null)?.detail ?? request.statusText)));
    };
    request.onerror = () => reject(new Error(`${file.name}: the connection to the server ended`));
    request.send(file);
  });
}

/** Listens to all songs; a new connection begins with all of them. Returns what ends it. */
export function watch(changed: (job: Job) => void, connected: (is: boolean) => void): () => void {
  let [events, timer] = [new EventSource("/api/events"), 0];
  const listen = (): void => {
    events.addEventListener("job", ({ data }: MessageEvent<string>) => changed(JSON.parse(data) as Job));
    events.onopen = () => connected(true);
    events.onerror = () => {
      connected(false);
      if (events.readyState !== EventSource.CLOSED) return; // the browser tries again
      timer = window.setTimeout(() => {
        events = new EventSource("/api/events");
        listen();
      }, 3000);
    };
  };
  listen();
  return () => {
    clearTimeout(timer);
    events.close();
  };
}
