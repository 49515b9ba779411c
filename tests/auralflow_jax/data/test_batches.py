"""Batches of training crops and of validation segments, on one host and on several."""

import threading

import numpy as np
import pytest
from msgspec.structs import replace
from ramp_tracks import CROP, assert_equal, first, make_config, origin, write_track

from auralflow_core.config import Config
from auralflow_core.data.tracks import find_tracks
from auralflow_core.errors import InputError
from auralflow_jax.data import batches
from auralflow_jax.data.batches import training_batches, validation_batches
from auralflow_jax.data.crops import TrainingCrops, ValidationSegments


def test_shapes_and_origins_without_remixing(tracks):
    for batch in first(20, tracks, make_config()):
        assert {key: (value.shape, value.dtype) for key, value in batch.items()} == {
            "mixture": ((4, 1, CROP), np.float32),
            "targets": ((4, 3, 1, CROP), np.float32),
            "tracks": ((4, 3), np.int32),
        }
        songs, stems, starts = origin(batch["targets"][:, :, 0])
        np.testing.assert_array_equal(stems, np.tile([0, 1, 2], (4, 1)))
        np.testing.assert_array_equal(songs, batch["tracks"])
        assert (songs == songs[:, :1]).all() and (starts == starts[:, :1]).all()
        np.testing.assert_allclose(batch["mixture"], batch["targets"].sum(axis=1), rtol=1e-6)


def test_a_batch_depends_on_seed_and_step_alone(tracks, monkeypatch):
    config = make_config(remix=True, gain_db=6, flip_polarity=True)
    whole = first(6, tracks, config)
    for batch, other in zip(whole[3:], first(3, tracks, config, start_step=3), strict=True):
        assert_equal(batch, other)
    assert not np.array_equal(whole[0]["mixture"], whole[1]["mixture"])
    other_seed = first(1, tracks, make_config(remix=True, gain_db=6, flip_polarity=True, seed=1))[0]
    assert not np.array_equal(whole[0]["mixture"], other_seed["mixture"])
    monkeypatch.setattr(batches, "THREADS", 1)
    for batch, other in zip(whole, first(6, tracks, config), strict=True):
        assert_equal(batch, other)


def test_worker_processes_change_nothing(tracks):
    config = make_config(remix=True, gain_db=6)
    workers = Config(model=config.model, dataset=replace(config.dataset, num_workers=2), training=config.training)
    for batch, other in zip(
        first(5, tracks, config, start_step=1), first(5, tracks, workers, start_step=1), strict=True
    ):
        assert_equal(batch, other)


@pytest.mark.parametrize("count", [2, 4])
def test_hosts_share_a_batch(tracks, count):
    config = make_config(remix=True, gain_db=6)
    whole = first(3, tracks, config)
    parts = [first(3, tracks, config, process=(index, count)) for index in range(count)]
    for step, batch in enumerate(whole):
        assert_equal(batch, {key: np.concatenate([part[step][key] for part in parts]) for key in batch})


def test_a_batch_that_hosts_cannot_share(tracks):
    with pytest.raises(InputError, match="batch_size: 4 cannot be shared out among 3 hosts"):
        training_batches(TrainingCrops(tracks, make_config()), process=(0, 3))
    with pytest.raises(InputError, match="list of tracks is empty"):
        TrainingCrops([], make_config())
    with pytest.raises(InputError, match="unknown target 'vocal'; did you mean 'vocals'"):
        TrainingCrops(tracks, make_config(targets=("vocal",)))


def test_closing_stops_the_threads(tracks):
    before = set(threading.enumerate())
    iterator = training_batches(TrainingCrops(tracks, make_config()))
    next(iterator)
    readers = set(threading.enumerate()) - before
    assert readers
    iterator.close()
    for thread in readers:
        thread.join(timeout=10)
        assert not thread.is_alive()


def test_a_file_that_vanishes_is_named(tmp_path):
    write_track(tmp_path / "train" / "a", 0, 4000)
    tracks = find_tracks(tmp_path, "train")
    tracks[0].stems["drums"].unlink()
    with pytest.raises(InputError, match="drums.wav: no such file"):
        first(1, tracks, make_config())


def test_validation_covers_each_track_once(tracks):
    config = make_config(("vocals",), sample_length=0.4, batch_size=5)  # 3200 samples: 2 + 3 + 4 segments
    segments = list(validation_batches(ValidationSegments(tracks, config), batch_size=4))
    assert [batch["mixture"].shape for batch in segments] == [(4, 1, 3200)] * 3
    assert [batch["targets"].shape for batch in segments] == [(4, 1, 1, 3200)] * 3
    flat = {key: np.concatenate([batch[key] for batch in segments]) for key in segments[0]}
    assert flat["track"].dtype == np.int32 and flat["weight"].dtype == np.float32
    np.testing.assert_array_equal(flat["track"], [0, 0, 1, 1, 1, 2, 2, 2, 2, 0, 0, 0])
    np.testing.assert_allclose(flat["weight"], [1, 0.25, 1, 1, 0.5, 1, 1, 1, 0.75, 0, 0, 0])
    for song, samples in enumerate((4000, 8000, 12000)):
        mine = (flat["track"] == song) & (flat["weight"] > 0)
        ramp = np.arange(samples) * 2.0**-20
        padding = [0] * (mine.sum() * 3200 - samples)
        np.testing.assert_array_equal(flat["targets"][mine].ravel(), [*(3 * song + 2 + ramp), *padding])
        np.testing.assert_allclose(flat["mixture"][mine].ravel(), [*(9 * song + 3 + 3 * ramp), *padding], rtol=1e-6)
    assert not flat["mixture"][9:].any() and not flat["targets"][9:].any()


def test_validation_of_an_excerpt_on_several_hosts(tracks):
    config = make_config(sample_length=0.2, validation_length=0.3)  # 1600 of 2400 samples
    whole = list(validation_batches(ValidationSegments(tracks, config), batch_size=4))
    assert [batch["weight"].tolist() for batch in whole] == [[1, 0.5, 1, 0.5], [1, 0.5, 0, 0]]
    assert not whole[0]["mixture"][1, :, 800:].any() and not whole[0]["targets"][1, ..., 800:].any()
    parts = [list(validation_batches(ValidationSegments(tracks, config), 4, process=(index, 2))) for index in range(2)]
    assert len(parts[0]) == len(parts[1]) == 2
    for step, batch in enumerate(whole):
        assert_equal(batch, {key: np.concatenate([part[step][key] for part in parts]) for key in batch})
    with pytest.raises(InputError, match="cannot be shared out among 3 hosts"):
        validation_batches(ValidationSegments(tracks, config), 4, process=(0, 3))
