import * as api from "../api";
import { Engine } from "../audio/engine";
import type { Region } from "../audio/mixer";
import { panFactors, type Factors } from "../audio/pan";
import { choice, h, icon } from "../dom";
import { clock, decibels, stemName, toFactor } from "../format";
import { Bar } from "../player/bar";
import { isTaken, keyHelp } from "../player/keys";
import { sorry } from "../sorry";
import type { View } from "../view";
import { Ballot } from "./ballot";
import { listOf } from "./list";
import { loudPlaces, STEPS_PER_SECOND } from "./loudness";
import { Pictures } from "./pictures";
import { matchingGains, measure, namesOf, songsOf, stemsOf, truthFile, truthOf, versionOf, type Song, type Version } from "./versions";
import { shuffled, uniform, Votes } from "./votes";

const ROUND = 8; // seconds of a loop in the blind test
const KEYS = [
  ["Space", "play, pause"],
  ["1 to 9", "hear a version"],
  ["← →", "5 seconds back, on; with Shift 1 second"],
  ["Home, End", "the beginning, the end"],
  ["L", "loop on, off"],
] as const;

/** The separations of one song by several models; without a song, the list of songs. */
export async function openCompare(id = ""): Promise<View> {
  const songs = songsOf(await api.jobs());
  if (!id) return listOf(songs);
  const song = songs.find(({ jobs }) => jobs.some((job) => job.id === id));
  if (!song) throw new Error("This song is not there, or not separated yet.");
  const comparison = new Comparison(song, await Promise.all(song.jobs.map((job) => api.tracks(job.id))));
  await comparison.open(stemsOf(song.jobs)[0]!);
  return comparison;
}

class Comparison implements View {
  readonly title: string;
  readonly element: HTMLElement;
  private readonly rate: number;
  private readonly frames: number;
  private readonly names: readonly string[];
  private readonly bar: Bar;
  private readonly buttons = h("div", { class: "versions", role: "group", "aria-label": "Versions" });
  private readonly levels = h("p", { class: "hint", role: "status" });
  private readonly problem = h("p", { class: "notice", role: "alert", hidden: true }); // of the stem that is open
  private readonly trouble = h("p", { class: "notice", role: "alert", hidden: true }); // until sound comes again
  private readonly blindButton = h("button", { type: "button", class: "button", onclick: () => this.round() }, "Blind test");
  private readonly ballot = new Ballot((place) => this.vote(place), () => this.endBlind());
  private readonly pictures = new Pictures(() => this.pictured());
  private readonly votes = new Map<string, Votes>();
  private stem = "";
  private files: readonly File[] = [];
  private versions: readonly Version[] = [];
  private gains: readonly number[] = [];
  private places: readonly number[] = []; // seconds where the stem is heard
  private order: readonly number[] = []; // versions, as they are shown
  private current = 0;
  private rounds = 0; // 0: names are shown
  private engine: Engine | null = null;
  private work = new AbortController();
  private region: Region | null = null;
  private isLooping = false;
  private isLeft = false;

  constructor(
    song: Song,
    private readonly tracks: readonly (readonly api.Track[])[],
  ) {
    this.title = `Compare ${song.name}`;
    const all = tracks.flat();
    this.rate = all[0]!.sample_rate;
    this.frames = Math.max(...all.filter(({ sample_rate }) => sample_rate === this.rate).map(({ samples }) => samples));
    this.names = namesOf(song.jobs);
    this.bar = new Bar(this.frames, this.rate, {
      toggle: () => this.toggle(),
      seek: (frame) => this.seek(frame),
      toggleLoop: () => this.loop(this.region ?? { start: 0, end: this.frames }, !this.isLooping),
      setRegion: (region) => this.loop(region, region !== null),
      setSpeed: (speed, semitones) => {
        this.engine?.setSpeed(speed, semitones);
        this.bar.showSpeed(speed, semitones);
      },
    });
    const back = h("a", { href: "#/compare", class: "quiet back", "aria-label": "All comparisons", title: "All comparisons" }, icon("back"));
    const facts = h("p", { class: "facts" }, h("span", {}, this.names.join(", ")), h("span", {}, clock(this.frames / this.rate)));
    const head = h("div", { class: "song-head" }, back, h("div", { class: "text" }, h("h1", { title: song.name }, song.name), facts));
    const stems = choice("Stem", stemsOf(song.jobs).map((stem) => [stem, stem]), (stem) => void this.open(stem));
    const input = h("input", { type: "file", class: "unseen", multiple: true, accept: "audio/*", "aria-label": "True stems", onchange: () => void this.give([...(input.files ?? [])]) });
    const truth = h("label", { class: "truth", title: "Files such as vocals.wav; they stay on this page" }, input, h("span", { class: "button" }, "True stems …"));
    const options = h("div", { class: "options" }, stems.field, truth, this.blindButton);
    this.element = h("div", { class: "page compare" }, head, options, this.problem, this.trouble, this.bar.element, this.buttons, this.levels, this.ballot.element, this.ballot.results, this.pictures.element, keyHelp(KEYS));
    const draw = (): void => {
      if (this.isLeft) return;
      this.draw();
      requestAnimationFrame(draw);
    };
    requestAnimationFrame(draw);
  }

