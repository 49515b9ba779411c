"""Stems carry their song's tags, as other programs read them; and no tag, however broken, loses a stem."""

import json
import shutil
import subprocess

import mutagen
import numpy as np
import pytest
import soundfile
from mutagen.flac import FLAC, Picture
from mutagen.id3 import APIC, ID3, TIT2
from stem_files import names, png, write

from auralflow_core.audio import tags as tagging
from auralflow_core.audio.encode import Encoding
from auralflow_core.audio.tags import Tags, read_tags

pytestmark = pytest.mark.skipif(not shutil.which("ffmpeg") or not shutil.which("ffprobe"), reason="needs ffmpeg")
WORDS = {"title": "Größe", "artist": "The Band", "album": "One", "genre": "Rock", "track": "3/9", "date": "1999"}


def song(folder, suffix, cover=True):
    """A song of one second with tags that ffmpeg wrote and, where ffmpeg can write it, a cover."""
    (folder / "cover.png").write_bytes(png())
    cover = cover and suffix in ("mp3", "flac", "m4a")
    picture = ["-i", folder / "cover.png", "-map", "0", "-map", "1", "-c:v", "copy", "-disposition:v", "attached_pic"]
    words = [part for name, value in WORDS.items() for part in ("-metadata", f"{name}={value}")]
    sound = ["-f", "lavfi", "-i", "sine=500:r=44100:d=1"]
    path = folder / f"song.{suffix}"
    command = [
        "ffmpeg",
        "-v",
        "error",
        "-y",
        *sound,
        *picture * cover,
        *words,
        "-metadata",
        "REPLAYGAIN_TRACK_GAIN=-3 dB",
    ]
    subprocess.run([*command, *["-write_id3v2", "1"] * (suffix in ("aiff", "wav")), path], check=True)
    return path


def probed(path):
    """The tags of a file as ffprobe reads them, in lower case, and its cover."""
    command = [
        "ffprobe",
        "-v",
        "error",
        "-show_entries",
        "format_tags:stream_tags:stream=codec_type",
        "-of",
        "json",
        path,
    ]
    found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    texts = {**found.get("format", {}).get("tags", {})}
    for stream in found["streams"]:
        if stream["codec_type"] == "audio":  # where ogg has its tags
            texts |= stream.get("tags", {})
    cover = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", path, "-map", "0:v", "-c", "copy", "-f", "image2pipe", "-"], capture_output=True
    )
    return {name.lower(): text for name, text in texts.items()}, cover.stdout


@pytest.mark.parametrize("suffix", ["mp3", "flac", "ogg", "opus", "m4a", "aiff", "wav"])
def test_tags_of_any_format_are_in_every_stem(tmp_path, run, suffix):
    path = song(tmp_path, suffix)
    # ffmpeg writes the number of the track under another name of the list INFO than libsndfile reads.
    words = {name: text for name, text in WORDS.items() if (suffix, name) != ("wav", "track")}
    for format in ("wav", "flac", "mp3", "ogg"):
        result = run(path, directory=tmp_path / format, encoding=Encoding(format), residual=True)
        assert not [note for note in result.notes if "tag" in note]
        for stem in ("bass", "residual"):
            texts, cover = probed(tmp_path / format / "song" / f"{stem}.{format}")
            assert {**words, "title": f"Größe ({stem})"}.items() <= texts.items(), (format, texts)
            assert "replaygain_track_gain" not in texts
            assert cover == (png() if suffix in ("mp3", "flac", "m4a") else b"")
    assert not list(tmp_path.rglob("*-tagged"))


def test_the_audio_is_the_same_and_no_tags_means_none(tmp_path, run):
    path = song(tmp_path, "flac")
    for format in ("wav", "flac", "mp3", "ogg"):
        run(path, directory=tmp_path / "with", encoding=Encoding(format))
        run(path, directory=tmp_path / "without", encoding=Encoding(format), tags=False)
        tagged, plain = (tmp_path / kind / f"song/bass.{format}" for kind in ("with", "without"))
        np.testing.assert_array_equal(soundfile.read(tagged)[0], soundfile.read(plain)[0])
        assert "title" not in probed(plain)[0]
    bare = write(tmp_path / "bare.wav")
    run(bare, directory=tmp_path / "bare")
    assert "title" not in probed(tmp_path / "bare/bare/bass.wav")[0]


