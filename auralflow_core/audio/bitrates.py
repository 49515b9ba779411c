"""Bit rates of the lossy encoders, and how much softer an encoder makes the audio."""

# kbit/s of Vorbis's qualities 0, 0.1, ... 1 for stereo at 44.1 kHz, as its encoder states them.
OGG_BITRATES = (64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 500)
# By sample rate. With fewer kbit/s the encoder changes the rate, or has no room for the length in its header.
MP3_BITRATES: dict[int, tuple[int, ...]] = {
    **dict.fromkeys((32000, 44100, 48000), (64, 80, 96, 112, 128, 160, 192, 224, 256, 320)),
    **dict.fromkeys((16000, 22050, 24000), (64, 80, 96, 112, 128, 144, 160)),
    **dict.fromkeys((8000, 11025, 12000), (32, 40, 48, 56, 64)),
}
# LAME multiplies all samples by these factors before it encodes them; the key is the highest bit rate of a factor.
MP3_LEVELS = {160: 0.95, 192: 0.97, 224: 0.98, 320: 1.0}
MP3_LOWEST = {320: 32, 160: 8, 64: 8}  # highest bit rate -> lowest: the range of libsndfile's compression levels
