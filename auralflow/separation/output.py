"""The names of the files that separation writes."""

import dataclasses
import os
import string
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from auralflow.separation.inputs import AudioInput
from auralflow_core.audio.encode import Encoding
from auralflow_core.errors import InputError, closest
from auralflow_core.storage.inside import inside

FILENAME = "{track}/{stem}.{ext}"
FIELDS = ("track", "stem", "ext", "model", "folder", "suffix", "index")  # of such a template


@dataclasses.dataclass(frozen=True)
class StemOutput:
    """The files that separation writes.

    Args:
        directory: the folder that everything is written into.
        filename: of a stem, below the directory: a template with the fields track, stem and ext; model; and of the
            input folder, the name of the one that it was given in, suffix, such as mp3, and index, its number among
            all inputs, from 1. Where one file holds all stems, `{track}.{ext}` takes the place of a folder
            `{track}/{stem}.{ext}`.
        encoding: the format of all files.
        residual: also write the rest of the mixture.
        residual_name: its stem name.
        overwrite: replace files that exist.
        targets: the targets that are written, or sums of them; default: all of the model's.
        model: the model's name.
        tags: stems have the tags and the cover of their song, and their name in the title.

    Raises:
        InputError: the template has unknown fields, does not end in {ext}, or leads out of the directory.
    """

    directory: Path
    filename: str = FILENAME
    encoding: Encoding = Encoding()
    residual: bool = False
    residual_name: str = "residual"
    overwrite: bool = False
    targets: tuple[str, ...] = ()
    model: str = "model"
    tags: bool = True

    def __post_init__(self):
        object.__setattr__(self, "directory", Path(self.directory))
        if self.encoding.is_stem_file and self.filename.endswith("}/{stem}.{ext}"):
            object.__setattr__(self, "filename", self.filename.replace("/{stem}.", "."))
        try:
            parts = string.Formatter().parse(self.filename)
            fields = [(name, spec, conversion) for _, name, spec, conversion in parts if name is not None]
        except ValueError as error:
            raise InputError(f"filename {self.filename!r} is no template: {error}") from None
        for name, spec, conversion in fields:
            if name not in FIELDS or spec or conversion:
                raise InputError(
                    f"filename {self.filename!r} has the unknown field {{{name}}}; {closest(name, FIELDS)}"
                )
        if self.encoding.is_stem_file and "stem" in [name for name, _, _ in fields]:
            raise InputError(
                f"filename {self.filename!r} has the field {{stem}}, but one file holds all stems of a song as "
                f"{self.encoding.format}; expected one without it, such as {{track}}.{{ext}}"
            )
        path = Path(self.filename)
        if not self.filename.endswith(".{ext}") or path.is_absolute() or ".." in path.parts:
            raise InputError(
                f"filename is {self.filename!r}, expected a relative path that ends in .{{ext}}, such as {FILENAME}"
            )

    def path(self, audio: AudioInput, stem: str) -> Path:
        """The file of a stem.

        Raises:
            InputError: a part of it is no name of a file or folder, or it would lie outside of the directory.
        """
        fields = {
            "track": audio.name,
            "stem": stem,
            "ext": self.encoding.format,
            "model": self.model,
            "folder": Path(os.path.abspath(audio.path)).parent.name,  # links stay what they are called
            "suffix": audio.path.suffix.removeprefix("."),
            "index": str(audio.index),
        }
        names = [part.format(**fields) for part in Path(self.filename).parts]
        for name in names:
            # A name with a slash, or `..`, would make a song's files another song's.
            if name in ("", ".", "..") or set(name) & {"/", os.sep, "\0"}:
                raise InputError(
                    f"{audio.path}: not separated, {name!r} is no name of a file; another filename than "
                    f"{self.filename!r} is expected, such as {{index}}/{{stem}}.{{ext}}, or another name of the target "
                    f"{stem!r}"
                )
        return inside(self.directory, os.path.join(*names))

    def paths(self, audio: AudioInput, targets: Sequence[str]) -> list[Path]:
        """The files of all stems of an input, the residual's last, or the one that holds all of them; see `path`."""
        if self.encoding.is_stem_file:
            return [self.path(audio, "")]
        return [self.path(audio, stem) for stem in (*targets, *[self.residual_name] * self.residual)]


def same_file(path: Path) -> str:
    """A key that is equal for paths which some file systems do not tell apart: in case, or in composed letters."""
    return unicodedata.normalize("NFC", str(path)).casefold()
