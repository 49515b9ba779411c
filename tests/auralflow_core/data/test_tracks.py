import os
import shutil

import numpy as np
import pytest
import soundfile
import soxr

from auralflow_core.data.crops import read_mixture, read_stems, track_samples
from auralflow_core.data.targets import expand_targets
from auralflow_core.data.tracks import find_tracks, scan_tracks
from auralflow_core.data.training import training_tracks
from auralflow_core.errors import InputError

STEMS = ("bass", "drums", "other", "vocals")


def write_track(folder, stems=STEMS, rate=8000, samples=4000, suffix="wav", mixture=False, channels=2, seed=0):
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    total = np.zeros((samples, channels))
    for stem in stems:
        audio = rng.uniform(-0.2, 0.2, (samples, channels))
        total += audio
        soundfile.write(folder / f"{stem}.{suffix}", audio, rate)
    if mixture:
        soundfile.write(folder / f"mixture.{suffix}", total, rate, subtype="PCM_24")


def test_tracks_are_found_with_any_stems(tmp_path):
    write_track(tmp_path / "train" / "B side", ("lead 2", "lead"), samples=6000, mixture=True)
    write_track(tmp_path / "train" / "A side", ("lead 2", "lead"), rate=16000, suffix="flac", channels=1)
    os.symlink(tmp_path / "train" / "A side", tmp_path / "train" / "linked")
    (tmp_path / "train" / ".hidden").mkdir()
    (tmp_path / "train" / "notes.txt").write_text("nothing")
    (tmp_path / "train" / "B side" / "cover.jpg").write_bytes(b"jpg")
    (tmp_path / "train" / "B side" / "._lead.wav").write_bytes(b"no audio")
    first, second, third = find_tracks(tmp_path, "train")
    assert (first.name, second.name, third.name) == ("A side", "B side", "linked")
    assert list(first.stems) == list(second.stems) == ["lead", "lead 2"]
    assert second.stems["lead"] == tmp_path / "train" / "B side" / "lead.wav"
    assert first.mixture is None and second.mixture == tmp_path / "train" / "B side" / "mixture.wav"
    assert (first.sample_rate, first.channels, first.samples, first.seconds) == (16000, 1, 4000, 0.25)
    assert (second.sample_rate, second.channels, second.samples, second.seconds) == (8000, 2, 6000, 0.75)
    assert track_samples(second, 11025) == 8269  # 8268.75, rounded up


def test_a_folder_that_cannot_be_read_is_one_tracks_fault(tmp_path):
    for name in ("a", "b"):
        write_track(tmp_path / "train" / name)
    locked = tmp_path / "train" / "b"
    locked.chmod(0)
    try:
        if os.access(locked, os.R_OK):
            pytest.skip("root reads everything")
        scan = scan_tracks(tmp_path, "train")
    finally:
        locked.chmod(0o755)
    assert [track.name for track in scan.tracks] == ["a"]
    assert scan.problems == {locked: [f"{locked}: cannot be read: Permission denied"]}


def test_a_faulty_track_does_not_say_which_stems_others_need(tmp_path):
    for name in ("one", "other"):
        write_track(tmp_path / "test" / name)
    (tmp_path / "test/one/extra.wav").write_text("no audio")
    scan = scan_tracks(tmp_path, "test")
    assert [track.name for track in scan.tracks] == ["other"] and list(scan.problems) == [tmp_path / "test/one"]


