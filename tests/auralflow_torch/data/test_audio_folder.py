"""`AudioFolder`: random crops that are read from disk."""

import copy
import importlib
import pickle
import re

import numpy as np
import pytest
import soundfile
import soxr
import torch
from msgspec.structs import replace
from numbered_songs import LENGTHS, RATE, STEMS, folder, place_of, places, samples_of, write_songs
from torch.utils.data import DataLoader

from auralflow_core.errors import InputError
from auralflow_torch.data import AudioFolder


def test_a_crop_of_a_folder_is_the_files_content(songs):
    dataset = folder(
        songs,
        targets=["vocals", "accompaniment", "rhythm"],
        num_channels=2,
        sources={"rhythm": ["bass", "drums"]},
        samples_per_epoch=60,
    )
    tracks = set()
    for mixture, target in dataset:
        assert mixture.shape == (2, 4000) and target.shape == (2, 4000, 3)
        assert mixture.dtype == target.dtype == torch.float32 and mixture.is_contiguous() and target.is_contiguous()
        track, start = place_of(target + 0.25 / 2**20)
        tracks.add(track)
        parts = {stem: np.pad(samples_of(track, stem), ((0, 4000), (0, 0)))[start : start + 4000].T for stem in STEMS}
        np.testing.assert_array_equal(target[..., 0], parts["vocals"])
        np.testing.assert_array_equal(target[..., 1], parts["bass"] + parts["drums"])
        np.testing.assert_array_equal(target[..., 1], target[..., 2])
        np.testing.assert_allclose(mixture, sum(parts.values()), rtol=1e-6)
    assert tracks == {"a", "b", "c"}  # c is shorter than a crop


def test_tracks_are_drawn_by_duration_at_any_sample(songs):
    found = places(folder(songs, sample_length=0.25, samples_per_epoch=1500))
    shares = [sum(track == name for track, _ in found) / len(found) for name in LENGTHS]
    np.testing.assert_allclose(shares, np.array(list(LENGTHS.values())) / 35000, atol=0.06)
    starts = [start for track, start in found if track == "a"]
    assert min(starts) < 300 and max(starts) > 21700 and max(starts) <= 22000
    assert len({start % 8 for start in starts}) == 8
    counts = np.histogram(starts, bins=4, range=(0, 22001))[0]
    np.testing.assert_allclose(counts / len(starts), 0.25, atol=0.06)


def test_a_mixture_file_is_used_where_there_is_one(tmp_path):
    dataset = folder(write_songs(tmp_path, mixture=("a", "b", "c")), sample_length=0.25)
    mixture, target = next(iter(dataset))
    np.testing.assert_allclose(mixture, 0.25, atol=2**-15)
    assert mixture.shape == (1, 2000) and target.shape == (1, 2000, 1)


@pytest.mark.parametrize("rate", [4000, 11025])
def test_crops_are_resampled_as_whole_files_would_be(songs, rate):
    dataset = folder(songs, sample_rate=rate, sample_length=0.25, samples_per_epoch=20)
    whole = {
        track: soxr.resample(samples_of(track, "vocals").mean(1).astype(np.float32), RATE, rate, "VHQ")
        for track in LENGTHS
    }
    for _, target in dataset:
        crop = target[0, :, 0].numpy()
        value = target[:, 300:301] - 300 * RATE / rate / 2**20  # a ramp, away from the silence at its ends
        track, place = place_of(value)
        starts = range(max(0, place * rate // RATE - 2), place * rate // RATE + 3)
        candidates = [whole[track][start : start + len(crop)] for start in starts]
        middle = slice(250, min(map(len, candidates)) - 250)
        assert min(np.abs(crop[middle] - audio[middle]).max() for audio in candidates) < 2e-6


@pytest.mark.parametrize("persistent", [False, True])
def test_workers_share_a_pass_without_duplicates(songs, persistent):
    dataset = folder(songs, samples_per_epoch=41)
    loader = DataLoader(dataset, batch_size=4, num_workers=2, persistent_workers=persistent)
    dataset.set_epoch(3)
    shared = [place for _, target in loader for place in places((None, one) for one in target)]
    alone = places(dataset)
    assert len(set(alone)) >= 34 and sorted(shared) == sorted(alone)  # c, a short one, begins at 0 only
    dataset.set_epoch(4)
    again = [place for _, target in loader for place in places((None, one) for one in target)]
    assert sorted(again) == sorted(places(dataset)) and set(again) - {("c", 0)} != set(alone) - {("c", 0)}


@pytest.mark.parametrize("options", [{}, {"num_workers": 2}, {"num_workers": 2, "persistent_workers": True}])
def test_passes_differ_and_follow_torch_s_seed(songs, options):
    def two_passes():
        torch.manual_seed(7)
        loader = DataLoader(folder(songs), batch_size=None, **options)
        return [places(loader) for _ in range(2)]

    first, second = two_passes()
    assert first != second and len(first) == 40
    assert [first, second] == two_passes()


def test_epochs_are_a_function_of_seed_and_number(songs):
    dataset = folder(songs, seed=1)
    dataset.set_epoch(5)
    first = places(dataset)
    assert places(dataset) == first
    for other in (folder(songs, seed=2), folder(songs, seed=1)):
        other.set_epoch(5)
        assert (places(other) == first) == (other.seed == 1)


def test_a_pass_covers_the_tracks_duration_by_default(songs):
    folder = AudioFolder(songs, sample_length=0.5, sample_rate=RATE)
    assert len(folder) == 9  # 4.375 s
    with pytest.raises(InputError, match=r"has no item 0; next\(iter\(folder\)\) gives a crop"):
        folder[0]
    loader = DataLoader(AudioFolder(songs, sample_length=0.5, sample_rate=RATE), batch_size=2)
    assert len(loader) == len(list(loader)) == 5


def test_datasets_can_be_copied_and_sent(songs):
    dataset = folder(songs)
    dataset.set_epoch(1)
    for other in (copy.deepcopy(dataset), pickle.loads(pickle.dumps(dataset))):
        assert places(other) == places(dataset)


def test_only_files_of_the_format_count(tmp_path):
    write_songs(tmp_path)
    for track in LENGTHS:
        soundfile.write(tmp_path / "train" / track / "vocals.flac", np.full((LENGTHS[track], 2), 0.5), RATE)
    assert place_of(next(iter(folder(tmp_path, audio_format="wav")))[1])[0] in LENGTHS
    with pytest.raises(InputError, match="a second file for 'vocals'"):
        folder(tmp_path)
    with pytest.raises(InputError, match="vocals is all that its tracks hold"):
        folder(tmp_path, audio_format="flac", targets=["bass"])
    with pytest.raises(InputError, match=r"holds no stems, where audio files such as vocals\.ogg are expected"):
        folder(tmp_path, audio_format="ogg")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"targets": ["voclas"]}, "unknown target 'voclas'; did you mean 'vocals'"),
        ({"targets": []}, r"targets are \[\]; one or more"),
        ({"targets": ["bass", "bass"]}, "one or more different names"),
        ({"sample_length": 0}, "sample_length is 0 s"),
        ({"sample_length": float("nan")}, "sample_length is nan s"),
        ({"num_channels": 3}, r"num_channels is 3; 1 \(mono\) and 2 \(stereo\)"),
        ({"sample_rate": 0}, "sample_rate is 0, expected a whole number of at least 1"),
        ({"samples_per_epoch": 1.5}, "samples_per_epoch is 1.5, expected a whole number"),
        ({"backend": "sox"}, "unknown backend 'sox'; .*known: soundfile, torchaudio"),
        ({"subset": "test"}, "has no folder 'test'"),
    ],
)
def test_settings_that_cannot_be_are_refused(songs, settings, words):
    with pytest.raises(InputError, match=words):
        folder(songs, **settings)


