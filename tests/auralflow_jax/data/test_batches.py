import contextlib
import itertools
import threading

import numpy as np
import pytest
import soundfile
from msgspec.structs import replace

from auralflow_core.config import Config, DatasetConfig, SpectrogramNetSimple, TrainingConfig
from auralflow_core.data.tracks import find_tracks
from auralflow_core.errors import InputError
from auralflow_jax.data import batches, crops
from auralflow_jax.data.batches import training_batches, validation_batches
from auralflow_jax.data.crops import TrainingCrops, ValidationSegments, drawing_chances, epoch_samples

RATE = 8000
CROP = 1000
STEMS = ("bass", "drums", "vocals")
PLAIN = DatasetConfig(sample_length=CROP / RATE, remix=False, gain_db=0, flip_polarity=False, swap_channels=False)


def make_config(targets=("bass", "drums", "vocals"), channels=1, batch_size=4, seed=0, **dataset):
    model = SpectrogramNetSimple(
        targets=targets,
        num_channels=channels,
        sample_rate=RATE,
        num_fft=512,
        window_size=512,
        hop_length=128,
        num_bins=257,
    )
    return Config(
        model=model, dataset=replace(PLAIN, **dataset), training=TrainingConfig(batch_size=batch_size, seed=seed)
    )


def write_track(folder, number, samples, stems=STEMS):
    """Every value tells where it is from: 3 * track + stem, plus the sample in units of 2^-20."""
    folder.mkdir(parents=True)
    for index, stem in enumerate(stems):
        ramp = 3 * number + index + np.arange(samples) * 2.0**-20
        soundfile.write(folder / f"{stem}.wav", ramp, RATE, subtype="FLOAT")


def origin(values):
    """The inverse of `write_track`: track, stem, and sample of the first value; checks that samples follow."""
    number = np.floor(values[..., 0])
    starts = np.rint((values[..., 0] - number) * 2**20)
    steps = np.rint((values - number[..., None]) * 2**20) - starts[..., None]
    np.testing.assert_array_equal(steps, np.broadcast_to(np.arange(values.shape[-1]), values.shape))
    return number // 3, number % 3, starts


def first(number, tracks, config, **options):
    with contextlib.closing(training_batches(TrainingCrops(tracks, config), **options)) as iterator:
        return list(itertools.islice(iterator, number))


def assert_equal(batch, other):
    assert batch.keys() == other.keys()
    for key in batch:
        np.testing.assert_array_equal(batch[key], other[key])


@pytest.fixture(scope="module")
def tracks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dataset")
    for number, samples in enumerate((4000, 8000, 12000)):
        write_track(folder / "train" / f"song {number}", number, samples)
    return find_tracks(folder, "train")


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


def test_remixing_draws_every_stem_on_its_own(tracks):
    drawn = [origin(batch["targets"][:, :, 0]) for batch in first(50, tracks, make_config(remix=True))]
    songs, stems, starts = (np.concatenate(part) for part in zip(*drawn, strict=True))
    np.testing.assert_array_equal(stems, np.tile([0, 1, 2], (200, 1)))
    # The tracks' shares of the duration are 1/6, 1/3 and 1/2; three stems agree with the sum of their cubes.
    together = (songs == songs[:, :1]).all(axis=1).mean()
    expected = (1 / 6) ** 3 + (1 / 3) ** 3 + (1 / 2) ** 3
    assert abs(together - expected) < 4 * np.sqrt(expected * (1 - expected) / 200)
    assert (starts != starts[:, :1]).any(axis=1).mean() > 0.98


def test_every_second_is_equally_likely(tracks):
    drawn = [origin(batch["targets"][:, 0, 0]) for batch in first(200, tracks, make_config())]
    songs, _, starts = (np.concatenate(part) for part in zip(*drawn, strict=True))
    for song, (share, samples) in enumerate([(1 / 6, 4000), (1 / 3, 8000), (1 / 2, 12000)]):
        assert abs((songs == song).mean() - share) < 4 * np.sqrt(share * (1 - share) / 800)
        mine = starts[songs == song] / (samples - CROP)
        assert 0 <= mine.min() < 0.05 and 0.95 < mine.max() <= 1
        assert abs(mine.mean() - 0.5) < 4 / np.sqrt(12 * len(mine))


