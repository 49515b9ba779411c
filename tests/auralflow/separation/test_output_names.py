"""Names of songs, folders and targets that are unusual, and where their stems go."""

import copy
import os
import shutil

import msgspec
import numpy as np
import pytest
import soundfile
from stem_files import RATE, names, write

from auralflow.separation.inputs import find_inputs
from auralflow.separation.stems import StemOutput, separate_files
from auralflow_core.audio.encode import Encoding
from auralflow_core.errors import InputError
from auralflow_core.separation.options import SeparationOptions

PLAIN = "{track}/{stem}.{ext}"


@pytest.mark.parametrize("template", [PLAIN, "{stem}/{track}.{ext}", "{model}/{track}/{stem}.{ext}", "{stem}.{ext}"])
def test_nothing_is_written_outside_whatever_the_song_is_called(tmp_path, run, template):
    (tmp_path / "vocals.wav").write_text("precious")
    odd = ("...wav", "..mp4.wav", "....wav", "a..wav", "-.wav", " .wav", "~.wav", "$HOME.wav", "{stem}.wav", "%s.wav")
    for name in odd:
        directory = tmp_path / "a/out"
        shutil.rmtree(tmp_path / "a", ignore_errors=True)
        song = shutil.move(write(tmp_path / "songs/plain.wav"), tmp_path / "songs" / name)
        refused = name == "...wav" and "{track}/" in template  # whose name without the suffix is `..`
        result = run(song, directory=directory, filename=template, fails=refused)
        assert len(names(tmp_path / "a")) == (0 if refused else 2)
        assert all(name.startswith("out/") for name in names(tmp_path / "a"))
        if refused:
            assert result.failures[0].startswith(f"{song}: not separated, '..' is no name of a file;")
    assert (tmp_path / "vocals.wav").read_text() == "precious"


@pytest.mark.parametrize(
    "target", ["../../victim", "/etc/victim", "../a", "a/../b", "a/b", "/", "../song2/vocals", "a\0b", "\ud800"]
)
def test_targets_of_foreign_models_write_nowhere_else(tmp_path, target):
    [audio], _ = find_inputs([write(tmp_path / "a.wav")])
    for template in (PLAIN, "{stem}.{ext}", "{track}-{stem}.{ext}"):
        with pytest.raises(InputError, match="name"):
            StemOutput(tmp_path / "x/out", template, overwrite=True).path(audio, target)


def test_a_model_with_such_a_target_fails_without_a_file(tmp_path, copies):
    (tmp_path / "victim.wav").write_text("precious")
    sources, _ = find_inputs([write(tmp_path / "a.wav")])
    separator = copies(RATE, {"bass": 0.5, "vocals": 0.5})
    separator.config = msgspec.structs.replace(
        separator.config, model=forced(separator.config.model, targets=("bass", "../../victim"))
    )
    result = separate_files(sources, separator, StemOutput(tmp_path / "x/out", overwrite=True))
    assert len(result.failures) == 1 and "'../../victim.wav' is no name of a file" in result.failures[0]
    assert (tmp_path / "victim.wav").read_text() == "precious" and sorted(names(tmp_path)) == ["a.wav", "victim.wav"]


def forced(struct, **values):
    """A copy whose values nobody has checked, as of a version that checks less."""
    made = copy.copy(struct)
    for name, value in values.items():
        msgspec.structs.force_setattr(made, name, value)
    return made


def test_a_link_out_of_the_folder_is_not_followed(tmp_path, run):
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out/a").symlink_to(tmp_path / "elsewhere")
    [line] = run(write(tmp_path / "a.wav"), directory=tmp_path / "out", fails=True).failures
    assert "lies outside of" in line and names(tmp_path / "elsewhere") == []


def test_folder_is_the_one_that_was_given(tmp_path, run, monkeypatch):
    write(tmp_path / "store/1234/a.wav")
    (tmp_path / "album").symlink_to("store/1234")
    run(tmp_path / "album/a.wav", directory=tmp_path / "out", filename="{folder}/{stem}.{ext}")
    assert names(tmp_path / "out") == ["album/bass.wav", "album/vocals.wav"]
    monkeypatch.chdir(tmp_path / "album")
    run("a.wav", directory=tmp_path / "here", filename="{folder}/{stem}.{ext}")
    assert names(tmp_path / "here") == ["1234/bass.wav", "1234/vocals.wav"]  # where the shell stands, too
    output = StemOutput(tmp_path / "root", "{folder}/{track}/{stem}.{ext}")
    [audio], _ = find_inputs([tmp_path / "store/1234/a.wav"])
    object.__setattr__(audio, "path", type(audio.path)("/a.wav"))
    with pytest.raises(InputError, match=r"/a.wav: not separated, '' is no name"):
        output.path(audio, "vocals")


