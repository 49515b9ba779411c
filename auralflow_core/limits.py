"""The bounds of what counts as audio."""

MAX_CHANNELS = 64
# Hz. The highest rate that audio comes at, DSD1024 as ffmpeg decodes it, is 5.6 MHz.
MAX_RATE = 10_000_000
# 120 dB above full scale. Fourth powers of the magnitudes in a spectrum of 2048 samples are finite in float32 up to here.
LOUDEST = 1e6
