"""Tags of songs: title, artist, cover and so on, read from files of many formats and written into stems."""

import base64
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import soundfile

from auralflow_core.audio import mp4
from auralflow_core.audio.libsndfile import native_name

# The names of Vorbis comments, in lower case, for frames of ID3 and atoms of MP4.
FRAMES = {
    "TIT2": "title",
    "TPE1": "artist",
    "TALB": "album",
    "TPE2": "albumartist",
    "TCOM": "composer",
    "TDRC": "date",
    "TCON": "genre",
    "TRCK": "tracknumber",
    "TPOS": "discnumber",
    "TCOP": "copyright",
    "TSRC": "isrc",
    "TBPM": "bpm",
    "TKEY": "initialkey",
    "TPUB": "organization",
}
ATOMS = {
    "\xa9nam": "title",
    "\xa9ART": "artist",
    "\xa9alb": "album",
    "aART": "albumartist",
    "\xa9wrt": "composer",
    "\xa9day": "date",
    "\xa9gen": "genre",
    "trkn": "tracknumber",
    "disk": "discnumber",
    "cprt": "copyright",
    "tmpo": "bpm",
    "\xa9cmt": "comment",
}
FREEFORM = "----:com.apple.iTunes:"  # the beginning of the names of all other atoms
NUMBERS = re.compile(r"(\d{1,9})(?:\.\d*)?(?:/(\d{1,9}))?")  # a number, and that of all
PICTURE = "metadata_block_picture"
# Tags about the song's file or its loudness, which are not true of its stems.
OF_THE_FILE = (
    "replaygain_",
    "r128_",
    "itun",
    "encoder",
    "encoded",
    "length",
    "waveformatextensible",
    "coverart",
    PICTURE,
)
LARGEST_COVER = 1 << 23  # bytes; a block of FLAC has at most twice as many
LONGEST_TEXT = 1 << 16  # characters of one tag


@dataclass(frozen=True)
class Tags:
    """The title, artist, cover and so on that a file names for its song.

    Attributes:
        texts: by the name of the Vorbis comment, in lower case; of any number of values each.
        cover: the bytes of a picture; None: there is none.
        cover_type: its media type, such as image/jpeg.
    """

    texts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    cover: bytes | None = None
    cover_type: str = ""

    def __bool__(self) -> bool:
        return bool(self.texts) or self.cover is not None

    def of_stem(self, stem: str, track: str) -> "Tags":
        """The tags of a stem, whose name is added to the title.

        Args:
            stem: its name; empty for a file with all stems, whose title is the song's.
            track: the title of a song that has none.

        Example:
            >>> Tags({"title": ["Song"], "artist": ["Band"]}).of_stem("vocals", "song-1").texts
            {'title': ['Song (vocals)'], 'artist': ['Band']}
        """
        title, *others = self.texts.get("title") or [track]
        named = f"{title} ({stem})" if stem else title
        return replace(self, texts={**self.texts, "title": [named, *others]})


def read_tags(path: str | Path) -> Tags:
    """Reads the tags of a song; a file without tags, or of a format without them, has none.

    Raises:
        ValueError: tags that cannot be read. The message is the end of a sentence.
    """
    import mutagen  # here, as the commands that need no tags should not wait for it
    from mutagen.id3 import ID3
    from mutagen.mp4 import MP4Tags
    from mutagen.wave import WAVE

    try:
        file: Any = mutagen.File(path)  # pyright: ignore[reportPrivateImportUsage]
        if file is None or not file.tags:
            return Tags(_of_info(path) if isinstance(file, WAVE) else {})
        read = _of_id3 if isinstance(file.tags, ID3) else _of_mp4 if isinstance(file.tags, MP4Tags) else _of_comments
        texts, covers = read(file)
    except Exception as error:  # of any kind: the bytes are anybody's, and a song is worth more than its tags
        raise ValueError(f"its tags cannot be read ({_brief(error)})") from None
    kept = {
        name: values
        for name, given in texts.items()
        if not name.startswith(OF_THE_FILE)
        and (values := [value for value in map(str, given) if value.strip("\0 ") and len(value) <= LONGEST_TEXT])
    }
    data, kind = next(((data, kind) for data, kind in covers if 0 < len(data) <= LARGEST_COVER), (None, ""))
    return Tags(kept, data, kind)


