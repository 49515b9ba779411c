"""Audio files and arrays: probing, reading, writing, resampling, channels, quantization.

Audio is a float32 array `(channels, samples)`, nominally in [-1, 1].
"""

from auralflow_core.audio.decode import AUDIO_SUFFIXES, channel_mask, find_damage, is_audio, probe, read, read_blocks
from auralflow_core.audio.encode import write
from auralflow_core.audio.quantize import quantize
from auralflow_core.audio.resample import fit, resample, resample_stream, to_channels
from auralflow_core.audio.structure import AudioInfo, DamagedAudio

__all__ = [
    "AUDIO_SUFFIXES",
    "AudioInfo",
    "DamagedAudio",
    "channel_mask",
    "find_damage",
    "fit",
    "is_audio",
    "probe",
    "quantize",
    "read",
    "read_blocks",
    "resample",
    "resample_stream",
    "to_channels",
    "write",
]
