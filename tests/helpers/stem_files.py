"""Audio files for tests of separation: written, listed, and read as whole numbers; and a picture."""

import struct
import zlib

import numpy as np
import soundfile

RATE = 8000


def write(path, channels=1, samples=RATE, rate=RATE, seed=0, subtype="PCM_16"):
    path.parent.mkdir(parents=True, exist_ok=True)
    audio = np.random.default_rng(seed).uniform(-0.5, 0.5, (samples, channels))
    soundfile.write(path, audio, rate, subtype=subtype)
    return path


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def integers(path, bits):
    # libsndfile gives integers of any size in the upper bits of an int32.
    return soundfile.read(path, dtype="int32", always_2d=True)[0].astype(np.int64) >> (32 - bits)


def png():
    """A picture of one black pixel."""

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")