def spoil(path, change):
    data = bytearray(path.read_bytes())
    change(data)
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("suffix", "change"),
    [
        ("mp3", lambda data: data.__setitem__(slice(3, 5), b"\xff\xff")),  # the version of ID3
        ("mp3", lambda data: data.__setitem__(slice(10, 60), b"\xff" * 50)),
        ("mp3", lambda data: data.__setitem__(slice(14, 18), b"\x7f\x7f\x7f\x7f")),  # the size of a frame
        ("flac", lambda data: data.__setitem__(slice(data.find(b"artist") - 4, data.find(b"artist")), b"\xff" * 4)),
        (
            "flac",
            lambda data: data.__setitem__(slice(data.find(b"image/png") - 4, data.find(b"image/png")), b"\xff" * 4),
        ),
        ("ogg", lambda data: data.__setitem__(slice(data.find(b"artist") - 4, data.find(b"artist")), b"\xff" * 4)),
        ("wav", lambda data: data.__setitem__(slice(data.find(b"TIT2") + 4, data.find(b"TIT2") + 8), b"\x7f" * 4)),
    ],
)
def test_a_broken_tag_loses_no_stem(tmp_path, run, suffix, change):
    path = song(tmp_path, suffix)
    samples = soundfile.info(path).frames
    spoil(path, change)
    try:
        assert soundfile.info(path).frames == samples
    except (soundfile.LibsndfileError, AssertionError):
        pytest.skip("no program that reads the audio could")
    result = run(path, directory=tmp_path / "out")
    assert names(tmp_path / "out") == ["song/bass.wav", "song/vocals.wav"]
    assert soundfile.info(tmp_path / "out/song/bass.wav").frames == samples
    assert all("\n" not in note for note in result.notes)


def test_a_wav_of_a_kind_that_only_ffmpeg_reads_has_no_tags_in_one_sentence(tmp_path):
    subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=d=0.1", "-c:a", "pcm_s64le", tmp_path / "s64.wav"],
        check=True,
    )
    message = r"^its tags cannot be read \(File contains data in an unimplemented format\)$"
    with pytest.raises(ValueError, match=message):
        read_tags(tmp_path / "s64.wav")


def test_tags_that_cannot_be_written_are_said(tmp_path, run, monkeypatch):
    path = song(tmp_path, "flac")

    def fail(*_):
        raise RuntimeError("no")

    for where, name, words in (
        (mutagen, "File", f"{path}: its tags cannot be read (no); the stems have none"),
        (tagging.WRITERS, "wav", "has no tags, they cannot be written (no)"),
    ):
        with monkeypatch.context() as patch:
            (patch.setitem if isinstance(where, dict) else patch.setattr)(where, name, fail)
            result = run(path, directory=tmp_path / "out", overwrite=True)
        assert result.notes[0].endswith(words)
        assert names(tmp_path / "out") == ["song/bass.wav", "song/vocals.wav"]
        assert "title" not in probed(tmp_path / "out/song/bass.wav")[0]


def test_odd_tags_are_carried_or_left_out(tmp_path, run):
    path = song(tmp_path, "flac", cover=False)
    file = FLAC(path)
    huge = Picture()
    huge.data, huge.mime = b"x" * (tagging.LARGEST_COVER + 1), "image/png"
    file.add_picture(huge)
    file["mood"], file["artist"], file["lyrics"] = ["calm"], ["One", "Two"], ["x" * (tagging.LONGEST_TEXT + 1)]
    del file["title"]
    file.save()
    found = read_tags(path)
    assert found.cover is None and "lyrics" not in found.texts and found.texts["artist"] == ["One", "Two"]
    for format in ("wav", "flac", "mp3", "ogg"):
        run(path, directory=tmp_path / "out", encoding=Encoding(format))
        again = read_tags(tmp_path / f"out/song/bass.{format}")
        assert again.texts == {**found.texts, "title": ["song (bass)"]} and again.texts["mood"] == ["calm"]
    tags = ID3()
    tags.add(TIT2(encoding=3, text=["Only a title"]))
    tags.add(APIC(encoding=3, mime="image/png", type=4, desc="back", data=b"back"))
    tags.add(APIC(encoding=3, mime="image/png", type=3, desc="front", data=b"front"))
    tags.save(song(tmp_path, "mp3", cover=False))
    assert read_tags(tmp_path / "song.mp3") == Tags({"title": ["Only a title"]}, b"front", "image/png")
