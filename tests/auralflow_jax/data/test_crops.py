"""Contents of training crops: places, shares, augmentations, silence, and files of every kind."""

import numpy as np
import pytest
import soundfile
from ramp_tracks import CROP, RATE, STEMS, first, make_config, origin, write_track

from auralflow_core.data.tracks import find_tracks
from auralflow_core.errors import InputError
from auralflow_jax.data import crops
from auralflow_jax.data.crops import drawing_chances, epoch_samples


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