def write_tags(path: Path, tags: Tags, format: str) -> None:
    """Writes tags into a complete file, which is replaced by a copy that has them or stays as it is.

    Args:
        path: the file; its name does not matter.
        tags: what to write.
        format: wav, flac, ogg, mp3 or stem.mp4.

    Raises:
        ValueError: the tags cannot be written. The message is the end of a sentence.
    """
    copy = path.with_name(f"{path.name}-tagged")
    try:
        shutil.copyfile(path, copy)
        WRITERS[format](copy, tags, format)
        before, after = (_length(file, format) for file in (path, copy))
        if before != after:
            raise ValueError(f"{after} of {before} samples would be left")
        copy.replace(path)
    except Exception as error:  # of any kind: a stem is worth more than its tags
        raise ValueError(f"has no tags, they cannot be written ({_brief(error)})") from None
    finally:
        copy.unlink(missing_ok=True)


def _length(path: Path, format: str) -> int | None:
    """The samples of a file by its header, of a `.stem.mp4` in units of its first stream."""
    return mp4.audio_length(path, 0) if format == "stem.mp4" else soundfile.info(native_name(path)).frames


def _of_id3(file: Any) -> tuple[dict[str, list], list[tuple[bytes, str]]]:
    """The texts and pictures of ID3 frames, in mp3, wav and aiff."""
    texts: dict[str, list] = {}
    for frame in file.tags.values():
        if frame.FrameID == "TCON":
            texts["genre"] = frame.genres
        elif frame.FrameID in FRAMES:
            texts[FRAMES[frame.FrameID]] = list(frame.text)
        elif frame.FrameID == "TXXX":
            texts.setdefault(frame.desc.lower(), list(frame.text))
        elif frame.FrameID == "COMM" and not frame.desc:
            texts.setdefault("comment", list(frame.text))
    pictures = sorted(file.tags.getall("APIC"), key=lambda picture: picture.type != 3)  # 3: the front cover
    return texts, [(picture.data, picture.mime) for picture in pictures]


def _of_info(path: str | Path) -> dict[str, list[str]]:
    """The texts of a wav's list INFO, which files without ID3 may have."""
    with soundfile.SoundFile(native_name(Path(path))) as file:
        texts = file.copy_metadata()
    return {name: [text] for name, text in texts.items() if name in FRAMES.values() or name == "comment"}


def _of_mp4(file: Any) -> tuple[dict[str, list], list[tuple[bytes, str]]]:
    """The texts and pictures of the atoms of m4a."""
    from mutagen.mp4 import MP4Cover

    texts = {}
    for atom, name in ATOMS.items():
        # Numbers of a track and of all tracks are a pair, of which 0 is not known.
        texts[name] = [
            "/".join(str(part) for part in value if part) if isinstance(value, tuple) else value
            for value in file.tags.get(atom, ())
        ]
    for name in [name for name in file.tags if name.startswith(FREEFORM)]:
        texts[name.removeprefix(FREEFORM).lower()] = [
            bytes(value).decode(errors="replace") for value in file.tags[name]
        ]
    kinds = {MP4Cover.FORMAT_JPEG: "image/jpeg", MP4Cover.FORMAT_PNG: "image/png"}
    return texts, [(bytes(cover), kinds.get(cover.imageformat, "image/jpeg")) for cover in file.tags.get("covr", ())]


def _of_comments(file: Any) -> tuple[dict[str, list], list[tuple[bytes, str]]]:
    """The texts and pictures of Vorbis comments, in flac, ogg and opus, and the texts of others like them."""
    from mutagen.flac import Picture

    texts: dict[str, list] = {}
    for name in file.tags.keys():  # noqa: SIM118 - Vorbis comments iterate over pairs
        value = file.tags[name]
        texts[name.lower()] = list(value) if isinstance(value, list | tuple) else str(value).split("\0")
    pictures = [*getattr(file, "pictures", ())]
    pictures += [Picture(base64.b64decode(text)) for text in texts.get(PICTURE, ())]
    pictures.sort(key=lambda picture: picture.type != 3)
    return texts, [(picture.data, picture.mime) for picture in pictures]