def test_suffix_and_index_tell_songs_apart(tmp_path, run):
    songs = [write(tmp_path / name) for name in ("song.wav", "song.flac", "b/song.wav")]
    assert len(run(*songs, directory=tmp_path / "one", fails=True).failures) == 2
    run(*songs[:2], directory=tmp_path / "two", filename="{track}.{suffix}/{stem}.{ext}")
    assert {name.split("/")[0] for name in names(tmp_path / "two")} == {"song.wav", "song.flac"}
    result = run(
        songs[0], tmp_path / "missing.wav", *songs[1:], directory=tmp_path / "three", filename="{index}-{stem}.{ext}"
    )
    assert {name.split("-")[0] for name in names(tmp_path / "three")} == {"1", "3", "4"}
    assert len(result.files) == 6 and all(path.exists() for path in result.files)


@pytest.mark.skipif(os.name == "nt" or os.uname().sysname == "Darwin", reason="file systems that check names")
@pytest.mark.parametrize("container", ["wav", "flac", "ogg", "mp3"])
@pytest.mark.parametrize("name", [b"caf\xe9", b"\xff\xfe", b"\x80", b"a\xc3", b"\xed\xa0\x80", b"tab\tname", b"a\nb"])
def test_names_that_are_no_utf8_are_separated(tmp_path, run, name, container):
    song, good = os.fsencode(tmp_path) + b"/songs/" + name + b".wav", write(tmp_path / "songs/good.wav", rate=44100)
    shutil.copy(os.fsencode(good), song)
    encoding = Encoding(container, clip="rescale")
    result = run(tmp_path / "songs", directory=tmp_path / "out", encoding=encoding, residual=True)
    assert result.separated == 2
    stems = sorted(os.listdir(os.fsencode(tmp_path) + b"/out/" + name))
    assert stems == [f"{stem}.{container}".encode() for stem in ("bass", "residual", "vocals")]


@pytest.mark.parametrize("length", [120, 249, 250])
def test_one_songs_error_is_one_songs(tmp_path, run, length):
    songs = [write(tmp_path / f"songs/{name}.wav") for name in ("a", "b" * length, "c", "d")]
    (tmp_path / "out").mkdir()
    (tmp_path / "out/c_bass.wav").mkdir()
    result = run(*songs, directory=tmp_path / "out", filename="{track}_{stem}.{ext}", overwrite=True, fails=True)
    long = [f"{'b' * length}_{stem}.wav" for stem in ("bass", "vocals")] if length < 200 else []
    assert names(tmp_path / "out") == ["a_bass.wav", "a_vocals.wav", *long, "d_bass.wav", "d_vocals.wav"]
    words = ["File name too long"] * (length > 200) + ["Is a directory"]
    assert len(result.failures) == len(words)
    assert all(line.endswith(word) for line, word in zip(result.failures, words, strict=True))
    assert not result.out_of_room


def test_what_blocks_a_folder_stops_one_song(tmp_path, run):
    songs = [write(tmp_path / f"s{number}.wav") for number in (1, 2, 3, 4)]
    (tmp_path / "out").mkdir()
    (tmp_path / "out/s2").write_text("keep")
    (tmp_path / "out/s3").symlink_to("s3")  # a loop
    result = run(*songs, directory=tmp_path / "out", fails=True)
    assert names(tmp_path / "out") == [f"{song}/{stem}.wav" for song in ("s1",) for stem in ("bass", "vocals")] + [
        "s2",
        "s4/bass.wav",
        "s4/vocals.wav",
    ]
    assert (tmp_path / "out/s2").read_text() == "keep" and len(result.failures) == 2


@pytest.mark.parametrize("bits", [16, 24])
@pytest.mark.parametrize("clip", ["rescale", "clamp"])
@pytest.mark.parametrize("residual", [False, True])
def test_consistent_stems_do_not_pay_for_the_mixtures_peaks(tmp_path, run, bits, clip, residual):
    mixture = 1.4 * np.sin(np.arange(4000) / 10).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", mixture, RATE, subtype="FLOAT")
    factors = {"bass": 0.5, "vocals": 0.5}  # each stays within full scale, and the mixture does not
    result = run(
        tmp_path / "a.wav",
        directory=tmp_path / "out",
        factors=factors,
        residual=residual,
        encoding=Encoding("wav", bits, clip=clip),
        options=SeparationOptions(consistency=True),
    )
    bass, vocals = (soundfile.read(tmp_path / f"out/a/{name}.wav")[0] for name in factors)
    step = 2.0 ** (1 - bits)
    assert abs(bass - vocals).max() <= 2 * step  # equal but for rounding, where clipping took 0.4 from the last
    gain = 1.0 if clip == "clamp" else (1 - 4 * step) / abs(mixture).max()
    assert abs(bass + vocals - gain * mixture).max() <= step + 1e-6
    if not residual:
        assert not any("clipped" in note for note in result.notes)
