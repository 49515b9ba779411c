"""Audio files of all kinds, whole and cut."""

import numpy as np

FORMATS = {  # file name -> format, subtype, rate, channels
    "stereo.wav": ("WAV", "PCM_16", 44100, 2),
    "float.wav": ("WAV", "FLOAT", 48000, 1),
    "stereo.flac": ("FLAC", "PCM_24", 44100, 2),
    "stereo.ogg": ("OGG", "VORBIS", 44100, 2),
    "mono22k.ogg": ("OGG", "VORBIS", 22050, 1),
    "stereo.opus": ("OGG", "OPUS", 48000, 2),
    "stereo.mp3": ("MP3", "MPEG_LAYER_III", 44100, 2),
    "mono48k.mp3": ("MP3", "MPEG_LAYER_III", 48000, 1),
    "mono22k.mp3": ("MP3", "MPEG_LAYER_III", 22050, 1),
    "mono16k.mp3": ("MP3", "MPEG_LAYER_III", 16000, 1),
}


def sweep(rate, channels, seconds=6.0):
    """A rising tone and noise `(samples, channels)`, so that no two places sound the same."""
    time = np.arange(round(rate * seconds)) / rate
    noise = 0.1 * np.random.default_rng(0).standard_normal((len(time), channels))
    return (0.3 * np.sin(2 * np.pi * (300 + 200 * time) * time)[:, None] + noise).astype(np.float32)


def cut(path, source, share):
    data = source.read_bytes()
    path.write_bytes(data[: round(len(data) * share)])
    return path
