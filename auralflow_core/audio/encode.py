"""Writing audio files: formats, bits of a sample, bit rates, and the treatment of samples beyond full scale."""

import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import soundfile

from auralflow_core.audio.bitrates import MP3_BITRATES, MP3_LEVELS, MP3_LOWEST, OGG_BITRATES
from auralflow_core.audio.check import check_layout, check_rate, check_type
from auralflow_core.audio.libsndfile import native_name
from auralflow_core.audio.masks import choose_mask, file_order, reserve, write_mask
from auralflow_core.audio.quantize import PCM_BITS, quantize
from auralflow_core.console.text import count
from auralflow_core.errors import InputError, closest
from auralflow_core.storage.atomic import replacing_together

STEM_FILE = "stem.mp4"  # the format in which one file holds the mixture and its stems
# Of a sample, by format; 32: floating point.
BITS = {"wav": (16, 24, 32), "flac": (16, 24), "ogg": (), "mp3": (), STEM_FILE: (16, 24)}
CLIPS = ("none", "clamp", "rescale")
SUBTYPES = {16: "PCM_16", 24: "PCM_24", 32: "FLOAT"}
CHANNELS = {"flac": 8, "ogg": 255, "mp3": 2, STEM_FILE: 2}  # at most
RATES = {"flac": 655_350, "ogg": 200_000}  # Hz, at most; beyond it libsndfile crashes with ogg
AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)  # Hz
AVERAGE = {"ogg": range(64, 501), STEM_FILE: range(64, 321)}  # kbit/s of formats that take any number
FLAC_WHOLE_HERTZ = 65535  # Hz: above it a FLAC stream counts in tens of hertz (RFC 9639, section 9.1.2)
WAV_BYTES = 0xFFFF0000  # beyond this a wav's 32-bit sizes overflow, and the same file becomes an RF64


