import inspect
import itertools
import shutil

import numpy as np
import pytest
import soundfile

from auralflow.songs import STEMS, make_song, make_songs
from auralflow.songs.dataset import make_new_songs
from auralflow.songs.instruments import KINDS, draw_timbre, play
from auralflow.songs.score import Note, bass_line, compose, melody
from auralflow.songs.synthesis import Frames, coloured_noise, limiter, oscillate, reverberate, smooth, wavetable
from auralflow.songs.voice import draw_singer, sing
from auralflow_core.errors import InputError
from auralflow_core.storage.staging import PREFIX

RATE = 22050


@pytest.fixture(scope="module")
def some_songs():
    return [make_song((1, index), 5.0, RATE) for index in range(8)]


def rms_db(signal):
    return 10 * np.log10(np.mean(np.square(signal, dtype=np.float64)))


def test_make_songs_writes_the_musdb_layout(tmp_path):
    seen = []
    folders = make_songs(tmp_path, tracks=3, seconds=2.5, sample_rate=RATE, progress=lambda *done: seen.append(done))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert [folder.relative_to(tmp_path).as_posix() for folder in folders] == [
        "train/song-0-000",
        "valid/song-0-001",
        "test/song-0-002",
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["test", "train", "valid"]
    for folder in folders:
        assert sorted(path.name for path in folder.iterdir()) == sorted(f"{n}.wav" for n in ("mixture", *STEMS))
        for path in folder.iterdir():
            info = soundfile.info(path)
            assert (info.subtype, info.channels, info.samplerate, info.frames) == ("PCM_16", 2, RATE, 55125)


def test_the_mixture_is_the_exact_sum_and_does_not_clip(tmp_path):
    for folder in make_songs(tmp_path, tracks=3, seconds=2, sample_rate=RATE, seed=5):
        whole = {
            name: soundfile.read(folder / f"{name}.wav", dtype="int16")[0].astype(int) for name in ("mixture", *STEMS)
        }
        np.testing.assert_array_equal(whole["mixture"], sum(whole[name] for name in STEMS))
        assert 3000 < np.abs(whole["mixture"]).max() < 32767


def test_a_song_depends_on_its_seed_and_number_alone(tmp_path):
    few = make_songs(tmp_path / "few", tracks=3, seconds=2, sample_rate=8000, seed=2)
    many = make_songs(tmp_path / "many", tracks=7, seconds=2, sample_rate=8000, seed=2)
    for one, other in zip(few, many, strict=False):
        assert one.relative_to(tmp_path / "few") == other.relative_to(tmp_path / "many")
        for path in one.iterdir():
            assert path.read_bytes() == (other / path.name).read_bytes()
    splits = [folder.parent.name for folder in many]
    assert (splits.count("train"), splits.count("valid"), splits.count("test")) == (5, 1, 1)


def test_songs_of_different_seeds_differ():
    first, second, third = make_song(0, 2, 8000), make_song(1, 2, 8000), make_song((0, 1), 2, 8000)
    for name in STEMS:
        assert not np.allclose(first[name], second[name], atol=1e-2)
        assert not np.allclose(second[name], third[name], atol=1e-2)


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_every_stem_sounds_in_the_shortest_songs_too(rate):
    for index in range(6):
        song = make_song((3, index), 2.0, rate)
        assert list(song) == list(STEMS)
        for name, stem in song.items():
            assert stem.shape == (2, 2 * rate) and stem.dtype == np.float32
            assert np.abs(stem).max() <= 0.97 + 1e-6 and rms_db(stem) > -45, name
        assert np.abs(sum(song.values())).max() <= 0.97 + 1e-6


def test_levels_are_those_of_mixes(some_songs):
    for song in some_songs:
        mixture = sum(song.values())
        assert -15 < rms_db(mixture) < -9.9
        assert -9 < rms_db(song["vocals"]) - rms_db(mixture - song["vocals"]) < 1


def test_stems_lie_where_their_instruments_do(some_songs):
    for song in some_songs:
        frequencies = np.fft.rfftfreq(song["bass"].shape[1], 1 / RATE)
        power = {name: np.mean(np.abs(np.fft.rfft(stem)) ** 2, axis=0) for name, stem in song.items()}
        share = {name: power[name][frequencies < 250].sum() / power[name].sum() for name in STEMS}
        assert share["bass"] > 0.7
        assert share["vocals"] < share["bass"] and share["other"] < share["bass"]
        high = {name: power[name][frequencies > 6000].sum() / power[name].sum() for name in STEMS}
        assert high["drums"] > 10 * high["bass"]


def test_songs_are_stereo_with_the_voice_in_the_middle(some_songs):
    def side(stem):
        return np.mean((stem[0] - stem[1]) ** 2) / np.mean((stem[0] + stem[1]) ** 2)

    assert np.median([side(song["other"]) for song in some_songs]) > 2e-2
    assert all(1e-5 < side(song["vocals"]) < 0.2 for song in some_songs)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"tracks": 2}, "tracks is 2, expected at least 3"),
        ({"seconds": 1.9}, "seconds is 1.9, expected at least 2"),
        ({"seconds": float("nan")}, "seconds is nan"),
        ({"sample_rate": 4000}, "sample_rate is 4000 Hz, expected at least 8000"),
        ({"sample_rate": 192000, "sound": "sampled"}, "sample_rate is 192000 Hz, expected at most 96000 for sampled"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_numbers_out_of_range_are_refused(tmp_path, arguments, words):
    with pytest.raises(InputError, match=words):
        make_songs(tmp_path / "songs", **arguments)
    assert not (tmp_path / "songs").exists()


def test_a_directory_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "songs").write_text("")
    with pytest.raises(InputError, match="songs.*cannot be written"):
        make_songs(tmp_path / "songs", tracks=3, seconds=2, sample_rate=8000)


