// The audio thread: one processor that plays all tracks of a song.

import type { Command, News, Setup } from "./messages";
import { Mixer } from "./mixer";
import { Stretch } from "./stretch";
import { Transport } from "./transport";

declare const sampleRate: number;
declare function registerProcessor(name: string, processor: unknown): void;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}

const NEWS = 1 / 30; // seconds between two statuses

class Player extends AudioWorkletProcessor {
  private transport: Transport | null = null;
  private silent = 0; // frames since the last status
  private isOver = false;

  constructor({ processorOptions: setup }: { processorOptions: Setup }) {
    super();
    const waiting: Command[] = [];
    this.port.onmessage = ({ data }: MessageEvent<Command>) => void waiting.push(data);
    void Stretch.load(sampleRate).then((stretch) => {
      const transport = new Transport(new Mixer(setup.frames, setup.tracks, sampleRate), stretch, sampleRate);
      transport.setFactors(setup.factors);
      this.transport = transport;
      this.port.onmessage = ({ data }: MessageEvent<Command>) => this.obey(transport, data);
      for (const command of waiting) this.obey(transport, command);
      this.tell({ is: "ready" });
    });
  }

  process(_inputs: Float32Array[][], [output]: Float32Array[][]): boolean {
    const [left, right] = output!;
    if (this.transport && left && right) {
      this.transport.render(left, right);
      this.silent += left.length;
      if (this.silent >= NEWS * sampleRate) {
        this.silent = 0;
        this.tell({ is: "status", ...this.transport.status() });
      }
    }
    return !this.isOver;
  }

  private obey(transport: Transport, command: Command): void {
    switch (command.do) {
      case "play":
        return transport.play();
      case "pause":
        return transport.pause();
      case "seek":
        return transport.seek(command.frame);
      case "loop":
        return transport.setLoop(command.region);
      case "speed":
        return transport.setSpeed(command.speed, command.semitones);
      case "mix":
        return transport.setFactors(command.factors);
      case "add":
        return transport.mixer.add(command.index, command.tracks);
      case "drop":
        return transport.mixer.drop(command.index);
      case "end":
        this.isOver = true;
    }
  }

  private tell(news: News): void {
    this.port.postMessage(news);
  }
}

registerProcessor("auralflow-player", Player);