def test_all_faults_are_in_one_report(tmp_path):
    train = tmp_path / "train"
    for name in ("a", "b", "c", "d", "e", "f"):
        write_track(train / name)
    (train / "a" / "bass.wav").unlink()
    soundfile.write(train / "b" / "drums.wav", np.zeros((9001, 2)), 8000)
    soundfile.write(train / "b" / "other.wav", np.zeros((4000, 2)), 9000)
    (train / "c" / "vocals.wav").write_bytes(b"")
    data = (train / "d" / "vocals.wav").read_bytes()
    (train / "d" / "vocals.wav").write_bytes(data[: len(data) // 2])
    shutil.rmtree(train / "e")
    (train / "e").mkdir()
    soundfile.write(train / "f" / "vocals.wav", np.zeros((4000, 6)), 8000)
    write_track(train / "g", suffix="flac")
    soundfile.write(train / "g" / "bass.wav", np.zeros((4000, 2)), 8000)
    with pytest.raises(InputError) as error:
        find_tracks(tmp_path, "train")
    head, *lines = str(error.value).split("\n")
    assert head == f"{train}: 8 problems, nothing was read"
    for line, (name, words) in zip(
        lines,
        [
            ("a", "lacks the stem 'bass'"),
            ("b/drums.wav", "has 9001 samples at 8000 Hz, other files of the track 4000 at 8000 Hz"),
            ("b/other.wav", "has 4000 samples at 9000 Hz"),
            ("c/vocals.wav", "is empty (0 bytes)"),
            ("d/vocals.wav", "truncated"),
            ("e", "holds no stems"),
            ("f/vocals.wav", "has 6 channels"),
            ("g/bass.wav", "a second file for 'bass', next to bass.flac"),
        ],
        strict=True,
    ):
        assert line.startswith(f"  {train}/{name}: ") and words in line


def test_a_stem_of_one_track_only(tmp_path):
    for name in ("a", "b", "c"):
        write_track(tmp_path / "train" / name)
    soundfile.write(tmp_path / "train" / "b" / "kazoo.wav", np.zeros((4000, 2)), 8000)
    with pytest.raises(InputError, match="1 problem, nothing was read\n.*b/kazoo.wav: is a stem that other tracks"):
        find_tracks(tmp_path, "train")


@pytest.mark.parametrize(("songs", "damaged"), [(["a"], "vocals"), (["a", "b"], "drums"), (["a", "b", "c"], "drums")])
def test_a_damaged_stem_is_one_problem_however_few_tracks_are_whole(tmp_path, songs, damaged):
    for name in songs:
        write_track(tmp_path / "train" / name)
    paths = [tmp_path / "train" / name / f"{damaged}.wav" for name in songs[:2]]
    for path in paths:
        path.write_bytes(b"")
    scan = scan_tracks(tmp_path, "train")
    assert list(scan.problems) == [path.parent for path in paths]
    for path, [line] in zip(paths, scan.problems.values(), strict=True):
        assert line.startswith(f"{path}: is empty (0 bytes)")
    assert [track.name for track in scan.tracks] == songs[2:]


def test_a_wrong_folder_is_told_from_the_right_one(tmp_path):
    dataset = tmp_path / "music"
    write_track(dataset / "train" / "song")
    (dataset / "test").mkdir()
    for path, split, words in [
        (tmp_path / "nowhere", "train", "nowhere: no such folder; expected <dataset>"),
        (dataset / "train", "train", f"is a split's folder, the dataset may be {dataset};"),
        (dataset / "train" / "song", "train", f"is a track's folder, the dataset may be {dataset};"),
        (dataset, "valid", r"has no folder 'valid' \(folders there: test, train\)"),
        (dataset, "test", "test: holds no track folders"),
        (dataset / "test", "train", "is a split's folder"),
    ]:
        with pytest.raises(InputError, match=words):
            find_tracks(path, split)


def test_a_validation_folder_is_used(tmp_path):
    write_track(tmp_path / "train" / "a")
    write_track(tmp_path / "valid" / "b")
    train, valid, note = training_tracks(tmp_path)
    assert [track.name for track in train] == ["a"] and [track.name for track in valid] == ["b"] and note is None
    (tmp_path / "valid" / "b" / "bass.wav").unlink()
    with pytest.raises(InputError, match="must be the same"):
        training_tracks(tmp_path)


def test_datasets_are_joined(tmp_path):
    for place in ("a/train/one", "a/train/two", "a/valid/three", "b/train/one", "b/train/four", "b/train/five"):
        write_track(tmp_path / place)
    a, b = tmp_path / "a", tmp_path / "b"
    train, valid, note = training_tracks([a, b])
    assert [track.path for track in train] == [track.path for track in [*training_tracks(a)[0], *training_tracks(b)[0]]]
    names = {track.path.relative_to(tmp_path).as_posix(): track.name for track in [*train, *valid]}
    assert names == {
        "a/train/one": "a-one",
        "a/train/two": "two",
        "a/valid/three": "three",
        "b/train/one": "b-one",
        "b/train/four": "four",
        "b/train/five": "five",
    }
    assert note == training_tracks(b)[2] and [track.dataset for track in train] == [a, a, b, b]
    assert [track.name for track in training_tracks([a, b], max_num_tracks=1)[0]] == ["a-one", train[2].name]
    with pytest.raises(InputError, match="are not all different"):
        training_tracks([a, b, tmp_path / "b" / ".." / "a"])
    for name in ("one", "four", "five"):
        (tmp_path / "b/train" / name / "bass.wav").unlink()
    with pytest.raises(InputError, match=r"the stems of .*a \(bass, .*and of .*b \(.*must be the same"):
        training_tracks([a, b])


def test_whole_tracks_are_set_aside_by_name(tmp_path):
    def split(names, **options):
        for name in names:
            if not (tmp_path / "train" / name).exists():
                write_track(tmp_path / "train" / name, ("bass", "vocals"), samples=10)
        return training_tracks(tmp_path, **options)

    with pytest.raises(InputError, match=r"train has a single track \(song 0\).*add a second track"):
        split(["song 0"])
    train, valid, note = split(["song 0", "song 1"])
    assert len(train) == len(valid) == 1
    train, valid, note = split([f"song {i}" for i in range(20)])
    before = {track.name for track in valid}
    assert len(before) == 3 and not before & {track.name for track in train} and len(train) == 17
    assert note and "3 of its 20 training tracks" in note and all(name in note for name in before)
    assert [track.name for track in training_tracks(tmp_path)[1]] == sorted(before)
    assert len(training_tracks(tmp_path, fraction=0.99)[0]) == 1
    few = training_tracks(tmp_path, max_num_tracks=2)
    assert few[0] == train[:2] and few[1] == valid
    after = {track.name for track in split([f"song {i}" for i in range(21)])[1]}
    assert len(before & after) >= 2


def test_targets_are_stems_sources_or_accompaniment():
    sources = {"rhythm": ("bass", "drums"), "vocals": ("bass",), "wrong": ("vocal",), "empty": ()}
    assert expand_targets(["vocals", "rhythm", "accompaniment"], STEMS, sources) == {
        "vocals": ("vocals",),
        "rhythm": ("bass", "drums"),
        "accompaniment": ("bass", "drums", "other"),
    }
    assert expand_targets(["accompaniment"], ["accompaniment", "vocals"], {}) == {"accompaniment": ("accompaniment",)}
    assert expand_targets(["accompaniment"], STEMS, {"accompaniment": ("bass",)}) == {"accompaniment": ("bass",)}
    for target, words in {
        "vocls": "unknown target 'vocls'; did you mean 'vocals'",
        "empty": "sum of no stems",
        "wrong": "'wrong' has unknown stem 'vocal'; did you mean 'vocals'",
    }.items():
        with pytest.raises(InputError, match=words):
            expand_targets([target], STEMS, sources)
    with pytest.raises(InputError, match="unknown target 'accompaniment'"):
        expand_targets(["accompaniment"], ["bass", "drums"], {})


@pytest.mark.parametrize(
    "file_rate, rate", [(22050, 44100), (48000, 44100), (44100, 16000), (44100, 8000), (8000, 8000)]
)
def test_a_resampled_crop_is_a_slice_of_the_resampled_whole(tmp_path, file_rate, rate):
    write_track(tmp_path / "train" / "a", ("vocals",), file_rate, 2 * file_rate + 77)
    track = find_tracks(tmp_path, "train")[0]
    audio = soundfile.read(track.stems["vocals"], dtype="float32")[0]
    whole = soxr.resample(audio, file_rate, rate, quality="VHQ").T if rate != file_rate else audio.T
    length = track_samples(track, rate)
    assert 0 <= length - whole.shape[1] <= 1
    for start in (0, 1, 997, rate, length - 700):
        crop = read_stems(track, ["vocals"], start, 600, rate, 2)
        assert crop.shape == (1, 2, 600) and crop.dtype == np.float32
        np.testing.assert_allclose(crop[0], whole[:, start : start + 600], atol=1e-6)
    end = read_stems(track, ["vocals"], length - 100, 600, rate, 1)[0]
    np.testing.assert_allclose(end[0, :99], whole.mean(axis=0)[length - 100 : length - 1], atol=1e-6)
    assert not end[0, 100:].any() and end.shape == (1, 600)
    assert not read_stems(track, ["vocals"], length + 5, 30, rate, 2).any()


def test_the_mixture_is_its_file_or_the_sum_of_all_stems(tmp_path):
    write_track(tmp_path / "train" / "a", mixture=True)
    with_file = find_tracks(tmp_path, "train")[0]
    mixture = read_mixture(with_file, 100, 50, 8000, 2)
    np.testing.assert_array_equal(mixture, soundfile.read(with_file.mixture, dtype="float32")[0].T[:, 100:150])
    with_file.mixture.unlink()
    without = find_tracks(tmp_path, "train")[0]
    np.testing.assert_allclose(read_mixture(without, 100, 50, 8000, 2), mixture, atol=4.5 * 2**-15)
    stems = read_stems(without, ["vocals", "bass"], 0, 10, 8000, 2)
    np.testing.assert_array_equal(stems[1], soundfile.read(without.stems["bass"], dtype="float32")[0].T[:, :10])


def test_real_music_is_the_sum_of_its_stems():
    if not (music := os.environ.get("AURALFLOW_TEST_MUSIC")):
        pytest.skip("AURALFLOW_TEST_MUSIC names no folder of real music")
    train, valid, _ = training_tracks(music)
    assert {track.name for track in train}.isdisjoint(track.name for track in valid)
    for track in [*train, *valid]:
        crop = (10 * track.sample_rate, 2 * track.sample_rate, track.sample_rate, 2)
        np.testing.assert_allclose(
            read_stems(track, track.stems, *crop).sum(axis=0),
            read_mixture(track, *crop),
            atol=len(track.stems) * 2**-15,
        )


def test_files_of_a_few_samples_more_or_less_are_cut_or_padded(tmp_path):
    write_track(tmp_path / "train" / "a")
    longer, shorter = (np.full((samples, 2), 0.25) for samples in (4100, 3900))
    soundfile.write(tmp_path / "train" / "a" / "bass.wav", longer, 8000)
    soundfile.write(tmp_path / "train" / "a" / "drums.wav", shorter, 8000)
    [track] = find_tracks(tmp_path, "train")
    assert track.samples == 4000 and sorted(track.lengths.values()) == [3900, 4100]
    bass, drums = read_stems(track, ["bass", "drums"], 3800, 400, 8000, 1)[:, 0]
    np.testing.assert_array_equal(bass, [0.25] * 200 + [0] * 200)
    np.testing.assert_array_equal(drums, [0.25] * 100 + [0] * 300)


def test_what_lies_around_is_passed_over_and_links_that_lead_nowhere_are_named(tmp_path):
    write_track(tmp_path / "train" / "a")
    write_track(tmp_path / "train" / "__MACOSX" / "a")
    write_track(tmp_path / "train" / "b")
    (tmp_path / "train" / "b" / "drums.wav").unlink()
    (tmp_path / "train" / "b" / "drums.wav").symlink_to(tmp_path / "elsewhere.wav")
    (tmp_path / "train" / "c").symlink_to("gone")
    scan = scan_tracks(tmp_path, "train")
    assert [track.name for track in scan.tracks] == ["a"]
    lines = [line for found in scan.problems.values() for line in found]
    assert lines == [
        f"{tmp_path}/train/c: is a link to gone, which does not exist",
        f"{tmp_path}/train/b/drums.wav: is a link to {tmp_path}/elsewhere.wav, which does not exist",
    ]


def test_a_folder_for_each_stem(tmp_path):
    for split in ("train", "valid"):
        for song in ("one", "two"):
            write_track(tmp_path / "songs" / split / song, mixture=True, seed=len(song + split))
            for file in (tmp_path / "songs" / split / song).iterdir():
                (tmp_path / "stems" / split / file.stem).mkdir(parents=True, exist_ok=True)
                shutil.copy(file, tmp_path / "stems" / split / file.stem / f"{song}.wav")
    by_song, by_stem = (training_tracks(tmp_path / name) for name in ("songs", "stems"))
    assert [[track.label for track in tracks] for tracks in by_stem[:2]] == [
        ["train/one", "train/two"],
        ["valid/one", "valid/two"],
    ]
    for one, other in zip(by_song[0] + by_song[1], by_stem[0] + by_stem[1], strict=True):
        assert one.name == other.name and list(one.stems) == list(other.stems) and other.dataset.name == "stems"
        np.testing.assert_array_equal(
            read_stems(one, one.stems, 0, 4000, 8000, 2), read_stems(other, other.stems, 0, 4000, 8000, 2)
        )