def test_a_failure_leaves_no_half_track(tmp_path, monkeypatch):
    write, left = soundfile.write, [7]

    def failing(*arguments, **options):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(28, "No space left on device")
        write(*arguments, **options)

    monkeypatch.setattr(soundfile, "write", failing)
    with pytest.raises(OSError, match="No space left on device: .*song-0-001"):
        make_songs(tmp_path, tracks=3, seconds=2, sample_rate=8000)
    assert len(list(tmp_path.glob("train/song-0-000/*.wav"))) == 5
    assert not list((tmp_path / "valid").iterdir())
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_track_of_the_same_name_is_replaced(tmp_path):
    make_songs(tmp_path, tracks=3, seconds=2, sample_rate=8000)
    (tmp_path / "train/song-0-000/extra.wav").write_text("")
    folder = make_songs(tmp_path, tracks=3, seconds=3, sample_rate=8000)[0]
    assert not (folder / "extra.wav").exists()
    assert soundfile.info(folder / "vocals.wav").frames == 24000


def test_what_is_there_is_kept_where_that_is_asked_for(tmp_path):
    first, second, _ = (path / "vocals.wav" for path in make_songs(tmp_path, tracks=3, seconds=2, sample_rate=8000))
    kept, made = first.stat().st_mtime_ns, second.read_bytes()
    shutil.rmtree(second.parent)
    make_songs(tmp_path, tracks=3, seconds=2, sample_rate=8000, keep=True)
    assert (first.stat().st_mtime_ns, second.read_bytes()) == (kept, made)


def test_new_songs_go_on_where_a_process_was_killed(tmp_path):
    options = {"tracks": 3, "seconds": 2, "sample_rate": 8000}
    whole = [path / "mixture.wav" for path in make_new_songs(tmp_path / "whole", **options)]

    def die(done, total):
        if done == 2:
            (tmp_path / "songs" / f"{PREFIX}x").mkdir()  # as a process leaves it that is killed
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_new_songs(tmp_path / "songs", **options, progress=die)
    for other in ({"tracks": 4}, {"seconds": 3}, {"seed": 1}, {"sample_rate": 16000}):
        with pytest.raises(InputError, match="songs: is not empty; a new or empty folder is expected"):
            make_new_songs(tmp_path / "songs", **(options | other))
    made = [path / "mixture.wav" for path in make_new_songs(tmp_path / "songs", **options)]
    assert [path.read_bytes() for path in made] == [path.read_bytes() for path in whole]
    assert sorted(path.name for path in (tmp_path / "songs").iterdir()) == ["test", "train", "valid"]
    with pytest.raises(InputError, match="songs: is not empty"):
        make_new_songs(tmp_path / "songs", **options)


def test_songs_need_neither_scipy_nor_a_framework():
    for name in ("", ".song", ".dataset", ".voice", ".score", ".drums", ".instruments", ".synthesis"):
        module = __import__(f"auralflow.songs{name}", fromlist=["_"])
        assert not {"scipy", "jax", "torch"} & {
            line.split()[1].split(".")[0]
            for line in inspect.getsource(module).splitlines()
            if line.startswith(("import ", "from "))
        }


