import type { Region } from "../audio/mixer";
import type { Fader } from "./faders";

/** What was set of a song, as it is found again when the song is opened later. */
export interface Settings {
  readonly faders: Readonly<Record<string, Fader>>;
  readonly region: Region | null;
  readonly speed: number;
  readonly semitones: number;
}

const nameOf = (id: string): string => `auralflow/${id}`;

/** What was set of a song in this browser, if it is still there. */
export function recall(id: string): Settings | null {
  try {
    return JSON.parse(localStorage.getItem(nameOf(id)) ?? "null") as Settings | null;
  } catch {
    return null; // the browser keeps nothing, or something else wrote there
  }
}

export function remember(id: string, settings: Settings): void {
  try {
    localStorage.setItem(nameOf(id), JSON.stringify(settings));
  } catch {
    // The browser keeps nothing, or has no room; then the song opens as it was separated.
  }
}

export function forget(id: string): void {
  try {
    localStorage.removeItem(nameOf(id));
  } catch {
    // There is nothing to forget.
  }
}
