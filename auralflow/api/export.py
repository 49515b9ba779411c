"""Models as files for other runtimes, each compared with its model before it appears."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from auralflow.backends import EXPORTERS, WEIGHTS, load_exporter, load_separator
from auralflow.songs import make_song
from auralflow.version import VERSION
from auralflow_core import config as configuration
from auralflow_core.audio import fit, read, resample, to_channels
from auralflow_core.dsp.excerpts import loudest
from auralflow_core.ensembles.description import is_description
from auralflow_core.errors import InputError, closest
from auralflow_core.evaluation.metrics import is_silent, si_sdr
from auralflow_core.exported.description import Check, Description
from auralflow_core.exported.paths import is_exported
from auralflow_core.exported.separator import first_line
from auralflow_core.model_folder import display_name, find_model
from auralflow_core.separation.separator import Separator
from auralflow_core.storage.atomic import replacing

TOLERANCE = 1e-4  # of samples, whose full scale is 1, with weights in float32
LOWEST_RATE = 8000  # Hz, of generated songs
SHORTEST_SONG = 2.0  # seconds


class Excerpt(NamedTuple):
    """Audio that a model and its exported file both separate.

    Attributes:
        origin: the file that it comes from, or a description.
        mixture: (channels, samples), one segment of the model.
        stems: target -> the same of the true stem, where it is known.
    """

    origin: str
    mixture: np.ndarray
    stems: dict[str, np.ndarray]


def export(
    model: str | Path,
    to: str,
    save: str | Path | None = None,
    *,
    weights: str = "float32",
    audio: str | Path | None = None,
    tolerance: float | None = None,
) -> tuple[Path, Description]:
    """Writes a model as a file that other runtimes take: a segment of audio in, stems out.

    The file is opened again in its own runtime and compared with the model, on the loudest segment of some audio, once
    whole and once with silence behind its first half. Where they differ by too much, no file is left.

    Args:
        model: a model folder, a file of weights or a pretrained model's name.
        to: one of `EXPORTERS`: the kind of file.
        save: the file, whose suffix is that of its kind. Default: the model's name, in the current folder.
        weights: the type in which a file of ONNX or TensorFlow Lite stores them, one of `WEIGHTS`; it computes in
            float32 all the same.
        audio: a file with which they are compared. Default: a generated song, whose stems are known.
        tolerance: the largest difference of a sample. Default: `TOLERANCE` with weights in float32, else none.

    Returns:
        The path, and the description that the file has in its metadata.

    Raises:
        InputError: an argument is not accepted, the model is an ensemble or cannot be exported, or the file differs
            from it by too much.
        MissingPackage: the framework, or the runtime, is not installed.

    Example:
        path, description = export("my_model", "onnx")
    """
    path = _check(model, to, save, weights, tolerance)
    found = find_model(model)
    if is_description(found) or is_exported(found):
        reason = "is exported already; the model that it was made from is expected"
        if is_description(found):
            reason = "an ensemble cannot be exported; each of its members can"
        raise InputError(f"{model}: {reason}")
    exporter = load_exporter(to)
    separator: Any = load_separator(found, EXPORTERS[to].backend)  # with a `model`, as those of both frameworks are
    excerpt = choose_excerpt(separator, audio)
    limit = TOLERANCE if tolerance is None and weights == "float32" else tolerance
    with replacing(path) as aside:
        exporter.write(separator.model, aside, **({} if weights == "float32" else {"weights": weights}))
        with _running(path):
            check = compare(separator, exporter.open_program(aside), excerpt, limit)
        if limit is not None and not check.largest_difference <= limit:
            raise InputError(
                f"{path}: not written: opened again, it differs from the model by {check.largest_difference:.1e} on "
                f"{check.audio}; at most {limit:.1e} is accepted"
            )
        description = describe(separator, display_name(model), weights, check, EXPORTERS[to].packages)
        exporter.describe(aside, description)
    return path, description


def _check(model: str | Path, to: str, save: str | Path | None, weights: str, tolerance: float | None) -> Path:
    """The path of the file; refuses arguments that are not accepted."""
    if to not in EXPORTERS:
        raise InputError(f"unknown kind of file {to!r}; {closest(to, EXPORTERS)}")
    if weights not in WEIGHTS:
        raise InputError(f"weights is {weights!r}; {closest(weights, WEIGHTS)}")
    if weights not in (accepted := EXPORTERS[to].weights):
        able = ", ".join(kind for kind, exporter in EXPORTERS.items() if weights in exporter.weights)
        raise InputError(f"weights is {weights!r}, which files of {able} can have; one of {to} has {accepted[0]}")
    if tolerance is not None and not tolerance > 0:
        raise InputError(f"tolerance is {tolerance}, expected a number above 0")
    path = Path(display_name(model) + EXPORTERS[to].suffix) if save is None else Path(save)
    if path.suffix != EXPORTERS[to].suffix:
        raise InputError(f"{path}: files of {to} end in {EXPORTERS[to].suffix}")
    return path


def choose_excerpt(separator: Separator, audio: str | os.PathLike | None = None) -> Excerpt:
    """The loudest segment of a file, or of a generated song."""
    config = separator.config
    rate, channels, samples = config.model.sample_rate, config.model.num_channels, config.crop_samples
    if audio is None:
        made = max(rate, LOWEST_RATE)
        song = make_song(0, max(SHORTEST_SONG, samples / rate), made)
        stems = {name: fit(resample(to_channels(stem, channels), made, rate), samples) for name, stem in song.items()}
        return Excerpt("a generated song", np.sum([*stems.values()], axis=0), stems)
    whole, given = read(audio)
    mixture = resample(to_channels(whole[:2], channels), given, rate)
    mixture = fit(mixture, max(samples, mixture.shape[-1]))
    start = loudest(mixture, samples, max(1, samples // 8))
    return Excerpt(Path(audio).name, mixture[:, start : start + samples], {})


def compare(separator: Separator, program, excerpt: Excerpt, tolerance: float | None) -> Check:
    """Compares a program with its model.

    Args:
        separator: the model.
        program: maps (1, channels, samples) to (1, targets, channels, samples).
        excerpt: what both separate.
        tolerance: that the file has to keep.
    """
    faded = excerpt.mixture.copy()
    faded[:, faded.shape[1] // 2 :] = 0  # silence is where real and complex numbers are most likely to part
    segments = np.stack([excerpt.mixture, faded]).astype(np.float32)
    expected = np.concatenate([separator.estimate(segment[None]) for segment in segments])
    found = np.concatenate([program(segment[None]) for segment in segments])
    pairs = list(zip(separator.targets, found[0], expected[0], strict=True))
    heard = {name: stem for name, stem in excerpt.stems.items() if not is_silent(stem)}
    return Check(
        audio=excerpt.origin,
        seconds=segments.shape[-1] / separator.config.model.sample_rate,
        largest_difference=float(np.abs(found - expected).max() / max(1.0, np.abs(expected).max())),
        tolerance=tolerance,
        si_sdr={target: _finite(si_sdr(ours, model)) for target, ours, model in pairs},
        cost={
            target: si_sdr(model, heard[target]) - si_sdr(ours, heard[target])
            for target, ours, model in pairs
            if target in heard
        },
    )


@contextlib.contextmanager
def _running(path: Path) -> Iterator[None]:
    """Runs a file in its runtime, which may not know what its converter wrote.

    Raises:
        InputError: it does not.
    """
    try:
        yield
    except (InputError, MemoryError):
        raise
    except Exception as error:  # runtimes' own share no base
        reason = f"{type(error).__name__}: {first_line(error)}"
        raise InputError(f"{path}: not written: its runtime does not take what was converted: {reason}") from error


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def describe(separator: Separator, model: str, weights: str, check: Check, packages: Sequence[str]) -> Description:
    """The description of an exported file."""
    config = separator.config
    return Description(
        model=model,
        config=configuration.to_dict(config),
        targets=config.model.targets,
        channels=config.model.num_channels,
        samples=config.crop_samples,
        sample_rate=config.model.sample_rate,
        weights=weights,
        check=check,
        made_with={"auralflow": VERSION} | {package: metadata.version(package) for package in packages},
    )