def test_datasets_are_drawn_from_as_often_as_their_shares_say(tracks, tmp_path):
    for number, samples in ((3, 40000), (4, 10000)):
        write_track(tmp_path / "train" / f"song {number}", number, samples)
    both = [*tracks, *find_tracks(tmp_path, "train")]
    # The first dataset's tracks last 0.5, 1 and 1.5 s, the second's 5 and 1.25 s.
    expected = 0.6 * np.array([1 / 6, 1 / 3, 1 / 2, 0, 0]) + 0.4 * np.array([0, 0, 0, 0.8, 0.2])
    np.testing.assert_allclose(drawing_chances(both, (3, 2)), expected, rtol=1e-12)
    np.testing.assert_allclose(drawing_chances(both, ()), np.array([0.5, 1, 1.5, 5, 1.25]) / 9.25, rtol=1e-12)
    songs = np.concatenate([batch["tracks"][:, 0] for batch in first(200, both, make_config(shares=(3.0, 2.0)))])
    counts = np.bincount(songs, minlength=5) / 800
    assert (abs(counts - expected) < 4 * np.sqrt(expected * (1 - expected) / 800)).all()
    with pytest.raises(InputError, match=r"dataset.shares is 1.0, 2.0, 3.0; one number for each dataset is expected, "):
        first(1, both, make_config(shares=(1.0, 2.0, 3.0)))


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


def test_augmentations_act_on_stems_before_sums(tracks):
    plain = first(5, tracks, make_config())
    augmented = first(5, tracks, make_config(gain_db=6, flip_polarity=True))
    sums = first(5, tracks, make_config(("accompaniment", "vocals"), gain_db=6, flip_polarity=True))
    for before, stems, targets in zip(plain, augmented, sums, strict=True):
        np.testing.assert_array_equal(before["tracks"], stems["tracks"])
        gains = stems["targets"][..., 1:] / before["targets"][..., 1:]
        np.testing.assert_allclose(gains, np.broadcast_to(gains[..., :1], gains.shape), rtol=1e-5)
        assert (np.abs(20 * np.log10(np.abs(gains))) < 6.001).all() and len(np.unique(gains[..., 0].round(4))) == 12
        np.testing.assert_allclose(targets["targets"][:, 0], stems["targets"][:, :2].sum(axis=1), atol=1e-5)
        np.testing.assert_array_equal(targets["targets"][:, 1], stems["targets"][:, 2])
        np.testing.assert_allclose(targets["mixture"], stems["targets"].sum(axis=1), atol=1e-5)


def test_channels_are_swapped_in_stereo_only(tmp_path):
    (tmp_path / "train" / "a").mkdir(parents=True)
    for stem in STEMS:
        soundfile.write(tmp_path / "train" / "a" / f"{stem}.wav", np.tile([0.25, -0.5], (4000, 1)), RATE)
    tracks = find_tracks(tmp_path, "train")
    config = make_config(channels=2, swap_channels=True)
    stereo = np.concatenate([batch["targets"] for batch in first(10, tracks, config)])
    assert stereo.shape == (40, 3, 2, CROP)
    kept, swapped = ((stereo[:, :, 0, 0] == value).mean() for value in (0.25, -0.5))
    assert kept + swapped == 1 and abs(kept - 0.5) < 4 * 0.5 / np.sqrt(120)
    np.testing.assert_array_equal(stereo.sum(axis=2), -0.25)
    mono = first(1, tracks, make_config(swap_channels=True))[0]
    np.testing.assert_array_equal(mono["targets"], -0.125)


def test_the_mixture_file_is_read_where_it_fits_the_targets(tmp_path):
    write_track(tmp_path / "train" / "a", 0, 4000)
    soundfile.write(tmp_path / "train" / "a" / "mixture.wav", 9 + np.arange(4000) * 2.0**-20, RATE, subtype="FLOAT")
    tracks = find_tracks(tmp_path, "train")
    plain = first(1, tracks, make_config())[0]
    _, _, starts = origin(plain["targets"][:, 0, 0])
    np.testing.assert_array_equal(origin(plain["mixture"][:, 0])[2], starts)
    assert (np.floor(plain["mixture"]) == 9).all()
    for changes in ({"remix": True}, {"gain_db": 1.0}, {"flip_polarity": True}):
        batch = first(1, tracks, make_config(**changes))[0]
        np.testing.assert_allclose(batch["mixture"], batch["targets"].sum(axis=1), atol=1e-5)


