import type { Region } from "./mixer";
import type { Factors } from "./pan";
import type { Status } from "./transport";

/** What the node is made for. */
export interface Setup {
  readonly frames: number;
  readonly tracks: number;
  readonly factors: readonly Factors[];
}

/** What the page tells the worklet. */
export type Command =
  | { readonly do: "play" | "pause" | "end" }
  | { readonly do: "seek"; readonly frame: number }
  | { readonly do: "loop"; readonly region: Region | null }
  | { readonly do: "speed"; readonly speed: number; readonly semitones: number }
  | { readonly do: "mix"; readonly factors: readonly Factors[] }
  | { readonly do: "add"; readonly index: number; readonly tracks: Float32Array[][] }
  | { readonly do: "drop"; readonly index: number };

/** What the worklet tells the page: that it is ready, or where it is. */
export type News = { readonly is: "ready" } | ({ readonly is: "status" } & Status);
