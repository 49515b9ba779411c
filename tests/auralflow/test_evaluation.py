import csv
import os
from pathlib import Path

import librosa
import numpy as np
import pytest
import rich.console
import soundfile

from auralflow import evaluation
from auralflow.evaluation import (
    COLUMNS,
    MUSEVAL_COLUMNS,
    aggregate,
    evaluate_track,
    ideal_mask,
    is_silent,
    sdr,
    si_sdr,
    table,
    write_csv,
)

needs_museval = pytest.mark.skipif(not evaluation.has_museval(), reason="museval, ffmpeg or ffprobe is not installed")


def noise(*shape, seed=0, level=0.1):
    return (level * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32)


def song(samples=20_000):
    """A mixture of three sources, and rough estimates of the first two."""
    vocals, drums, other = (noise(2, samples, seed=seed) for seed in range(3))
    vocals, drums = np.cumsum(vocals, axis=1) / 20, np.diff(drums, axis=1, append=0)
    truths = {"vocals": vocals.astype(np.float32), "drums": drums.astype(np.float32)}
    estimates = {name: truth + noise(2, samples, seed=5, level=0.01) for name, truth in truths.items()}
    return truths["vocals"] + truths["drums"] + other, truths, estimates


def test_the_published_constants():
    estimate, target = np.array([2.5, 0, 2, 8]), np.array([3, -0.5, 2, 7])
    assert round(si_sdr(estimate, target), 4) == 18.4030
    assert round(sdr(estimate, target), 4) == 16.1805


def test_known_distortions_have_their_decibels():
    target = np.sin(np.arange(44100) * 2 * np.pi * 100 / 44100).reshape(1, -1)
    orthogonal = np.cos(np.arange(44100) * 2 * np.pi * 100 / 44100).reshape(1, -1)
    assert si_sdr(0.5 * (target + 0.1 * orthogonal), target) == pytest.approx(20, abs=1e-9)
    assert sdr(0.5 * target, target) == pytest.approx(20 * np.log10(2), abs=1e-9)


def test_silence_and_exactness():
    signal, silence = noise(2, 100), np.zeros((2, 100), np.float32)
    for metric in (si_sdr, sdr):
        assert np.isnan(metric(signal, silence)) and np.isnan(metric(silence, silence))
        assert metric(signal, signal) == np.inf
    assert si_sdr(silence, signal) == -np.inf and sdr(silence, signal) == 0
    with pytest.raises(ValueError, match=r"Shape mismatch: got \(2, 100\) and \(100,\)\."):
        sdr(signal, signal[0])


@needs_museval
def test_sdr_is_musevals_where_no_filter_can_explain_anything():
    # BSSEval's SDR against its image allows no filter: it is |s|^2 / |s - e|^2 of each frame.
    import museval

    mixture, truths, estimates = song(30_000)
    figures = museval.evaluate([truths["vocals"].T], [estimates["vocals"].T], win=30_000, hop=30_000)
    assert sdr(estimates["vocals"], truths["vocals"]) == pytest.approx(figures[0].item(), abs=1e-6)


def test_the_ideal_mask_is_the_ratio_of_magnitudes_by_librosas_transform():
    mixture, truths, _ = song()
    sizes = {"n_fft": 1024, "hop_length": 300}
    mixed = librosa.stft(mixture, **sizes)
    # librosa centres its frames on multiples of the hop; zeros in front bring ours, which start 1024 before the
    # first sample, to the same places: 1024 + 388 - 512 is a multiple of 300.
    front = ((0, 0), (388, 0))
    later = {name: np.pad(truth, front) for name, truth in truths.items()}
    shifted = ideal_mask(np.pad(mixture, front), later, 1024, 300)
    for name, truth in truths.items():
        target, rest = (np.abs(librosa.stft(audio, **sizes)) for audio in (truth, mixture - truth))
        expected = librosa.istft(mixed * target / (target + rest), n_fft=1024, hop_length=300, length=20_000)
        assert shifted[name].shape == (2, 20_388) and shifted[name].dtype == mixture.dtype
        np.testing.assert_allclose(shifted[name][:, 1412:-1024], expected[:, 1024:-1024], atol=1e-5)


