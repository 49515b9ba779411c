"""The bounds of what counts as audio."""

MAX_CHANNELS = 64
# Hz. The highest rate that audio comes at, DSD1024 as ffmpeg decodes it, is 5.6 MHz.
MAX_RATE = 10_000_000
# 120 dB above full scale: up to here fourth powers of the magnitudes in spectra are finite in float32.
LOUDEST = 1e6
