"""Songs in one file each, `.stem.mp4`, as ffmpeg alone makes them, and the audio that is in them."""

import subprocess

import numpy as np
import soundfile

STREAMS = ("mixture", "drums", "bass", "other", "vocals")


def stems(samples=6000, seed=0):
    """Four stems of noise and the sum of them, on the grid of 16 bits: {name: (samples, 2)}."""
    steps = np.random.default_rng(seed).integers(-4000, 4000, (4, samples, 2))
    return dict(zip(STREAMS, (np.stack([steps.sum(0), *steps]) / 2**15), strict=True))


def pack(path, audio, rate=8000, codec="alac", rates=()):
    """Writes a file whose streams are the audio in its order, without a description of stems."""
    path.parent.mkdir(parents=True, exist_ok=True)
    inputs, maps = [], []
    for k, data in enumerate(audio.values()):
        wav = path.with_name(f"{k}.{path.name}.wav")
        soundfile.write(wav, data, rates[k] if rates else rate, subtype="PCM_16")
        inputs += ["-i", wav]
        maps += ["-map", str(k)]
    subprocess.run(
        [
            "ffmpeg",
            "-v",
            "error",
            "-y",
            *inputs,
            *maps,
            "-c:a",
            codec,
            "-sample_fmt",
            {"alac": "s16p", "aac": "fltp"}[codec],
            "-f",
            "mp4",
            path,
        ],
        check=True,
    )
    for k in range(len(audio)):
        path.with_name(f"{k}.{path.name}.wav").unlink()
    return path


def streams_of(path, channels=2):
    """The five streams of a file, as one call of ffmpeg decodes them: each (channels, samples)."""
    files = [path.with_name(f"{path.name}-{stream}") for stream in range(5)]
    outputs = [part for k, file in enumerate(files) for part in ("-map", f"0:a:{k}", "-f", "f32le", file)]
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", path, *outputs], check=True)
    found = [np.fromfile(file, "<f4").reshape(-1, channels).T for file in files]
    for file in files:
        file.unlink()
    return found