def test_the_ideal_masks_of_all_parts_add_up_to_the_mixture_when_there_are_two():
    mixture, truths, _ = song(5000)
    parts = ideal_mask(mixture, {"vocals": truths["vocals"], "rest": mixture - truths["vocals"]})
    np.testing.assert_allclose(parts["vocals"] + parts["rest"], mixture, atol=1e-6)
    assert not np.isnan(ideal_mask(np.zeros((1, 100)), {"vocals": np.zeros((1, 100))})["vocals"]).any()


def test_a_tracks_rows_rate_model_mixture_and_ideal_mask():
    mixture, truths, estimates = song()
    rows, silent = evaluate_track("Song", mixture, truths, estimates)
    assert silent == []
    assert [(row["target"], row["estimate"]) for row in rows] == [
        (target, kind) for target in ("vocals", "drums") for kind in ("model", "mixture", "ideal_mask")]
    masked = ideal_mask(mixture, truths)
    for row in rows:
        truth = truths[row["target"]]
        audio = {"model": estimates[row["target"]], "mixture": mixture, "ideal_mask": masked[row["target"]]}
        assert tuple(row) == COLUMNS and row["track"] == "Song"
        assert row["si_sdr"] == si_sdr(audio[row["estimate"]], truth)
        assert row["sdr"] == sdr(audio[row["estimate"]], truth)
        assert row["si_sdr_improvement"] == pytest.approx(row["si_sdr"] - si_sdr(mixture, truth))


def test_silent_targets_are_left_out_and_named():
    mixture, truths, estimates = song(5000)
    dither = np.random.default_rng(0).triangular(-1, 0, 1, (2, 5000)).astype(np.float32) / 2**15
    truths |= {"bass": np.zeros_like(mixture), "other": dither}
    estimates |= {"bass": mixture, "other": mixture}
    rows, silent = evaluate_track("Song", mixture, truths, estimates)
    assert silent == ["bass", "other"]
    assert {row["target"] for row in rows} == {"vocals", "drums"}
    assert not is_silent(noise(2, 5000, level=1e-4))
    assert evaluate_track("Song", mixture, {"bass": truths["bass"]}, estimates) == ([], ["bass"])


def test_missing_estimates_and_other_shapes_are_refused():
    mixture, truths, estimates = song(5000)
    with pytest.raises(ValueError, match=r"Song: .* 'drums' must be equal, got \(2, 5000\), \(2, 5000\) and none"):
        evaluate_track("Song", mixture, truths, {"vocals": mixture})
    with pytest.raises(ValueError, match=r"got \(2, 5000\), \(2, 5000\) and \(2, 4999\)"):
        evaluate_track("Song", mixture, truths, estimates | {"vocals": mixture[:, 1:]})


@needs_museval
def test_musevals_medians_join_the_rows(tmp_path):
    import museval

    mixture, truths, estimates = song(12_000)
    mixture = mixture[:1]  # BSSEval's filters cost the cube of the channels
    truths, estimates = ({name: audio[:1] for name, audio in part.items()} for part in (truths, estimates))
    truths["bass"], estimates["bass"] = np.zeros_like(mixture), np.zeros_like(mixture)
    rows, _ = evaluate_track("Song", mixture, truths, estimates, museval_rate=4000)
    rest = mixture - truths["vocals"] - truths["drums"]
    references = np.stack([truths["vocals"], truths["drums"], rest]).astype(np.float64)
    guesses = [estimates["vocals"], estimates["drums"], mixture - estimates["vocals"] - estimates["drums"]]
    sdrs, isrs, sirs, sars = museval.evaluate(references.swapaxes(1, 2), np.stack(guesses).swapaxes(1, 2).astype(float),
                                              win=4000, hop=4000)
    assert sdrs.shape == (3, 3)
    for row, index in ((rows[0], 0), (rows[3], 1)):
        expected = [np.median(figure[index]) for figure in (sdrs, sirs, isrs, sars)]
        np.testing.assert_allclose([row[column] for column in MUSEVAL_COLUMNS], expected, rtol=1e-6)
    write_csv(tmp_path / "evaluation.csv", rows)
    header = (tmp_path / "evaluation.csv").read_text().splitlines()[0]
    assert header == ("track,target,estimate,si_sdr,sdr,si_sdr_improvement,"
                      "museval_sdr,museval_sir,museval_isr,museval_sar")