@dataclasses.dataclass(frozen=True)
class Encoding:
    """The format of audio files.

    Args:
        format: "wav", "flac", "ogg" (Vorbis), "mp3" or "stem.mp4" (see `stem_mp4`; AAC or, with `bits`, ALAC).
        bits: of a sample in wav (16, 24, 32: floating point), flac and ALAC (16, 24). Default: the most.
        bitrate: kbit/s of mp3 (constant; default: the most that the sample rate allows, 320 from 32 kHz on), ogg
            (what stereo at 44.1 kHz comes to on average; default: 256) and each stream of AAC (default: 256).
        clip: the treatment of samples beyond full scale. "none": they are kept, if the format can hold them; "clamp":
            they are cut off; "rescale": all files of a track become softer by one factor. Default: "none" for 32
            bits, otherwise "clamp".

    Raises:
        InputError: a value is unknown, or does not fit the format.
    """

    format: str = "wav"
    bits: int | None = None
    bitrate: int | None = None
    clip: str | None = None

    def __post_init__(self):
        if self.format not in BITS:
            raise InputError(f"unknown format {self.format!r}; {closest(self.format, BITS)}")
        known = BITS[self.format]
        if self.bits is None:
            object.__setattr__(self, "bits", known[-1] if known and not self.is_stem_file else None)
        elif self.bits not in known:
            raise InputError(
                f"{self.format} has no {self.bits} bits; expected {' or '.join(map(str, known)) or 'a bitrate'}"
            )
        if self.bitrate is not None and self.bits is not None:
            lossless = f"{self.format}{f' with {self.bits} bits' * self.is_stem_file}"
            raise InputError(f"{lossless} takes no bitrate, got {self.bitrate}; mp3 and ogg do")
        if self.clip is None:
            object.__setattr__(self, "clip", "none" if self.bits == 32 else "clamp")
        if self.clip not in CLIPS:
            raise InputError(f"unknown clip {self.clip!r}; {closest(str(self.clip), CLIPS)}")
        if self.clip == "none" and self.bits in (16, 24):
            raise InputError(
                f"clip 'none': {self.bits} bits hold nothing beyond full scale; expected 32 bits, clamp or rescale"
            )
        self._check_bitrate(AVERAGE.get(self.format) or sorted({*sum(MP3_BITRATES.values(), ())}), "")

    @property
    def is_stem_file(self) -> bool:
        """Whether one file holds the mixture and all stems."""
        return self.format == STEM_FILE

    @property
    def subtype(self) -> str:
        """libsndfile's name of the type of a sample before compression."""
        return "FLOAT" if self.bits is None else SUBTYPES.get(self.bits, "FLOAT")

    def check(self, sample_rate: int, channels: int) -> None:
        """Refuses audio that the format cannot hold.

        Raises:
            InputError: too many channels, or a rate that the format does not have at all, or not with the bitrate.
        """
        if channels > CHANNELS.get(self.format, channels):
            raise InputError(
                f"{self.format} holds at most {CHANNELS[self.format]} channels, not {channels}; wav holds more"
            )
        if sample_rate > RATES.get(self.format, sample_rate):
            raise InputError(f"{self.format} holds at most {RATES[self.format]} Hz, not {sample_rate}; wav holds more")
        if self.format == "flac" and sample_rate > FLAC_WHOLE_HERTZ and sample_rate % 10:
            raise InputError(
                f"flac has no sample rate of {sample_rate} Hz, above {FLAC_WHOLE_HERTZ} Hz only multiples "
                "of 10; wav does"
            )
        if sample_rate not in {"mp3": MP3_BITRATES, STEM_FILE: AAC_RATES}.get(self.format, (sample_rate,)):
            raise InputError(f"{self.format} has no sample rate of {sample_rate} Hz; wav, flac and ogg do")
        if self.format == "mp3":
            self._check_bitrate(MP3_BITRATES[sample_rate], f" at {sample_rate} Hz")

    def quantize_for_file(self, audio: np.ndarray) -> tuple[np.ndarray, int]:
        """Audio of any shape as the file holds it before compression, float32, and the number of clipped samples."""
        check_type(audio, "audio")
        if self.subtype in PCM_BITS or self.clip == "none":
            return quantize(audio, self.subtype)
        audio = np.asarray(audio, np.float32)
        clipped = np.clip(audio, -1, 1)
        return clipped, int(np.count_nonzero(clipped != audio))

    def _check_bitrate(self, known: Sequence[int], where: str) -> None:
        if self.bitrate is not None and self.bitrate not in known:
            expected = f"{known[0]} to {known[-1]}" if isinstance(known, range) else ", ".join(map(str, known))
            raise InputError(f"{self.format} has no bitrate of {self.bitrate} kbit/s{where}; expected {expected}")

    def compensation_gain(self, sample_rate: int) -> float:
        """The factor for all samples that makes up for a loss of level in the encoder."""
        if self.format != "mp3":
            return 1.0
        bitrate = self.bitrate or MP3_BITRATES[sample_rate][-1]
        return 1 / next(level for highest, level in MP3_LEVELS.items() if bitrate <= highest)

    def options(self, sample_rate: int, channels: int, samples: int) -> dict:
        """The arguments with which soundfile opens a file for writing."""
        if self.format == "ogg":
            quality = np.interp(self.bitrate or 256, OGG_BITRATES, np.linspace(0, 1, len(OGG_BITRATES)))
            return {"format": "OGG", "subtype": "VORBIS", "compression_level": 1 - float(quality)}
        if self.format == "mp3":
            highest = MP3_BITRATES[sample_rate][-1]
            level = (highest - (self.bitrate or highest)) / (highest - MP3_LOWEST[highest])
            options = {"format": "MP3", "subtype": "MPEG_LAYER_III", "bitrate_mode": "CONSTANT"}
            return options | {"compression_level": level}
        large = samples * channels * (self.bits or 32) // 8 >= WAV_BYTES
        wav = "RF64" if large else "WAVEX" if channels > 2 else "WAV"
        container = "FLAC" if self.format == "flac" else wav
        return {"format": container, "subtype": self.subtype}