@pytest.mark.parametrize("seed", range(6))
def test_the_voice_sings_the_pitch_of_the_note(seed):
    rng = np.random.default_rng(seed)
    singer = draw_singer(rng)
    pitch = round(singer.centre)
    voice = sing(rng, singer._replace(vibrato_depth=0.0), [Note(0.2, 1.6, pitch)], 2 * RATE, RATE)
    assert voice.shape == (2 * RATE,) and voice.dtype == np.float32
    power = np.abs(np.fft.rfft(voice[RATE // 2 : 3 * RATE // 2] * np.hanning(RATE))) ** 2
    order = np.arange(RATE // 2 + 1) / (440 * 2 ** ((pitch - 69) / 12))  # the bins are 1 Hz apart
    off = np.abs(12 * np.log2(np.maximum(order, 0.5) / np.maximum(np.rint(order), 1)))
    assert power[off < 0.5].sum() > 0.8 * power.sum()  # a singer drifts, by less than half a semitone
    assert power[(off < 0.5) & (np.rint(order) % 2 == 1)].sum() > 0.05 * power.sum()  # no octave too high
    assert np.abs(voice[-RATE // 10 :]).max() < 1e-3


def test_the_voice_rests_where_it_has_no_notes():
    rng = np.random.default_rng(0)
    singer = draw_singer(rng)
    assert np.abs(sing(rng, singer, [], RATE, RATE)).max() == 0
    voice = sing(rng, singer, [Note(0.0, 0.5, singer.centre), Note(1.5, 0.5, singer.centre)], 2 * RATE, RATE)
    assert rms_db(voice[: RATE // 2]) > -10 and np.abs(voice[int(0.7 * RATE) : int(1.1 * RATE)]).max() < 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_instruments_play_the_pitch_of_the_note(kind):
    rng = np.random.default_rng(0)
    timbre = draw_timbre(rng, kind)._replace(detune=0.0, vibrato=0.0)
    part = play(rng, timbre, [Note(0.0, 1.0, 57)], RATE, RATE)
    spectrum = np.abs(np.fft.rfft(part[0] * np.hanning(RATE)))
    harmonics = 220 * np.arange(1, 20)  # MIDI 57 is 220 Hz; the transform's bins are 1 Hz apart
    near = np.abs(np.arange(len(spectrum))[:, None] - harmonics).min(axis=1) <= 25
    assert np.sum(spectrum[near] ** 2) > 0.95 * np.sum(spectrum**2)
    assert np.argmax(spectrum) in harmonics


def test_notes_keep_to_the_scale_and_to_the_song():
    for seed in range(30):
        rng = np.random.default_rng(seed)
        score = compose(rng, 12.0, 2)
        keys = {(score.tonic + semitones) % 12 for semitones in score.scale}
        line, bass = melody(rng, score, 60.0), bass_line(rng, score)
        assert line and bass
        assert {note.pitch % 12 for note in (*line, *bass)} <= keys
        assert all(40 <= note.pitch <= 80 for note in line) and all(28 <= note.pitch <= 51 for note in bass)
        assert all(a.start + a.duration <= b.start + 1e-9 for a, b in itertools.pairwise(line))
        assert all(note.duration > 0 for note in (*line, *bass))
        assert len(score.chords) * score.steps * score.step >= 12.0
        assert score.sections[-1].bars.stop == len(score.chords)


def test_wavetables_hold_the_harmonics_asked_for():
    table = wavetable(np.array([1.0, 0.0, 0.5]))
    spectrum = np.abs(np.fft.rfft(table))
    np.testing.assert_allclose(spectrum[:5] / spectrum[1], [0, 1, 0, 0.5, 0], atol=1e-5)
    cycles = np.arange(1000) * 0.01234
    expected = (np.cos(2 * np.pi * cycles) + 0.5 * np.cos(6 * np.pi * cycles)) / np.sqrt(0.5 * 1.25)
    np.testing.assert_allclose(oscillate(table, cycles), expected, atol=2e-3)
    np.testing.assert_array_equal(oscillate(np.stack([0 * table, table]), cycles, 1), oscillate(table, cycles))


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
@pytest.mark.parametrize("samples", [1, 1000, 30011])
def test_frames_give_the_signal_back(rate, samples):
    signal = np.random.default_rng(0).standard_normal(samples).astype(np.float32)
    frames = Frames(samples, rate)
    np.testing.assert_allclose(frames.synthesize(frames.analyze(signal)), signal, atol=1e-5)


def test_the_limiter_keeps_peaks_below_the_ceiling_and_lets_the_rest_pass():
    signal = 0.1 * np.random.default_rng(0).standard_normal((2, RATE)).astype(np.float32)
    signal[:, RATE // 2 : RATE // 2 + 20] *= 30
    gain = limiter([signal, -0.5 * signal], 0.5, RATE)
    assert np.abs(gain * signal).max() <= 0.5 + 1e-6
    assert gain[: RATE // 4].min() > 0.9 and gain.max() <= 1 and gain[RATE // 2] < 0.5
    assert np.abs(np.diff(gain)).max() < 0.01


def test_reverberation_is_convolution():
    rng = np.random.default_rng(0)
    signal, response = rng.standard_normal(500), rng.standard_normal((2, 70))
    expected = [np.convolve(signal, channel)[:500] for channel in response]
    np.testing.assert_allclose(reverberate(signal, response), expected, atol=1e-4)


def test_coloured_noise_has_the_spectrum_asked_for():
    noise = coloured_noise(np.random.default_rng(0), RATE, RATE, lambda f: (f > 1000) & (f < 2000))
    power = np.abs(np.fft.rfft(noise)) ** 2
    assert power[990:2010].sum() > 0.99 * power.sum()
    assert np.sqrt(np.mean(noise**2)) == pytest.approx(1, abs=1e-3)


def test_smoothing_keeps_constants_and_the_mean_of_a_step():
    np.testing.assert_allclose(smooth(np.full((2, 50), 3.0), 9), 3.0)
    step = smooth(np.repeat([0.0, 1.0], 50), 9)
    assert step[49] + step[50] == pytest.approx(1) and np.all(np.diff(step) >= -1e-12)
    assert step[40] == 0 and step[60] == pytest.approx(1)