def some_rows():
    return [{"track": track, "target": "vocals", "estimate": kind, "si_sdr": value, "sdr": value + 1,
             "si_sdr_improvement": value - 2}
            for track, shift in (("A", 0.0), ("B", 3.0), ("C", 9.0))
            for kind, value in (("model", shift), ("mixture", 1.0))]


def test_mean_and_median_follow_for_each_target_and_estimate():
    rows = some_rows()
    rows[2]["sdr"] = np.nan
    summary = aggregate(rows)
    assert summary[:6] == rows and [row["track"] for row in summary[6:]] == ["mean", "mean", "median", "median"]
    mean, _, median, _ = summary[6:]
    assert (mean["target"], mean["estimate"], mean["si_sdr"], median["si_sdr"]) == ("vocals", "model", 4.0, 3.0)
    assert mean["sdr"] == 5.5  # of 1 and 10: an undefined figure does not count
    assert aggregate([]) == []


def test_the_file_has_the_promised_header_and_four_decimals(tmp_path):
    path = tmp_path / "evaluation.csv"
    rows = some_rows()
    rows[0] |= {"track": 'Say "hi", ü', "si_sdr": 1 / 3, "sdr": np.nan, "si_sdr_improvement": -np.inf}
    write_csv(path, rows)
    assert path.read_bytes().split(b"\n")[0] == b"track,target,estimate,si_sdr,sdr,si_sdr_improvement"
    with open(path, encoding="utf-8", newline="") as file:
        read = list(csv.DictReader(file))
    assert len(read) == 6 and list(read[0].values()) == ['Say "hi", ü', "vocals", "model", "0.3333", "nan", "-inf"]


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "evaluation.csv"
    path.write_text("old")
    with pytest.raises(TypeError):
        write_csv(path, [*some_rows(), dict.fromkeys(COLUMNS, [])])
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["evaluation.csv"]


@pytest.mark.parametrize("width", [80, 200])
def test_the_table_shows_every_figure_on_any_terminal(width):
    rows = [row | dict.fromkeys(MUSEVAL_COLUMNS, -123.456) for row in some_rows()]
    console = rich.console.Console(width=width, record=True, file=open(os.devnull, "w"))
    console.print(table(rows))
    text = console.export_text()
    assert text.count("-123.46") == 6 * 4 and "10.00" in text and "…" not in text


def test_the_figures_of_a_real_song_are_the_known_ones():
    music = os.environ.get("AURALFLOW_TEST_MUSIC")
    if not music:
        pytest.skip("AURALFLOW_TEST_MUSIC names no folder of music")
    folder = Path(music) / "valid" / "Rubidium"
    mixture, vocals = (soundfile.read(folder / f"{name}.flac", dtype="float32")[0].T for name in ("mixture", "vocals"))
    rows, _ = evaluate_track("Rubidium", mixture, {"vocals": vocals}, {"vocals": mixture / 2})
    model, before, ideal = rows
    assert before["si_sdr"] == pytest.approx(-15.59, abs=0.02)
    assert ideal["si_sdr"] == pytest.approx(10.01, abs=0.02)
    assert model["si_sdr"] == pytest.approx(before["si_sdr"]) and model["sdr"] > before["sdr"]
