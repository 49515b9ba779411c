"""A song and its stems in one `.stem.mp4`."""

import shutil

import numpy as np
import pytest
from mutagen.flac import FLAC, Picture
from mutagen.mp4 import MP4
from packed_songs import streams_of
from stem_files import RATE, names, png, write

from auralflow_core.audio import mp4, read
from auralflow_core.audio.encode import STEM_FILE, Encoding
from auralflow_core.audio.tags import read_tags
from auralflow_core.errors import InputError

pytestmark = pytest.mark.skipif(not shutil.which("ffmpeg") or not shutil.which("ffprobe"), reason="needs ffmpeg")
FOUR = {"bass": 0.5, "drums": -0.25, "other": 0.125, "vocals": 0.0625}


@pytest.mark.parametrize("channels", [1, 2])
def test_one_file_holds_the_song_and_its_stems(tmp_path, run, channels):
    path = write(tmp_path / "歌.wav", channels=channels, samples=20_001)
    result = run(path, directory=tmp_path / "out", factors=FOUR, encoding=Encoding(STEM_FILE, 24))
    assert names(tmp_path / "out") == ["歌.stem.mp4"] and result.files == [tmp_path / "out/歌.stem.mp4"]
    song, rate = read(path)
    assert rate == RATE
    streams = streams_of(result.files[0], channels)
    for found, factor in zip(streams, (1, FOUR["drums"], FOUR["bass"], FOUR["other"], FOUR["vocals"]), strict=True):
        np.testing.assert_array_equal(found, np.rint(song * factor * 2**23) / 2**23)
    # The song in it is separated anew, without the others.
    run(result.files[0], directory=tmp_path / "again", factors=FOUR, encoding=Encoding(bits=24))
    assert names(tmp_path / "again") == [f"歌/{stem}.wav" for stem in FOUR]
    np.testing.assert_array_equal(read(tmp_path / "again/歌/bass.wav")[0], streams[2])


def test_targets_and_the_residual_can_be_four(tmp_path, run):
    path = write(tmp_path / "song.wav")
    three = {"drums": 0.5, "bass": 0.25, "vocals": 0.125}
    [file] = run(path, directory=tmp_path / "out", factors=three, residual=True, encoding=Encoding(STEM_FILE, 16)).files
    assert mp4.stem_names(file) == ["Drums", "Bass", "Residual", "Vocals"]
    whole, *stems = streams_of(file, channels=1)
    np.testing.assert_array_equal(sum(stems), whole)  # as 16 bits do
    with pytest.raises(InputError, match=r"holds four stems, and 3 were to be written \(bass, drums, vocals\)"):
        run(path, directory=tmp_path / "none", factors=three, encoding=Encoding(STEM_FILE))
    assert not (tmp_path / "none").exists()


def test_tags_and_cover_are_the_songs(tmp_path, run):
    path = write(tmp_path / "song.flac", channels=2)
    file = FLAC(path)
    file.update(
        {"title": ["Größe"], "artist": ["One", "Two"], "tracknumber": ["3/9"], "bpm": ["128"], "mood": ["calm"]}
    )
    picture = Picture()
    picture.data, picture.mime, picture.type = png(), "image/png", 3
    file.add_picture(picture)
    file.save()
    [made] = run(path, directory=tmp_path / "out", factors=FOUR, encoding=Encoding(STEM_FILE)).files
    found = MP4(made)
    assert found["\xa9nam"] == ["Größe"] and found["\xa9ART"] == ["One", "Two"]  # pyright: ignore
    assert found["trkn"] == [(3, 9)] and found["tmpo"] == [128] and bytes(found["covr"][0]) == picture.data  # pyright: ignore
    assert read_tags(made).texts == read_tags(path).texts and read_tags(made).cover == picture.data
    assert mp4.stem_names(made) == ["Drums", "Bass", "Other", "Vocals"]
    [bare] = run(path, directory=tmp_path / "bare", factors=FOUR, encoding=Encoding(STEM_FILE), tags=False).files
    assert not read_tags(bare)
    file["tracknumber"] = ["A1"]
    file.save()
    result = run(path, directory=tmp_path / "out", factors=FOUR, encoding=Encoding(STEM_FILE), overwrite=True)
    assert not result.notes and "tracknumber" not in read_tags(made).texts and read_tags(made).texts["mood"] == ["calm"]


def test_names_of_files(tmp_path, run):
    path = write(tmp_path / "song.wav")
    stem_file = Encoding(STEM_FILE)
    run(path, directory=tmp_path / "a", factors=FOUR, encoding=stem_file, filename="{model}/{track}/{stem}.{ext}")
    run(path, directory=tmp_path / "b", factors=FOUR, encoding=stem_file, filename="x-{track}.{ext}")
    assert names(tmp_path / "a") == ["model/song.stem.mp4"] and names(tmp_path / "b") == ["x-song.stem.mp4"]
    for filename in ("{stem}.{ext}", "{stem}/{track}.{ext}"):
        with pytest.raises(InputError, match="one file holds all stems of a song as stem.mp4"):
            run(path, directory=tmp_path / "c", factors=FOUR, encoding=stem_file, filename=filename)
    song = tmp_path / "b/x-song.stem.mp4"  # which is not written over itself
    result = run(song, directory=tmp_path / "b", factors=FOUR, encoding=stem_file, overwrite=True, fails=True)
    assert "would be written over the files that they are made from" in result.failures[0]
