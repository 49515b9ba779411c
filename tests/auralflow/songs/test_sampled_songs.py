import shutil

import numpy as np
import pytest
import soundfile

from auralflow import songs
from auralflow.cli.main import main
from auralflow.songs import STEMS, make_songs, sampler, sung
from auralflow.songs.drums import Hit
from auralflow.songs.score import Note
from auralflow.songs.voice import Singer
from auralflow_core.errors import InputError, MissingPackage

RATE = 22050
STEADY = Singer(centre=57, formant_scale=1.0, tilt=1.0, breath=0.1, vibrato_rate=5.0, vibrato_depth=0.0, glide=0.05)


@pytest.fixture(scope="module")
def bank():
    try:
        return songs.require_sampler()
    except (InputError, MissingPackage) as error:
        pytest.skip(str(error))


def cents_off(signal, pitch):
    """How far the period of a signal (samples,) is from a MIDI pitch, within half an octave, by autocorrelation."""
    power = np.abs(np.fft.rfft(signal, 2 * len(signal))) ** 2
    similarity = np.fft.irfft(power)[: len(signal)] / np.arange(
        len(signal), 0, -1
    )  # unbiased: long lags have few terms
    lag = RATE / (440 * 2 ** ((pitch - 69) / 12))
    near = np.arange(int(lag / 1.4), int(lag * 1.4) + 1)
    best = near[np.argmax(similarity[near])]
    left, peak, right = similarity[best - 1 : best + 2]
    if left >= peak or right >= peak:  # at the edge of the range: it is no peak
        return np.inf
    return 1200 * np.log2(lag / (best + 0.5 * (left - right) / (left - 2 * peak + right)))


def test_words_are_sung_at_the_pitch_of_their_notes(bank):
    notes = [Note(0.3 + 0.6 * index, 0.55, pitch) for index, pitch in enumerate((52, 55, 59, 57, 62, 60, 50, 54))]
    voice = sung.sing_words(np.random.default_rng(0), STEADY, notes, 5 * RATE, RATE)
    middles = [voice[round((note.start + 0.2) * RATE) : round((note.start + 0.35) * RATE)] for note in notes]
    off = [abs(cents_off(middle, note.pitch)) for middle, note in zip(middles, notes, strict=True)]
    assert np.median(off) < 30 and sum(cents < 50 for cents in off) >= 7, off


def test_words_fill_their_notes_and_rests_are_silent(bank):
    notes = [Note(0.5, 1.0, 57), Note(1.5, 0.5, 59, slurred=True), Note(4.0, 0.5, 57)]
    voice = sung.sing_words(np.random.default_rng(1), STEADY, notes, 5 * RATE, RATE)
    assert voice.shape == (5 * RATE,) and voice.dtype == np.float32
    level = [np.sqrt(np.mean(voice[round(a * RATE) : round(b * RATE)] ** 2)) for a, b in ((0.6, 1.9), (2.6, 3.4))]
    assert level[1] < 1e-3 * level[0]


@pytest.mark.parametrize("style", sampler.PROGRAMS)
def test_instruments_play_the_notes(bank, style):
    notes = [Note(0.5, 0.6, 45.0), Note(1.5, 0.6, 52.0)]
    part = sampler.play_notes(np.random.default_rng(3), bank, style, notes, 3 * RATE, RATE)
    assert part.shape == (2, 3 * RATE) and part.dtype == np.float32
    assert np.abs(part[:, : round(0.49 * RATE)]).max() < 1e-4 < 1e-2 < np.abs(part).max()
    for note in notes:
        middle = part[:, round((note.start + 0.15) * RATE) : round((note.start + 0.5) * RATE)].sum(axis=0)
        # Some sound an octave or two away from what is written, as their kind does: the period repeats all the same.
        assert min(abs(cents_off(middle, note.pitch + octave)) for octave in (0, 12, -12)) < 40


def test_drums_come_on_their_beats(bank):
    hits = [Hit(start, "kick", 1.0) for start in (0.25, 1.0, 1.75)]
    part = np.abs(sampler.play_hits(np.random.default_rng(0), bank, hits, 3 * RATE, RATE)).max(axis=0)
    for hit in hits:
        begin = round(hit.start * RATE)
        before, after = part[begin - 1000 : begin - 100].max(), part[begin : begin + 1000].max()
        assert after > 5 * before


def test_a_dataset_adds_up_and_comes_out_the_same_again(bank, tmp_path):
    first, again = (make_songs(tmp_path / name, 3, 2.0, 4, RATE, sound="sampled") for name in ("first", "again"))
    assert [folder.parent.name for folder in first] == ["train", "valid", "test"]
    for one, other in zip(first, again, strict=True):
        whole = {
            name: soundfile.read(one / f"{name}.wav", dtype="int16")[0].astype(int) for name in ("mixture", *STEMS)
        }
        np.testing.assert_array_equal(whole["mixture"], sum(whole[name] for name in STEMS))
        assert all(np.abs(whole[name]).max() > 300 and whole[name].shape == (2 * RATE, 2) for name in STEMS)
        for path in one.iterdir():
            assert path.read_bytes() == (other / path.name).read_bytes()


@pytest.mark.parametrize("program", ["fluidsynth", "flite"])
def test_a_missing_program_is_named_before_anything_is_written(bank, monkeypatch, tmp_path, capsys, program):
    monkeypatch.setattr(shutil, "which", lambda name: None if name == program else f"/usr/bin/{name}")
    assert main(["songs", str(tmp_path / "songs"), "--sound", "sampled"]) == 2
    message = capsys.readouterr().err
    assert f"the program {program}" in message and f"apt-get install {program}" in message
    assert not (tmp_path / "songs").exists()


def test_everything_that_is_missing_is_named_at_once(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(sampler, "PLACES", ())
    with pytest.raises(InputError) as error:
        songs.require_sampler()
    lines = str(error.value).splitlines()
    assert lines[0] == "several things are missing:"
    for name in ("fluidsynth", "flite", "soundfont"):
        assert any(name in line for line in lines[1:])


def test_a_missing_soundfont_is_named(bank, tmp_path, monkeypatch):
    (tmp_path / "no.sf2").write_bytes(b"RIFF....WAVE")
    for path in (tmp_path / "no.sf2", tmp_path / "none.sf2"):
        with pytest.raises(InputError, match=f"{path}: is not a soundfont"):
            sampler.find_soundfont(path)
    monkeypatch.setattr(sampler, "PLACES", ())
    with pytest.raises(InputError, match="--soundfont"):
        sampler.find_soundfont()


def test_an_unknown_sound_is_refused():
    with pytest.raises(InputError, match="unknown sound 'sampeld'; did you mean 'sampled'"):
        songs.make_song(0, 2.0, 8000, "sampeld")