@pytest.mark.parametrize("remix", [False, True])
def test_silent_crops_are_drawn_again(tmp_path, monkeypatch, remix):
    (tmp_path / "train" / "a").mkdir(parents=True)
    for stem in STEMS:
        audio = np.random.default_rng(0).uniform(-0.5, 0.5, 20000)
        audio[10000:] *= stem != "vocals"
        soundfile.write(tmp_path / "train" / "a" / f"{stem}.wav", audio, RATE)
    tracks = find_tracks(tmp_path, "train")
    config = make_config(("vocals",), remix=remix)
    # Of all places 9001 in 19001 are silent; eleven of them in a row come once in 3700 crops.
    silent = [~batch["targets"].any(axis=(1, 2, 3)) for batch in first(50, tracks, config)]
    assert np.sum(silent) <= 2
    monkeypatch.setattr(crops, "MAX_REDRAWS", 0)
    silent = [~batch["targets"].any(axis=(1, 2, 3)) for batch in first(50, tracks, config)]
    assert abs(np.mean(silent) - 9001 / 19001) < 4 * 0.5 / np.sqrt(200)


def test_a_set_that_is_all_silent_is_read_all_the_same(tmp_path):
    (tmp_path / "train" / "a").mkdir(parents=True)
    soundfile.write(tmp_path / "train" / "a" / "vocals.wav", np.zeros(4000), RATE)
    soundfile.write(tmp_path / "train" / "a" / "bass.wav", np.full(4000, 0.5), RATE)
    batch = first(1, find_tracks(tmp_path, "train"), make_config(("vocals",)))[0]
    assert not batch["targets"].any() and (batch["mixture"] == 0.5).all()


def test_short_tracks_end_in_silence(tmp_path):
    write_track(tmp_path / "train" / "a", 1, 300)
    batch = first(1, find_tracks(tmp_path, "train"), make_config())[0]
    np.testing.assert_array_equal(origin(batch["targets"][:, :, 0, :300])[2], 0)
    assert not batch["targets"][..., 300:].any() and not batch["mixture"][..., 300:].any()


def test_other_formats_rates_and_channels(tmp_path):
    time = np.arange(22050 * 2) / 22050
    tone = 0.25 * np.sin(2 * np.pi * 441 * time)
    for container in ("flac", "ogg", "mp3", "wav"):
        (tmp_path / "train" / container).mkdir(parents=True)
        for stem, gain in (("bass", 0.0), ("vocals", 1.0)):
            soundfile.write(tmp_path / "train" / container / f"{stem}.{container}", gain * tone, 22050)
    tracks = find_tracks(tmp_path, "train")
    seen = set()
    for batch in first(8, tracks, make_config(("vocals",), channels=2)):
        np.testing.assert_allclose(batch["mixture"], batch["targets"][:, 0], atol=0.01)
        for song, crop in zip(batch["tracks"][:, 0], batch["targets"][:, 0], strict=True):
            seen.add(int(song))
            np.testing.assert_array_equal(crop[0], crop[1])
            # A sine of this frequency obeys x[n-1] + x[n+1] = 2 cos(w) x[n] at the model's rate.
            middle = crop[0, 50:-50]
            residual = middle[:-2] + middle[2:] - 2 * np.cos(2 * np.pi * 441 / RATE) * middle[1:-1]
            assert np.abs(residual).max() < 0.02 and 0.2 < np.abs(middle).max() < 0.3
    assert seen == {0, 1, 2, 3}


def test_an_epoch_covers_the_duration(tracks):
    assert epoch_samples(tracks, make_config()) == 24  # 3 s of crops of 0.125 s
    assert epoch_samples(tracks, make_config(sample_length=0.13)) == 24  # 23.08, rounded up
    assert epoch_samples(tracks, make_config(samples_per_epoch=7)) == 7
    assert make_config().crop_samples == CROP


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