class Writer:
    """An audio file that is written block by block.

    Args:
        path: an existing file, which is overwritten; its name does not matter.
        name: of the file in messages.
        encoding: the format.
        sample_rate: in Hz.
        channels: of every block.
        samples: length of all blocks together.
        mask: bits of the channels' places; see `decode.channel_mask`.

    Raises:
        InputError: the format cannot hold the audio.
    """

    def __init__(
        self, path: Path, name: Path, encoding: Encoding, sample_rate: int, channels: int, samples: int, mask: int = 0
    ):
        try:
            encoding.check(sample_rate, channels)
            self.mask = choose_mask(encoding.format, channels, mask)
        except InputError as error:
            raise InputError(f"{name}: {error}") from None
        self.path, self.name, self.samples, self.subtype = path, name, samples, encoding.subtype
        self.order = file_order(encoding.format, channels)
        self.compensation_gain = np.float32(encoding.compensation_gain(sample_rate))
        try:
            self.file = soundfile.SoundFile(
                native_name(path), "w", sample_rate, channels, **encoding.options(sample_rate, channels, samples)
            )
            reserve(self.file, self.mask)
        except soundfile.LibsndfileError as error:
            raise InputError(
                f"{name}: {count(channels, 'channel')} at {sample_rate} Hz cannot be written as {encoding.format} "
                f"({error.error_string.rstrip('.')})"
            ) from None

    def write(self, audio: np.ndarray) -> None:
        """Appends audio (channels, samples), channels in WAVE order, quantized as `quantize` does.

        Raises:
            InputError: integers, or values that are not finite.
            OSError: the file cannot be written, for lack of space or another reason.
        """
        check_type(audio, "audio")
        if bad := np.size(audio) - np.count_nonzero(np.isfinite(audio)):
            raise InputError(f"{self.name}: not written, {bad} of {np.size(audio)} values are NaN or infinite")
        data = np.asarray(audio, np.float32) * self.compensation_gain
        if self.subtype in PCM_BITS:
            bits = PCM_BITS[self.subtype]
            data = (quantize(data, self.subtype)[0] * 2.0 ** (bits - 1)).astype(np.int16 if bits == 16 else np.int32)
            data = data << 8 if bits == 24 else data  # libsndfile takes the upper 24 of 32 bits
        try:
            self.file.write(data[self.order].T)
        except soundfile.LibsndfileError as error:
            raise OSError(
                f"{self.name}: cannot be written, the disk may be full ({error.error_string.rstrip('.')})"
            ) from None

    def close(self) -> None:
        """Writes what is left in buffers, and closes the file."""
        self.file.close()
        if self.mask:
            write_mask(self.path, self.mask)

    def check(self) -> None:
        """Compares the length of the closed file: with some formats that alone shows an error while closing it.

        Raises:
            OSError: samples are missing.
        """
        try:
            found = soundfile.info(native_name(self.path)).frames
        except soundfile.LibsndfileError:
            found = 0
        if found != self.samples:
            raise OSError(
                f"{self.name}: cannot be written, the disk may be full ({found} of {self.samples} samples were written)"
            )


@contextlib.contextmanager
def writing(
    paths: Sequence[Path],
    encoding: Encoding,
    sample_rate: int,
    channels: int,
    samples: int,
    directory: Path | None = None,
    stale: Sequence[Path] = (),
    mask: int = 0,
    finish: Callable[[Writer], None] = lambda writer: None,
    open_writer: Callable[..., Writer] = Writer,
) -> Iterator[list[Writer]]:
    """Opens files that belong together for writing; they appear under their names if the block ends without an error.

    Args:
        paths: of the files; missing folders are made.
        encoding: the format.
        sample_rate: in Hz.
        channels: of every file.
        samples: length of every file.
        directory: a folder that all of them lie in or below; default: the first one's.
        stale: files that are removed when the others appear.
        mask: bits of the channels' places; see `decode.channel_mask`. Default: the usual places.
        finish: called with each writer when its file is complete, before any has its name.
        open_writer: makes the writers, with the arguments of `Writer`.

    Yields:
        A writer for each path.

    Raises:
        InputError: the format cannot hold the audio.
        OSError: a file cannot be written; then none of them appears.
    """
    with replacing_together(directory or paths[0].parent, paths, stale) as asides:
        with contextlib.ExitStack() as files:
            writers = []
            for aside, path in zip(asides, paths, strict=True):
                writers.append(open_writer(aside, path, encoding, sample_rate, channels, samples, mask))
                files.callback(writers[-1].close)
            yield writers
        for writer in writers:
            writer.check()
            finish(writer)


def write(path: str | os.PathLike, audio: np.ndarray, sample_rate: int, subtype: str = "FLOAT") -> None:
    """Writes a wav or flac file atomically; the suffix decides the format.

    Args:
        path: of the file.
        audio: `(channels, samples)`, channels in WAVE order; for PCM it is quantized as `quantize` does.
        sample_rate: in Hz.
        subtype: "FLOAT" (32 bit, wav only), "PCM_16" or "PCM_24".

    Raises:
        InputError: another suffix or subtype, an array that is no audio (see `auralflow_core.audio.check`), or values
            that are not finite.
    """
    path = Path(path)
    check_layout(audio)
    sample_rate = check_rate(sample_rate, "sample_rate")
    known = {".wav": SUBTYPES.values(), ".flac": PCM_BITS}
    if path.suffix.lower() not in known:
        raise InputError(f"{path}: cannot write the suffix {path.suffix!r}; known: {', '.join(known)}")
    subtypes = known[path.suffix.lower()]
    if subtype not in subtypes:
        raise InputError(f"{path}: cannot write subtype {subtype!r} to {path.suffix}; {closest(subtype, subtypes)}")
    encoding = Encoding(path.suffix.lower()[1:], PCM_BITS.get(subtype, 32))
    with writing([path], encoding, sample_rate, *np.shape(audio)) as [writer]:
        writer.write(audio)