  /** Makes the versions of a stem ready; their levels follow. */
  async open(stem: string): Promise<void> {
    this.work.abort();
    const work = (this.work = new AbortController());
    const [frame, isPlaying] = [this.engine?.frame ?? 0, this.engine?.status.isPlaying ?? false];
    this.engine?.end();
    this.engine = null;
    this.problem.hidden = true;
    this.element.removeAttribute("data-matched");
    this.stem = stem;
    const versions = await this.find(stem);
    if (work.signal.aborted) return;
    this.versions = versions;
    this.order = this.versions.map((_, index) => index);
    [this.rounds, this.current, this.gains, this.places] = [0, 0, this.versions.map(() => 0), []];
    const sound = { rate: this.rate, frames: this.frames, sources: this.versions.map(({ source }) => source) };
    const engine = await Engine.open(sound, this.factors(), (status) => this.bar.meter.show(status.peaks, performance.now()), (error) => this.failed(error));
    if (work.signal.aborted) return engine.end();
    this.engine = engine;
    engine.seek(frame);
    this.loop(this.region, this.isLooping);
    if (isPlaying) void engine.play();
    this.ballot.show(this.votes);
    this.pictures.hide();
    this.show();
    void this.match(work.signal);
  }

  leave(): void {
    this.isLeft = true;
    this.work.abort();
    this.engine?.end();
    this.engine = null;
  }

  key(event: KeyboardEvent): boolean {
    if (isTaken(event)) return false;
    const [frame, step] = [this.engine?.frame ?? 0, (event.shiftKey ? 1 : 5) * this.rate];
    const version = /^Digit[1-9]$/.test(event.code) ? this.order[Number(event.code.at(-1)) - 1] : undefined;
    if (version !== undefined) this.hear(version);
    else if (event.key === " ") this.toggle();
    else if (event.key === "ArrowLeft") this.seek(frame - step);
    else if (event.key === "ArrowRight") this.seek(frame + step);
    else if (event.key === "Home") this.seek(0);
    else if (event.key === "End") this.seek(this.frames);
    else if (event.key.toLowerCase() === "l") this.loop(this.region ?? { start: 0, end: this.frames }, !this.isLooping);
    else return false;
    return true;
  }

  /** The versions of a stem: the models', the true one where it was given, and the song. */
  private async find(stem: string): Promise<Version[]> {
    const fits = (track: api.Track): boolean => track.sample_rate === this.rate && track.channels <= 2;
    const models = this.tracks.flatMap((tracks, index) => {
      const track = tracks.slice(0, -1).find(({ name }) => stemName(name) === stem);
      return track && fits(track) ? [versionOf(track, this.names[index]!, "model")] : [];
    });
    const whole = this.tracks.map((tracks) => tracks.at(-1)!).find(fits);
    const song = whole ? [versionOf(whole, "The song", "song")] : [];
    const file = truthFile(this.files, stem);
    if (this.files.length && !file) this.say(`None of the files is called like ${stem}.`);
    const truth = file ? await truthOf(file, this.rate).then((version) => [version], (error: Error) => (this.say(error.message), [])) : [];
    return [...models, ...truth, ...song];
  }

  private async give(files: readonly File[]): Promise<void> {
    this.files = files;
    await this.open(this.stem);
  }

  /** Makes all versions equally loud, once they are measured. */
  private async match(signal: AbortSignal): Promise<void> {
    this.levels.textContent = "The levels are being matched …";
    try {
      const found = [];
      for (const version of this.versions) found.push(await measure(version, this.rate, signal));
      this.gains = matchingGains(found.map(({ integrated }) => integrated), this.versions.map(({ kind }) => kind !== "song"));
      const steps = found[0]?.steps ?? [];
      this.places = loudPlaces(steps, ROUND * STEPS_PER_SECOND).map((step) => step / STEPS_PER_SECOND);
      this.levels.textContent = "All are equally loud, by ITU-R BS.1770.";
      this.element.toggleAttribute("data-matched", true);
      this.engine?.setFactors(this.factors());
      this.show();
    } catch (error) {
      if (signal.aborted) return;
      this.levels.textContent = (error as Error).message;
      if (!(error instanceof api.Refusal)) setTimeout(() => void (signal.aborted || this.match(signal)), 1000);
      else if (error.isMissing) this.failed(error);
    }
  }

