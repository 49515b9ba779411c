"""Estimates that are files: what any program made of the mixtures of a dataset."""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import numpy as np

from auralflow_core.audio import probe, read_blocks, to_channels
from auralflow_core.audio.resample import resample_stream
from auralflow_core.audio.structure import AudioInfo
from auralflow_core.console.text import count
from auralflow_core.data.layout import Problems, find_files, find_stem_files
from auralflow_core.data.track import Track
from auralflow_core.data.unpacked import unpack
from auralflow_core.errors import InputError, closest
from auralflow_core.storage.temp_arrays import Allocate

LONGEST = 1.0  # seconds by which a file may be longer or shorter than its track
# Names that other programs give to everything but the vocals.
ACCOMPANIMENT = ("no_vocals", "instrumental", "Instrumental")


class StemFiles:
    """A folder `<track>/<stem>.<wav|flac|...>` of estimates, or `<track>.stem.mp4`, which is decoded first.

    Files of another rate than their track are resampled, longer ones are cut, shorter ones end in silence; stereo for
    a mono track is averaged, and mono for a stereo track stands on both sides.

    Args:
        path: the folder; or one that has a folder of the split's name.
        split: the name of the split.

    Attributes:
        path: the folder.
        targets: the stems that have scores, once `fit` has found them; sorted.
        notes: sentences about what `fit` found and how it was reconciled.

    Raises:
        InputError: there is no such folder, or it holds neither folders of audio files nor `.stem.mp4` files.
    """

    def __init__(self, path: str | Path, split: str) -> None:
        self.path = Path(path)
        folder = self.path / split if (self.path / split).is_dir() else self.path
        if not folder.is_dir():
            raise InputError(f"{path}: no such folder; one with <track>/<stem>.wav is expected")
        found, _ = find_files(folder)
        packed, second = find_stem_files(folder)
        self._files = {track.name: files for track, files in found.items() if files}
        self._packed = {track.name: file for track, file in packed.items()}  # not decoded yet
        self._faults = {track.name: lines for track, lines in second.items()}  # of what cannot be decoded
        for name in self._files.keys() & self._packed.keys():
            self._faults[name] = [f"{self._packed[name]}: a second estimate of this track, next to a folder"]
        if not self._files and not self._packed:
            raise InputError(
                f"{path}: holds no estimates, expected <track>/<stem>.wav (or flac, ogg, mp3), or <track>.stem.mp4"
            )
        self.targets: tuple[str, ...] = ()
        self.notes: list[str] = []

    def __repr__(self) -> str:
        tracks = count(len(self._files | self._packed), "track")
        return f"StemFiles({str(self.path)!r}, {tracks}, targets={self.targets})"

    def fit(self, tracks: Sequence[Track], known: Sequence[str]) -> Problems:
        """Finds the targets, and reads the header of every file; those of `.stem.mp4` are decoded into the cache.

        Args:
            tracks: of the dataset.
            known: the names that targets can have: stems, and sums of stems.

        Returns:
            For each track that lacks an estimate, or has one that does not fit, sentences about it.

        Raises:
            InputError: no file has the name of a target, or no track has estimates; or as `unpack`.
            OSError: there is no room to decode files.
        """
        self._decode({track.name for track in tracks})
        named = {track.name: self._named(track.name, known) for track in tracks}
        self.targets = tuple(sorted({target for files in named.values() for target in files}))
        names = sorted({stem for files in self._files.values() for stem in files} - {"mixture"})
        if not (self._files | self._faults).keys() & named.keys():
            found = closest(next(iter(named)), self._files | self._packed)
            raise InputError(f"{self.path}: has estimates of none of {count(len(tracks), 'track')}; {found}")
        if not self.targets and not names:
            raise InputError("\n  ".join(line for lines in self._faults.values() for line in lines))
        if not self.targets:
            raise InputError(f"{self.path}: {names[0]!r} is called like no target; {closest(names[0], known)}")
        others = [name for name in names if name not in self.targets and name not in ACCOMPANIMENT]
        if others:
            self.notes.append(f"{self.path}: no scores for {', '.join(others)}, which are no targets of these tracks")
        problems: Problems = {}
        changes: dict[str, list[float]] = defaultdict(list)
        for track in tracks:
            faults = self._check(track, named[track.name], changes)
            if faults:
                problems[track.path] = faults
        self.notes += [f"{self.path}: {_counted(text, sizes)}" for text, sizes in changes.items()]
        return problems

    def read(self, track: Track, allocate: Allocate, progress: Callable[[float], None]) -> np.ndarray:
        """The estimates of a track at its rate, (targets, channels, samples).

        Args:
            track: one without faults.
            allocate: makes the array.
            progress: called with the share of the work that is done.
        """
        files = self._named(track.name, self.targets)
        estimates = allocate((len(self.targets), track.channels, track.samples))
        for index, target in enumerate(self.targets):
            done, rate = 0, probe(files[target]).sample_rate
            for piece in resample_stream(read_blocks(files[target]), rate, track.sample_rate):
                kept = to_channels(piece, track.channels)[:, : track.samples - done]
                estimates[index, :, done : done + kept.shape[-1]] = kept
                done += kept.shape[-1]
            estimates[index, :, done:] = 0
            progress((index + 1) / len(self.targets))
        return estimates

    def _decode(self, tracks: Collection[str]) -> None:
        """Adds the files of tracks that are one file, or what is wrong with it."""
        waiting = [name for name in self._packed if name in tracks and name not in (self._files | self._faults)]
        folders = {self._packed[name].with_name(name): self._packed[name] for name in waiting}
        files, faults = unpack(folders)
        self._files |= {folder.name: found for folder, found in files.items()}
        self._faults |= {folder.name: lines for folder, lines in faults.items()}

    def _named(self, track: str, known: Sequence[str]) -> dict[str, Path]:
        """The files of a track by target."""
        files = {name: path for name, path in self._files.get(track, {}).items() if name != "mixture"}
        if "accompaniment" in known and "accompaniment" not in files:
            alias = next((name for name in ACCOMPANIMENT if name in files), None)
            files |= {"accompaniment": files[alias]} if alias else {}
        return {name: path for name, path in files.items() if name in known}

    def _check(self, track: Track, files: dict[str, Path], changes: dict[str, list[float]]) -> list[str]:
        """Sentences about what is wrong with the estimates of a track; notes what `read` will change."""
        if track.name in self._faults:
            return self._faults[track.name]
        if track.name not in self._files:
            return [f"{self.path}: has no estimates of {track.name}"]
        faults = [f"{self.path}: has no {target} of {track.name}" for target in self.targets if target not in files]
        for file in files.values():
            try:
                info = probe(file)
            except InputError as error:
                faults.append(str(error))
                continue
            faults += _differences(file, info, track, changes)
        return faults


