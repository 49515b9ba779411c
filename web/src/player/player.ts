import * as api from "../api";
import { Engine, type Sound } from "../audio/engine";
import type { Region } from "../audio/mixer";
import { h, icon } from "../dom";
import { clock, modelName, stemName } from "../format";
import { sorry } from "../sorry";
import type { View } from "../view";
import { Bar } from "./bar";
import { Export, stemLinks, type Mixture } from "./export";
import { factorsOf, gains, newFader, partsOf, type Fader } from "./faders";
import { isTaken, keyHelp } from "./keys";
import { Lane } from "./lane";
import { recall, remember } from "./memory";
import { Timeline } from "./timeline";

/** One song: all of its stems at once. */
export async function openPlayer(id = ""): Promise<View> {
  const [job, tracks] = await Promise.all([api.job(id), api.tracks(id)]);
  const stems = tracks.slice(0, -1); // the last is the song itself
  if (!stems.length) throw new Error(`${job.name} has no stems.`);
  const wide = stems.find(({ channels }) => channels > 2);
  if (wide) return sorry(job.name, `${wide.name} has ${wide.channels} channels; mono and stereo can be played here.`, stemLinks(stems));
  // Audio threads are for pages of this computer, or that came over HTTPS.
  if (!isSecureContext) return sorry(job.name, "Browsers play stems only on the server's own computer, or over HTTPS.", stemLinks(stems));
  const player = new Player(job, stems);
  try {
    await player.start();
  } catch (error) {
    player.leave();
    throw error;
  }
  return player;
}

class Player implements View {
  readonly title: string;
  readonly element: HTMLElement;
  private readonly rate: number;
  private readonly frames: number;
  private readonly faders: Fader[];
  private readonly lanes: Lane[];
  private readonly bar: Bar;
  private readonly sound: Sound;
  private readonly timeline: Timeline;
  private readonly problem = h("p", { class: "notice", role: "alert", hidden: true });
  private engine: Engine | null = null;
  private region: Region | null = null;
  private isLooping = false;
  private speed = 1;
  private semitones = 0;
  private outlines = 0; // that are there
  private isLeft = false;

  constructor(
    private readonly job: api.Job,
    private readonly stems: readonly api.Track[],
  ) {
    this.title = job.name;
    this.rate = stems[0]!.sample_rate;
    this.frames = Math.max(...stems.map(({ samples }) => samples));
    const known = recall(job.id);
    this.faders = stems.map(({ name }) => ({ ...newFader(), ...known?.faders[name] }));
    this.lanes = stems.map(({ name }, index) => new Lane(stemName(name), index, this.faders[index]!, () => this.mixed()));
    this.bar = new Bar(this.frames, this.rate, this.wishes());
    this.sound = { rate: this.rate, frames: this.frames, sources: stems.map(api.sourceOf) };
    const taken = new Export(job, this.sound, stems, () => this.mixture());
    const ruler = h("canvas", { class: "ruler", "aria-hidden": "true" });
    const lanes = h("div", { class: "lanes" }, h("div", { class: "ruler-row" }, ruler), ...this.lanes.map(({ element }) => element));
    this.timeline = new Timeline(lanes, ruler, this.frames, this.rate, (frame) => this.seek(frame), (region) => this.mark(region));
    const facts = h("p", { class: "facts" }, h("span", {}, modelName(job.model)), h("span", {}, clock(this.frames / this.rate)), h("span", {}, `${stems.length} stems`));
    const back = h("a", { href: "#/", class: "quiet back", "aria-label": "All songs", title: "All songs" }, icon("back"));
    const head = h("div", { class: "song-head" }, back, h("div", { class: "text" }, h("h1", { title: job.name }, job.name), facts), taken.element);
    this.element = h("div", { class: "page player" }, head, this.problem, this.bar.element, lanes, keyHelp());
    this.region = known?.region ?? null;
    this.speed = known?.speed ?? 1;
    this.semitones = known?.semitones ?? 0;
  }

  /** Makes the sound ready; the waveforms follow as they come. */
  async start(): Promise<void> {
    this.engine = await Engine.open(this.sound, this.factors(), (status) => this.bar.meter.show(status.peaks, performance.now()), (error) => this.failed(error));
    this.mixed();
    this.looped();
    this.setSpeed(this.speed, this.semitones);
    this.stems.forEach((_, index) => void this.outline(index));
    const draw = (): void => {
      if (this.isLeft) return;
      this.draw();
      requestAnimationFrame(draw);
    };
    requestAnimationFrame(draw);
  }

  leave(): void {
    this.isLeft = true;
    this.engine?.end();
    this.engine = null;
    this.timeline.leave();
  }

