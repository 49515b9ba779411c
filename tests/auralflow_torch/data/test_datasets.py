"""`AudioDataset`: whole tracks in memory, in chunks."""

import numpy as np
import pytest
import torch
from numbered_songs import RATE, STEMS, place_of, places, samples_of
from torch.utils.data import DataLoader

from auralflow_core.data.tracks import find_tracks
from auralflow_core.errors import InputError
from auralflow_torch.data import AudioDataset, create_audio_dataset


def test_memory_holds_whole_tracks_in_chunks(songs, capfd):
    dataset = create_audio_dataset(
        songs, ["vocals", "drums"], chunk_size=0.5, num_chunks=1e3, sample_rate=RATE, mono=False
    )
    assert dataset.memory == 4 * 35000 * 2 * 3 == sum(x.nbytes for pair in dataset.audio for x in pair)
    assert capfd.readouterr().err == "Reading 3 tracks into 0.8 MB of memory.\n"
    assert len(dataset) == 1000 == sum(1 for _ in dataset)
    mixture, target = dataset[0]
    assert mixture.shape == (2, 4000) and target.shape == (2, 4000, 2) and target.is_contiguous()
    np.testing.assert_array_equal(target[..., 0], samples_of("a", "vocals")[:4000].T)
    np.testing.assert_array_equal(target[..., 1], samples_of("a", "drums")[:4000].T)
    np.testing.assert_allclose(mixture, sum(samples_of("a", stem) for stem in STEMS)[:4000].T, rtol=1e-6)
    last, short = dataset[-1][1][..., 0], samples_of("c", "vocals").T
    np.testing.assert_array_equal(last, np.pad(short, ((0, 0), (0, 1000))))
    with pytest.raises(IndexError):
        dataset[1000]


def test_chunks_are_spread_evenly(songs):
    def dataset(**settings):
        return create_audio_dataset(songs, ["vocals"], chunk_size=0.5, sample_rate=RATE, **settings)

    # As many chunks as there are places: each comes once.
    every = dataset(num_chunks=20001, max_num_tracks=1)
    assert [place_of(every[k][1]) for k in range(0, 20001, 97)] == [("a", k) for k in range(0, 20001, 97)]
    few = dataset(num_chunks=35)  # one for each 1000 samples of the tracks
    assert places(few) == [("a", k * 20001 // 24) for k in range(24)] + [("b", k * 4001 // 8) for k in range(8)] + 3 * [
        ("c", 0)
    ]
    many = dataset(num_chunks=1e6)
    assert len(many) == 10**6 and place_of(many[999_999][1]) == ("c", 0) and many.memory == few.memory


def test_a_chunk_may_be_changed(songs):
    dataset = create_audio_dataset(songs, ["vocals"], chunk_size=0.5, num_chunks=10, sample_rate=RATE)
    before = [tensor.clone() for tensor in dataset[3]]
    for tensor in dataset[3]:
        tensor.zero_()
    assert all(torch.equal(a, b) for a, b in zip(dataset[3], before, strict=True))


def test_tracks_can_be_limited_and_given(songs):
    first = create_audio_dataset(songs, "vocals", num_chunks=5, max_num_tracks=1, sample_rate=RATE)
    given = AudioDataset(find_tracks(songs, "train")[:1], ["vocals"], 1, 5, RATE)
    assert {track for track, _ in places(first)} == {"a"} and places(first) == places(given)


def test_loaders_shuffle_chunks_in_workers_and_pin_them(songs):
    dataset = create_audio_dataset(songs, ["vocals", "bass"], chunk_size=0.25, num_chunks=30, sample_rate=RATE)
    loader = DataLoader(dataset, batch_size=4, shuffle=True, num_workers=2, pin_memory=torch.cuda.is_available())
    batches = list(loader)
    assert batches[0][0].shape == (4, 1, 2000) and batches[0][1].shape == (4, 1, 2000, 2)
    found = [place_of(one) for _, target in batches for one in target]
    assert sorted(found) == sorted(places(dataset)) and found != places(dataset)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"num_chunks": 10.5}, "num_chunks is 10.5, expected a whole number of at least 1"),
        ({"num_chunks": 0}, "num_chunks is 0"),
        ({"chunk_size": -1}, "chunk_size is -1 s"),
        ({"max_num_tracks": 0}, "max_num_tracks is 0"),
        ({"split": "tset"}, "has no folder 'tset'"),
    ],
)
def test_a_dataset_in_memory_refuses_the_same(songs, settings, words):
    with pytest.raises(InputError, match=words):
        create_audio_dataset(songs, ["vocals"], sample_rate=RATE, **settings)


def test_too_much_for_the_memory_is_refused_before_reading(songs, monkeypatch):
    tracks = find_tracks(songs, "train")
    monkeypatch.setattr("auralflow_torch.data.datasets.read_pair", None)
    with pytest.raises(InputError, match=r"3 tracks would take 0\.3 MB of memory, 0\.2 MB are free; .*AudioFolder"):
        AudioDataset(tracks, ["vocals"], 1, 10, RATE, max_memory=200_000)
    with pytest.raises(InputError, match="list of tracks is empty"):
        AudioDataset([], ["vocals"])
