"""The stimuli of a listening test: estimates, the hidden reference and two anchors, equally loud."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np

from auralflow.report.players import Example
from auralflow_core.audio.resample import resample
from auralflow_core.dsp.loudness import loudness
from auralflow_core.errors import InputError

SECONDS = 10.0  # of a stimulus; BS.1534-3 asks for about ten
MOST = 12  # stimuli on a page, the hidden reference and the anchors among them (BS.1534-3)
HIGHEST_RATE = 48_000  # Hz; stimuli of higher rates are resampled, so that the page stays small
LARGEST_GAIN = 20.0  # dB that the matching of loudness changes at most: a nearly silent estimate stays soft
FADE = 0.01  # seconds at both ends, so that a loop does not click
REFERENCE, LOW_PASS, MIXTURE = "Reference", "Low-pass anchor", "Mixture"  # names in results

Kind = Literal["reference", "anchor", "system"]


class Stimulus(NamedTuple):
    """One of the sounds on a page.

    Attributes:
        name: of a system, or `REFERENCE`, `LOW_PASS` or `MIXTURE`.
        kind: its part in the test.
        audio: (channels, samples).
    """

    name: str
    kind: Kind
    audio: np.ndarray


class Trial(NamedTuple):
    """One page of a listening test: a target in some seconds of a track.

    Attributes:
        track: the track's name.
        target: the target's name.
        start: the second of the track at which it begins.
        sample_rate: in Hz.
        stimuli: the hidden reference, the anchors and the systems, all of one shape and equally loud.
    """

    track: str
    target: str
    start: float
    sample_rate: int
    stimuli: tuple[Stimulus, ...]


def check_count(systems: int) -> None:
    """Raises an InputError if that many systems are too many for a page."""
    if systems + 3 > MOST:
        raise InputError(
            f"a page of a listening test has at most {MOST} sounds, three of them the reference and anchors; expected "
            f"{MOST - 3} models at most, got {systems}"
        )


def make_trial(example: Example, systems: Mapping[str, str]) -> Trial:
    """Makes the stimuli of a page.

    The low-pass anchor is BS.1534-3's, and shows what little bandwidth sounds like. The mixture is the second anchor,
    for interference: it is the target with nothing separated. All stimuli get the loudness of the reference, and then
    all of them the same gain, where one would be beyond full scale.

    Args:
        example: an excerpt of `SECONDS` or more, of which the middle is used; its first version is the mixture, its
            last the reference.
        systems: version -> name in the test.

    Raises:
        InputError: an estimate holds NaN or infinity.
    """
    rate = example.sample_rate
    window = min(round(SECONDS * rate), example.versions["Reference"].shape[1])
    skipped = (example.versions["Reference"].shape[1] - window) // 2
    cut = {name: audio[:, skipped : skipped + window] for name, audio in example.versions.items()}
    for name, audio in cut.items():
        if not np.isfinite(audio).all():
            raise InputError(
                f"{name}, {example.target} of {example.track}: holds NaN or infinity, which cannot be heard"
            )
    if rate > HIGHEST_RATE:
        cut = {name: resample(audio, rate, HIGHEST_RATE) for name, audio in cut.items()}
        rate = HIGHEST_RATE
    reference = cut["Reference"]
    sounds = [
        Stimulus(REFERENCE, "reference", reference),
        Stimulus(LOW_PASS, "anchor", low_pass(reference, rate)),
        Stimulus(MIXTURE, "anchor", cut["Mixture"]),
        *(Stimulus(name, "system", cut[version]) for version, name in systems.items() if version in cut),
    ]
    start = (example.start or 0.0) + skipped / example.sample_rate
    return Trial(example.track, example.target, start, rate, _match(sounds, rate))


def _match(sounds: list[Stimulus], rate: int) -> tuple[Stimulus, ...]:
    """Stimuli as loud as the first, within full scale, with fades."""
    wanted = loudness(sounds[0].audio, rate)
    matched = []
    for sound in sounds:
        found = loudness(sound.audio, rate)
        change = wanted - found if np.isfinite(wanted) and np.isfinite(found) else 0.0
        gain = 10 ** (np.clip(change, -LARGEST_GAIN, LARGEST_GAIN) / 20)
        matched.append(sound._replace(audio=_fade(gain * sound.audio, round(FADE * rate))))
    peak = max(float(np.abs(sound.audio).max()) for sound in matched)
    return tuple(sound._replace(audio=(sound.audio / max(1.0, peak)).astype(np.float32)) for sound in matched)


def _fade(audio: np.ndarray, samples: int) -> np.ndarray:
    samples = min(samples, audio.shape[1] // 2)
    ramp = np.sin(np.pi / 2 * (np.arange(samples) + 0.5) / max(samples, 1)) ** 2
    curve = np.ones(audio.shape[1])
    curve[:samples], curve[audio.shape[1] - samples :] = ramp, ramp[::-1]
    return audio * curve


def low_pass(audio: np.ndarray, rate: int) -> np.ndarray:
    """The low anchor of BS.1534-3: nothing is heard above 3.5 kHz.

    The standard asks for a ripple of 0.1 dB at most up to 3.5 kHz, at least -25 dB at 4 kHz and -50 dB from 4.5 kHz on.
    This is an ideal filter in a Kaiser window (Oppenheim and Schafer, "Discrete-Time Signal Processing", 7.5.3), of
    60 dB from 4 kHz on and without delay.

    Args:
        audio: (channels, samples).
        rate: in Hz; at 7.5 kHz or less there is nothing to take out.
    """
    cutoff, width, decibel = 3750 / rate, 500 / rate, 60.0  # of the rate: the middle and the width of the slope
    if cutoff >= 0.5:
        return audio
    half = int(np.ceil((decibel - 7.95) / (2.285 * 2 * np.pi * width) / 2))
    window = np.kaiser(2 * half + 1, 0.1102 * (decibel - 8.7))
    taps = np.sinc(2 * cutoff * np.arange(-half, half + 1)) * window
    padded = 1 << (audio.shape[1] + 2 * half - 1).bit_length()
    filtered = np.fft.irfft(np.fft.rfft(audio, padded) * np.fft.rfft(taps / taps.sum(), padded), padded)
    return filtered[:, half : half + audio.shape[1]]