def _differences(file: Path, info: AudioInfo, track: Track, changes: dict[str, list[float]]) -> list[str]:
    """Sentences about a file that does not fit its track; adds to `changes` in what it is made to fit."""
    if info.channels > 2:
        return [f"{file}: has {info.channels} channels; mono or stereo is accepted"]
    more = -(-info.samples * track.sample_rate // info.sample_rate) - track.samples
    if abs(more) > LONGEST * track.sample_rate:
        lengths = f"lasts {info.samples / info.sample_rate:.2f} s, and its track {track.seconds:.2f} s"
        return [f"{file}: {lengths}; expected a length that differs by {LONGEST:g} s at most"]
    if info.sample_rate != track.sample_rate:
        changes[f"resampled from {info.sample_rate} to {track.sample_rate} Hz"].append(0)
    if info.channels != track.channels:
        changes[f"{'mono' if info.channels == 1 else 'stereo'}, and made what the tracks are"].append(0)
    if more:
        changes["cut at the end" if more > 0 else "filled with silence at the end"].append(abs(more))
    return []


def _counted(text: str, sizes: Sequence[float]) -> str:
    """A note with the number of files and, of those with another length, by how many samples at most."""
    files = "1 file is" if len(sizes) == 1 else f"{len(sizes)} files are"
    return f"{files} {text}" + (f", by {max(sizes):g} samples at most" if max(sizes) else "")
