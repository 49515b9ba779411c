import workletAddress from "./worklet?worker&url";
import { blocksAhead, Feed } from "./feed";
import type { Command, News, Setup } from "./messages";
import { BLOCK, type Region } from "./mixer";
import type { Factors } from "./pan";
import type { Status } from "./transport";

/** A sound that is played together with others. */
export interface Source {
  readonly channels: number;
  /** Fetches frames from a place on: one array for each channel; fewer behind the end. */
  fetch(start: number, frames: number, signal: AbortSignal): Promise<Float32Array[]>;
}

/** What is to be played. */
export interface Sound {
  readonly rate: number; // frames per second
  readonly frames: number; // length of the longest source
  readonly sources: readonly Source[];
}

const SILENCE: Status = { frame: 0, isPlaying: false, isWaiting: false, peaks: [0, 0], squares: [0, 0] };

/**
 * Plays several sounds at once, from block to block, through one node of the audio graph: they share a position, so
 * none is ahead of another by a single sample.
 */
export class Engine {
  status: Status = SILENCE;
  private loop: Region | null = null;
  private speed = 1;
  private heardAt = 0; // time of the status, in the context's seconds
  private readonly feed: Feed;

  /**
   * Makes the node and fetches the first blocks.
   *
   * @param changed called some times a second while something happens
   * @param failed called with an error of a block that cannot be fetched; it is asked for again
   */
  static async open(
    sound: Sound,
    factors: readonly Factors[],
    changed: (status: Status) => void,
    failed: (error: Error) => void,
  ): Promise<Engine> {
    const context = new AudioContext({ sampleRate: sound.rate });
    await context.audioWorklet.addModule(workletAddress);
    const setup: Setup = { frames: sound.frames, tracks: sound.sources.length, factors };
    const options = { numberOfInputs: 0, outputChannelCount: [2], processorOptions: setup };
    const node = new AudioWorkletNode(context, "auralflow-player", options);
    node.connect(context.destination);
    const engine = new Engine(context, node, sound, changed, failed);
    await new Promise<void>((ready) => (engine.ready = ready));
    engine.refill();
    return engine;
  }

  private ready = (): void => undefined;

  private constructor(
    private readonly context: AudioContext,
    private readonly node: AudioWorkletNode,
    private readonly sound: Sound,
    changed: (status: Status) => void,
    failed: (error: Error) => void,
  ) {
    this.feed = new Feed(
      (index, signal) => this.block(index, signal),
      (index, tracks) => this.tell({ do: "add", index, tracks }, tracks.flatMap((channels) => channels.map(({ buffer }) => buffer))),
      (index) => this.tell({ do: "drop", index }),
      failed,
    );
    node.port.onmessage = ({ data }: MessageEvent<News>) => {
      if (data.is === "ready") return this.ready();
      this.status = data;
      this.heardAt = context.currentTime;
      this.refill();
      changed(data);
    };
  }

  /** The frame that is heard now, between two statuses as well. */
  get frame(): number {
    const { frame, isPlaying, isWaiting } = this.status;
    if (!isPlaying || isWaiting) return frame;
    const passed = (this.context.currentTime - this.heardAt) * this.sound.rate * this.speed;
    const now = frame + Math.max(0, passed);
    if (this.loop && frame < this.loop.end && now >= this.loop.end) return now - this.loop.end + this.loop.start;
    return Math.min(this.sound.frames, now);
  }

  /** Whether the next blocks are in memory. */
  get isFull(): boolean {
    return this.feed.isFull;
  }

  async play(): Promise<void> {
    this.tell({ do: "play" });
    this.status = { ...this.status, isPlaying: true };
    await this.context.resume();
  }

  pause(): void {
    this.status = { ...this.status, frame: this.frame, isPlaying: false };
    this.tell({ do: "pause" });
  }

  /** Plays, or pauses what plays. */
  toggle(): void {
    if (this.status.isPlaying) this.pause();
    else void this.play();
  }

  seek(frame: number): void {
    const place = Math.max(0, Math.min(this.sound.frames, Math.round(frame)));
    this.status = { ...this.status, frame: place };
    this.heardAt = this.context.currentTime;
    this.refill();
    this.tell({ do: "seek", frame: place });
  }

  setLoop(region: Region | null): void {
    this.loop = region;
    this.refill();
    this.tell({ do: "loop", region });
  }

  /** @param speed 1 is the song's own; @param semitones by which it sounds higher */
  setSpeed(speed: number, semitones: number): void {
    this.speed = speed;
    this.tell({ do: "speed", speed, semitones });
  }

  setFactors(factors: readonly Factors[]): void {
    this.tell({ do: "mix", factors });
  }

  end(): void {
    this.feed.end();
    this.tell({ do: "end" });
    this.node.disconnect();
    void this.context.close();
  }

  private refill(): void {
    this.feed.update(blocksAhead(this.status.frame, this.loop, this.sound.frames));
  }

  private async block(index: number, signal: AbortSignal): Promise<Float32Array[][]> {
    const frames = Math.min(BLOCK, this.sound.frames - index * BLOCK);
    return Promise.all(this.sound.sources.map((source) => source.fetch(index * BLOCK, frames, signal)));
  }

  private tell(command: Command, transfer: Transferable[] = []): void {
    this.node.port.postMessage(command, transfer);
  }
}