def _write_id3(path: Path, tags: Tags, format: str) -> None:
    from mutagen import id3
    from mutagen.mp3 import MP3
    from mutagen.wave import WAVE

    file: Any = WAVE(path) if format == "wav" else MP3(path)
    if file.tags is None:
        file.add_tags()
    frames: Any = file.tags
    names = {name: frame for frame, name in FRAMES.items()}
    for name, values in tags.texts.items():
        text = list(values)
        if name in names:
            frames.add(getattr(id3, names[name])(encoding=id3.Encoding.UTF8, text=text))
        elif name == "comment":
            frames.add(id3.COMM(encoding=id3.Encoding.UTF8, lang="XXX", desc="", text=text))  # pyright: ignore[reportAttributeAccessIssue]
        else:
            frames.add(id3.TXXX(encoding=id3.Encoding.UTF8, desc=name.upper(), text=text))  # pyright: ignore[reportAttributeAccessIssue]
    if tags.cover is not None:
        frames.add(id3.APIC(encoding=id3.Encoding.LATIN1, mime=tags.cover_type, type=3, desc="", data=tags.cover))  # pyright: ignore[reportAttributeAccessIssue]
    file.save()


def _write_comments(path: Path, tags: Tags, format: str) -> None:
    from mutagen.flac import FLAC, Picture
    from mutagen.oggvorbis import OggVorbis

    file: Any = FLAC(path) if format == "flac" else OggVorbis(path)
    if file.tags is None:
        file.add_tags()
    comments: Any = file.tags
    for name, values in tags.texts.items():
        comments[name] = list(values)
    if tags.cover is not None:
        picture = Picture()
        picture.type, picture.mime, picture.data = 3, tags.cover_type, tags.cover
        if format == "flac":
            file.add_picture(picture)
        else:
            comments[PICTURE] = [base64.b64encode(picture.write()).decode("ascii")]
    file.save()


def _write_mp4(path: Path, tags: Tags, format: str) -> None:
    from mutagen.mp4 import MP4, AtomDataType, MP4Cover, MP4FreeForm

    file: Any = MP4(path)
    if file.tags is None:
        file.add_tags()
    atoms: Any = file.tags
    names = {name: atom for atom, name in ATOMS.items()}
    for name, values in tags.texts.items():
        atom, texts = names.get(name, f"{FREEFORM}{name.upper()}"), list(values)
        if atom in ("trkn", "disk", "tmpo"):  # whole numbers alone: others, such as A1, are left out
            if (found := NUMBERS.fullmatch(texts[0])) and all(int(part or 0) < 1 << 16 for part in found.groups()):
                number, total = (int(part or 0) for part in found.groups())
                atoms[atom] = [number if atom == "tmpo" else (number, total)]
        elif atom.startswith(FREEFORM):
            atoms[atom] = [MP4FreeForm(text.encode(), AtomDataType.UTF8) for text in texts]
        else:
            atoms[atom] = texts
    kinds = {"image/jpeg": MP4Cover.FORMAT_JPEG, "image/png": MP4Cover.FORMAT_PNG}
    if tags.cover is not None and tags.cover_type in kinds:
        atoms["covr"] = [MP4Cover(tags.cover, kinds[tags.cover_type])]
    file.save()


WRITERS = {
    "wav": _write_id3,
    "mp3": _write_id3,
    "flac": _write_comments,
    "ogg": _write_comments,
    "stem.mp4": _write_mp4,
}


def _brief(error: Exception) -> str:
    # The text of libsndfile's error also has the path, as bytes.
    text = error.error_string if isinstance(error, soundfile.LibsndfileError) else str(error)
    return (text.rstrip(".") or type(error).__name__).splitlines()[0][:160]