  key(event: KeyboardEvent): boolean {
    if (isTaken(event)) return false;
    const [frame, step] = [this.engine?.frame ?? 0, (event.shiftKey ? 1 : 5) * this.rate];
    const lane = /^Digit[1-9]$/.test(event.code) ? this.lanes[Number(event.code.at(-1)) - 1] : undefined;
    if (lane) event.shiftKey ? lane.toggleMute() : lane.toggleSolo();
    else if (event.key === " ") this.toggle();
    else if (event.key === "ArrowLeft") this.seek(frame - step);
    else if (event.key === "ArrowRight") this.seek(frame + step);
    else if (event.key === "Home") this.seek(0);
    else if (event.key === "End") this.seek(this.frames);
    else if (event.key === "[") this.mark(this.ordered(frame, this.region?.end ?? this.frames));
    else if (event.key === "]") this.mark(this.ordered(this.region?.start ?? 0, frame));
    else if (event.key.toLowerCase() === "l") this.toggleLoop();
    else if (event.key === "+" || event.key === "=") this.timeline.zoom(0.5, frame);
    else if (event.key === "-") this.timeline.zoom(2, frame);
    else return false;
    return true;
  }

  private wishes() {
    return {
      toggle: () => this.toggle(),
      seek: (frame: number) => this.seek(frame),
      toggleLoop: () => this.toggleLoop(),
      setRegion: (region: Region | null) => this.mark(region),
      setSpeed: (speed: number, semitones: number) => this.setSpeed(speed, semitones),
      zoom: (factor: number) => this.timeline.zoom(factor, this.engine?.frame ?? 0),
    };
  }

  private toggle(): void {
    this.engine?.toggle();
    this.draw();
  }

  private seek(frame: number): void {
    this.engine?.seek(frame);
    this.timeline.reveal(this.engine?.frame ?? 0);
    this.draw();
  }

  /** Makes a region the loop. */
  private mark(region: Region | null): void {
    this.region = region && region.end > region.start ? region : null;
    this.isLooping = this.region !== null;
    this.looped();
  }

  /** Turns the loop on or off; without a region, it is the whole song. */
  private toggleLoop(): void {
    this.region ??= { start: 0, end: this.frames };
    this.isLooping = !this.isLooping;
    this.looped();
  }

  private looped(): void {
    const { region, isLooping } = this;
    this.engine?.setLoop(isLooping ? region : null);
    const frame = this.engine?.frame ?? 0;
    if (isLooping && region && (frame < region.start || frame >= region.end)) this.seek(region.start);
    this.bar.setLoop(region, isLooping);
    this.timeline.setRegion(isLooping ? region : null);
    this.keep();
  }

  private setSpeed(speed: number, semitones: number): void {
    [this.speed, this.semitones] = [speed, semitones];
    this.engine?.setSpeed(speed, semitones);
    this.bar.showSpeed(speed, semitones);
    this.keep();
  }

  private mixed(): void {
    this.engine?.setFactors(this.factors());
    gains(this.faders).forEach((gain, index) => this.lanes[index]!.show(gain > 0));
    this.keep();
  }

  private factors() {
    return factorsOf(this.faders, this.stems.map(({ channels }) => channels));
  }

  private mixture(): Mixture {
    const parts = partsOf(this.faders, this.stems.map(({ name }) => name));
    return { parts, factors: this.factors(), speed: this.speed, semitones: this.semitones };
  }

  private keep(): void {
    const faders = Object.fromEntries(this.stems.map(({ name }, index) => [name, this.faders[index]!]));
    remember(this.job.id, { faders, region: this.region, speed: this.speed, semitones: this.semitones });
  }

  private ordered(one: number, other: number): Region {
    return { start: Math.round(Math.min(one, other)), end: Math.round(Math.max(one, other)) };
  }

  /** Draws the outline of a stem; a server that does not answer is asked again. */
  private async outline(index: number): Promise<void> {
    while (!this.isLeft) {
      try {
        this.timeline.add(this.lanes[index]!.canvas, await api.peaks(this.stems[index]!));
        this.outlines += 1;
        return;
      } catch (error) {
        this.failed(error as Error);
        if (error instanceof api.Refusal) return;
        await new Promise((done) => setTimeout(done, 1000));
      }
    }
  }

  private draw(): void {
    if (!this.engine) return;
    const { status, frame, isFull } = this.engine;
    this.bar.setPlaying(status.isPlaying, status.isWaiting);
    this.bar.setFrame(frame);
    this.timeline.setHead(frame, status.isPlaying);
    this.timeline.setRegion(this.isLooping ? this.region : null);
    this.element.toggleAttribute("data-ready", isFull);
    if (isFull && this.outlines === this.stems.length) this.problem.hidden = true;
  }

  /** Says why nothing comes; a song that was deleted is left. */
  private failed(error: Error): void {
    if (this.isLeft) return;
    if (error instanceof api.Refusal && error.isMissing) {
      this.leave();
      this.element.replaceChildren(sorry(this.job.name, "This song is no longer in the library.").element);
      return;
    }
    this.problem.textContent = error.message;
    this.problem.hidden = false;
  }
}