@pytest.mark.parametrize("package", ["torchaudio", "torchcodec"])
def test_without_torchaudio_it_says_what_to_install(songs, monkeypatch, package):
    def missing(name):
        if name == package:
            raise ImportError(f"No module named {name!r}")
        return type("torchaudio", (), {"__version__": "2.11.0+cpu"})

    monkeypatch.setattr("auralflow_torch.optional.importlib.import_module", missing)
    with pytest.raises(ImportError, match=rf"pip install torchaudio torchcodec.*{package} cannot be imported"):
        folder(songs, backend="torchaudio")
    version = re.escape(torch.__version__)
    with pytest.raises(ImportError, match=f"builds for torch {version}"):
        folder(songs, backend="torchaudio")


def test_torchaudio_reads_the_same_crops(songs):
    for package in ("torchaudio", "torchcodec"):
        try:
            importlib.import_module(package)
        except (ImportError, OSError, RuntimeError) as error:
            pytest.skip(f"{package} cannot be imported: {str(error).splitlines()[0]}")
    ours, theirs = (folder(songs, backend=backend, samples_per_epoch=10) for backend in ("soundfile", "torchaudio"))
    for dataset in (ours, theirs):
        dataset.set_epoch(0)
    for a, b in zip(ours, theirs, strict=True):
        assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_ranks_divide_the_crops(songs, monkeypatch):
    dataset = folder(songs, samples_per_epoch=41)
    dataset.set_epoch(3)
    alone = places(dataset)
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    shares = []
    for rank in range(2):
        monkeypatch.setattr(torch.distributed, "get_rank", lambda rank=rank: rank)
        assert len(dataset) == 21
        sent = pickle.dumps(dataset)
        shares.append(places(dataset))
        with monkeypatch.context() as patch:  # a worker process, in which torch.distributed does not run
            patch.setattr(torch.distributed, "is_initialized", lambda: False)
            assert places(pickle.loads(sent)) == shares[-1]
    assert shares[0] == alone[::2] and shares[1][:-1] == alone[1::2]


def test_a_folder_follows_a_model(songs, tmp_path, tiny_config, capfd):
    config = replace(
        tiny_config,
        model=replace(tiny_config.model, targets=("drums", "vocals"), sample_rate=4000, num_channels=2),
        dataset=replace(tiny_config.dataset, sample_length=0.25, samples_per_epoch=7, exclude=("train/c", "valid/b")),
        training=replace(tiny_config.training, seed=5),
    )
    dataset = AudioFolder.for_model(config, songs)
    assert (dataset.targets, len(dataset), dataset.seed) == (["drums", "vocals"], 7, 5)
    assert [track.name for track in dataset.tracks] == ["a", "b"]
    mixture, target = next(iter(dataset))
    assert mixture.shape == (2, 1000) and target.shape == (2, 1000, 2)
    for path in write_songs(tmp_path, suffix="flac").glob("train/b/vocals.flac"):
        path.write_bytes(b"")
    assert [track.name for track in AudioFolder(tmp_path, sample_rate=RATE).tracks] == ["a", "c"]
    assert "Left out train/b: " in capfd.readouterr().err
