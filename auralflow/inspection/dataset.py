"""Inspecting a dataset: decoding every file once in full, and finding what is wrong with its tracks."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console

from auralflow.inspection.findings import (
    Finding,
    duplicates,
    foreign_stems,
    level_findings,
    mixture_findings,
    too_short,
    track_findings,
)
from auralflow.inspection.measure import measure_track
from auralflow_core.config import Config
from auralflow_core.data.check import Checked, compose, with_stems
from auralflow_core.data.layout import Problems, missing_split, splits_of
from auralflow_core.data.parallel import map_tracks
from auralflow_core.data.remembered import TrackMeasures, recall, remember
from auralflow_core.data.track import Track
from auralflow_core.data.tracks import scan_tracks
from auralflow_core.errors import InputError


@dataclass
class InspectedTrack:
    """A track, its measurements, and what was found; both are None where the files' headers are at fault."""

    label: str  # <split>/<name>
    track: Track | None = None
    measures: TrackMeasures | None = None
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_left_out(self) -> bool:
        """Whether the track is not fit for training."""
        return any(finding.leave_out for finding in self.findings)


@dataclass
class Inspection:
    """The outcome of `inspect_dataset`."""

    dataset: Path
    tracks: list[InspectedTrack]  # sorted by label
    notes: list[str]  # about the dataset as a whole
    remembered: int  # tracks whose files were decoded before

    @property
    def exclude(self) -> list[str]:
        """The tracks to leave out, as `dataset.exclude` takes them."""
        return [track.label for track in self.tracks if track.is_left_out]


def inspect_dataset(dataset: str | Path, config: Config | None = None, console: Console | None = None) -> Inspection:
    """Decodes every file of a dataset in full, or remembers what was found when it was decoded before.

    Args:
        dataset: a folder with the splits `train`, `valid` and `test`, or some of them.
        config: of a model that is to be trained on it.
        console: where a bar is shown; default: standard output.

    Raises:
        InputError: the folder holds no tracks.
        KeyboardInterrupt: the process was asked to end; tracks that were decoded are remembered.
    """
    dataset = Path(dataset)
    if not (splits := splits_of(dataset)):
        raise missing_split(dataset, "train")
    found: dict[str, InspectedTrack] = {}
    problems: Problems = {}
    tracks: list[Track] = []
    for split in splits:
        scan = scan_tracks(dataset, split)
        tracks += scan.tracks
        problems |= scan.problems
    for path, lines in problems.items():
        label = f"{path.parent.name}/{path.name}"
        found[label] = InspectedTrack(label, findings=[Finding("file", line, True) for line in lines])
    measured = _measure(tracks, console)
    for track, (measures, _) in zip(tracks, measured, strict=True):
        found[track.label] = InspectedTrack(track.label, track, measures, track_findings(track, measures))
    notes = _compare_stems(found, config)
    _compare_tracks(found)
    if config is not None:
        for track in tracks:
            found[track.label].findings += _compare_model(track, config)
    remembered = sum(known for _, known in measured)
    return Inspection(dataset, [found[label] for label in sorted(found)], notes, remembered)


def _measure(tracks: Sequence[Track], console: Console | None) -> list[tuple[TrackMeasures, bool]]:
    """The measurements of each track, and whether they were remembered."""

    def measure(track: Track) -> tuple[TrackMeasures, bool]:
        if (known := recall(track, by_content=True)) is not None:
            return known, True
        measures = measure_track(track)
        remember(track, measures)
        return measures, False

    return map_tracks(measure, tracks, "decoding", console)


def _compare_stems(found: dict[str, InspectedTrack], config: Config | None) -> list[str]:
    """Compares stems with mixtures, among all tracks with the same stems; returns notes about the dataset."""
    groups: dict[tuple[str, ...], list[InspectedTrack]] = {}
    for item in found.values():
        if item.track is not None and item.measures is not None and not item.measures.damage:
            groups.setdefault(tuple(item.track.stems), []).append(item)
    notes, targets = [], config.model.targets if config else ()
    for items in groups.values():
        tracks = [item.track for item in items if item.track]
        products = [np.array(item.measures.products) for item in items if item.measures]
        try:
            checked = compose(tracks, products, targets, config.dataset.sources if config else {})
        except InputError as error:
            notes.append(str(error))
            continue
        notes += checked.notes
        for item, product in zip(items, products, strict=True):
            if item.track is not None:
                used = checked.composition.stems if checked.composition else item.track.stems
                item.findings += mixture_findings(item.track, product, used)
        _add_misfits(checked, items, found)
    return notes


def _add_misfits(checked: Checked, items: Sequence[InspectedTrack], found: dict[str, InspectedTrack]) -> None:
    """Adds a finding to each track whose stems do not fit its mixture as those of the others do."""
    sketches = {item.label: _sketches(item) for item in items}
    for item in items:
        if item.track is None or checked.composition is None:
            continue
        for line in checked.problems.get(item.track.path, ()):
            text = line.removeprefix(f"{item.track.path}: ")
            kind = "swapped" if "swapped" in text else "sum"
            stems = list(with_stems(item.track, checked.composition).files)
            found[item.label].findings.append(Finding(kind, text, True))
            if kind == "sum":
                names = [name for name in stems if name != "mixture"]
                found[item.label].findings += foreign_stems(item.label, names, sketches)


def _compare_tracks(found: dict[str, InspectedTrack]) -> None:
    """Adds what is found by comparing tracks with each other: levels, and recordings that occur twice."""
    mixtures, levels = {}, {}
    for item in found.values():
        if item.measures is None or item.measures.damage or item.is_left_out:
            continue
        sketches = _sketches(item)
        mixtures[item.label] = sketches["mixture"] if "mixture" in sketches else sum(sketches.values())
        if item.track is not None:
            product = np.array(item.measures.products)
            total = product[0, 0] if item.track.mixture else product[1:, 1:].sum()
            levels[item.label] = total / (item.track.channels * item.track.samples)
    for label, finding in duplicates(mixtures).items():
        found[label].findings.append(finding)
    for label, finding in level_findings(levels).items():
        found[label].findings.append(finding)


def _compare_model(track: Track, config: Config) -> list[Finding]:
    """Adds what a track has otherwise than the model expects."""
    found = too_short(track, config.dataset.sample_length)
    if track.sample_rate < config.model.sample_rate:
        found.append(Finding("model", f"is at {track.sample_rate} Hz, below the model's {config.model.sample_rate} Hz"))
    if track.channels < config.model.num_channels:
        found.append(Finding("model", "is mono, the model stereo"))
    return found


def _sketches(item: InspectedTrack) -> dict[str, np.ndarray]:
    files = item.measures.files if item.measures else {}
    return {name: np.array(file.sketch) for name, file in files.items()}