  private factors(): Factors[] {
    return this.versions.map(({ source }, index) => {
      const gain = index === this.current ? toFactor(this.gains[index]!) : 0;
      return panFactors(0, source.channels).map((factor) => gain * factor) as unknown as Factors;
    });
  }

  private hear(version: number): void {
    this.current = version;
    this.engine?.setFactors(this.factors());
    this.show();
  }

  /** What a version is called now. */
  private label(version: number): string {
    const { kind, name } = this.versions[version]!;
    return this.rounds && kind === "model" ? "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[this.order.indexOf(version)] ?? "?" : name;
  }

  private get models(): number[] {
    return this.versions.flatMap(({ kind }, index) => (kind === "model" ? [index] : []));
  }

  /** Goes on to the next round of the blind test, at another place and in another order. */
  private round(): void {
    const { models } = this;
    this.rounds += 1;
    this.order = [...shuffled(models), ...this.versions.map((_, index) => index).filter((index) => !models.includes(index))];
    const start = Math.round((this.places[Math.floor(uniform() * this.places.length)] ?? 0) * this.rate);
    this.loop({ start, end: Math.min(this.frames, start + ROUND * this.rate) }, true);
    this.seek(start);
    this.pictures.hide();
    this.hear(this.order[0]!);
    this.ballot.ask(this.rounds, this.order.slice(0, models.length).map((version) => this.label(version)));
  }

  private vote(place: number | null): void {
    const votes = this.votes.get(this.stem) ?? new Votes(this.models.map((version) => this.versions[version]!.name));
    this.votes.set(this.stem, votes);
    votes.add(place === null ? null : this.versions[this.order[place]!]!.name);
    this.round();
  }

  private endBlind(): void {
    this.rounds = 0;
    this.order = this.versions.map((_, index) => index);
    this.pictures.hide();
    this.ballot.show(this.votes);
    this.show();
  }

  private async pictured(): Promise<void> {
    const start = this.isLooping && this.region ? this.region.start : Math.round(this.engine?.frame ?? 0);
    const end = Math.min(this.frames, start + 10 * this.rate, this.isLooping && this.region ? this.region.end : Infinity);
    const parts = this.order.map((version) => ({ label: this.label(version), source: this.versions[version]!.source, gain: this.gains[version]! }));
    await this.pictures.show(parts, start, end, this.rate);
  }

  /** Shows the versions, and which one is heard. */
  private show(): void {
    const buttons = this.order.map((version, place) => {
      const isHeard = String(version === this.current);
      const gain = this.rounds || !this.element.hasAttribute("data-matched") ? "" : decibels(this.gains[version]!);
      const number = h("kbd", { "aria-hidden": "true" }, String(place + 1));
      return h("button", { type: "button", class: "button version", "aria-pressed": isHeard, onclick: () => this.hear(version) }, number, h("span", {}, this.label(version)), h("span", { class: "hint" }, gain));
    });
    const focus = [...this.buttons.children].indexOf(document.activeElement!);
    this.buttons.replaceChildren(...buttons);
    buttons[focus]?.focus();
    this.blindButton.hidden = this.rounds > 0;
    this.blindButton.disabled = this.models.length < 2 || !this.element.hasAttribute("data-matched");
    this.blindButton.title = this.models.length < 2 ? "It needs two models" : "";
  }

  private toggle(): void {
    this.engine?.toggle();
    this.draw();
  }

  private seek(frame: number): void {
    this.engine?.seek(frame);
    this.draw();
  }

  private loop(region: Region | null, isLooping: boolean): void {
    [this.region, this.isLooping] = [region, isLooping && region !== null];
    this.engine?.setLoop(this.isLooping ? region : null);
    const frame = this.engine?.frame ?? 0;
    if (this.isLooping && region && (frame < region.start || frame >= region.end)) this.seek(region.start);
    this.bar.setLoop(region, this.isLooping);
  }

  private draw(): void {
    if (!this.engine) return;
    const { status, frame, isFull } = this.engine;
    this.bar.setPlaying(status.isPlaying, status.isWaiting);
    this.bar.setFrame(frame);
    this.element.toggleAttribute("data-ready", isFull);
    if (isFull) this.trouble.hidden = true;
  }

  /** Says why no sound comes; where a song of the comparison was deleted, it is left. */
  private failed(error: Error): void {
    if (this.isLeft) return;
    if (error instanceof api.Refusal && error.isMissing) {
      this.leave();
      this.element.replaceChildren(sorry(this.title, "A song of this comparison is no longer in the library.").element);
      return;
    }
    this.trouble.textContent = error.message;
    this.trouble.hidden = false;
  }

  private say(sentence: string): void {
    this.problem.textContent = sentence;
    this.problem.hidden = false;
  }
}
