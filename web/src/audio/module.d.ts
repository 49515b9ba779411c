declare module "virtual:stretch" {
  /** The functions of signalsmith-stretch's WebAssembly module, and its memory. */
  export interface StretchModule {
    HEAP8: Int8Array;
    _main(): void;
    _presetDefault(channels: number, rate: number): void;
    _setBuffers(channels: number, frames: number): number;
    _setTransposeSemitones(semitones: number, tonalityLimit: number): void;
    _inputLatency(): number;
    _outputLatency(): number;
    _process(inputFrames: number, outputFrames: number): void;
    _reset(): void;
  }
  export default function load(): Promise<StretchModule>;
}
