import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile

from auralflow.backends import load_metric
from auralflow_core.errors import MissingPackage
from auralflow_core.evaluation import oracle as ideal
from auralflow_core.evaluation.metrics import is_silent, sdr, si_sdr
from auralflow_core.evaluation.oracle import ideal_mask
from auralflow_core.evaluation.table import BSS_COLUMNS, COLUMNS, MUSEVAL_COLUMNS
from auralflow_core.evaluation.track import evaluate_track
from auralflow_core.storage import temp_arrays as scratch
from auralflow_core.storage.temp_arrays import in_files


def can_measure(metrics):
    try:
        load_metric(metrics)
    except MissingPackage:
        return False
    return True


needs_museval = pytest.mark.skipif(not can_measure("museval"), reason="museval, ffmpeg or ffprobe is not installed")


def noise(*shape, seed=0, level=0.1):
    return (level * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32)


def song(samples=20_000):
    """A mixture of three sources, and rough estimates of the first two."""
    vocals, drums, other = (noise(2, samples, seed=seed) for seed in range(3))
    vocals, drums = np.cumsum(vocals, axis=1) / 20, np.diff(drums, axis=1, append=0)
    references = {"vocals": vocals.astype(np.float32), "drums": drums.astype(np.float32)}
    estimates = {name: reference + noise(2, samples, seed=5, level=0.01) for name, reference in references.items()}
    return references["vocals"] + references["drums"] + other, references, estimates


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

    _mixture, references, estimates = song(30_000)
    figures = museval.evaluate([references["vocals"].T], [estimates["vocals"].T], win=30_000, hop=30_000)
    assert sdr(estimates["vocals"], references["vocals"]) == pytest.approx(figures[0].item(), abs=1e-6)


def test_a_tracks_rows_score_model_mixture_and_ideal_mask():
    mixture, references, estimates = song()
    rows, silent = evaluate_track("Song", 4000, mixture, references, estimates)
    assert silent == []
    assert [(row["target"], row["estimate"]) for row in rows] == [
        (target, kind) for target in ("vocals", "drums") for kind in ("model", "mixture", "ideal_mask")
    ]
    masked = ideal_mask(mixture, references)
    for row in rows:
        reference = references[row["target"]]
        audio = {"model": estimates[row["target"]], "mixture": mixture, "ideal_mask": masked[row["target"]]}
        assert tuple(row) == COLUMNS and row["track"] == "Song"
        assert row["si_sdr"] == si_sdr(audio[row["estimate"]], reference)
        error = reference.astype(float) - audio[row["estimate"]]
        assert row["sdr"] == pytest.approx(
            10 * np.log10((np.sum(reference.astype(float) ** 2) + 1e-7) / (np.sum(error**2) + 1e-7)), abs=1e-6
        )
        assert row["si_sdr_improvement"] == pytest.approx(row["si_sdr"] - si_sdr(mixture, reference))


def test_silent_targets_are_left_out_and_named():
    mixture, references, estimates = song(5000)
    dither = np.random.default_rng(0).triangular(-1, 0, 1, (2, 5000)).astype(np.float32) / 2**15
    references |= {"bass": np.zeros_like(mixture), "other": dither}
    estimates |= {"bass": mixture, "other": mixture}
    rows, silent = evaluate_track("Song", 4000, mixture, references, estimates)
    assert silent == ["bass", "other"]
    assert {row["target"] for row in rows} == {"vocals", "drums"}
    assert not is_silent(noise(2, 5000, level=1e-4))
    assert evaluate_track("Song", 4000, mixture, {"bass": references["bass"]}, estimates) == ([], ["bass"])


def test_missing_estimates_and_other_shapes_are_refused():
    mixture, references, estimates = song(5000)
    with pytest.raises(ValueError, match=r"Song: .* 'drums' must be equal, got \(2, 5000\), \(2, 5000\) and none"):
        evaluate_track("Song", 4000, mixture, references, {"vocals": mixture})
    with pytest.raises(ValueError, match=r"got \(2, 5000\), \(2, 5000\) and \(2, 4999\)"):
        evaluate_track("Song", 4000, mixture, references, estimates | {"vocals": mixture[:, 1:]})


@needs_museval
@pytest.mark.parametrize("overlapping", [False, True])
def test_bssevals_medians_are_musevals(overlapping):
    mixture, references, estimates = song(12_000)
    mixture = mixture[:1]  # museval's filters cost the cube of the channels
    references, estimates = ({name: audio[:1] for name, audio in part.items()} for part in (references, estimates))
    references["bass"], estimates["bass"] = np.zeros_like(mixture), np.zeros_like(mixture)
    shares = []
    ours, silent = evaluate_track(
        "Song", 4000, mixture, references, estimates, load_metric("bss_eval"), overlapping, shares.append
    )
    theirs, _ = evaluate_track("Song", 4000, mixture, references, estimates, load_metric("museval"), overlapping)
    assert silent == ["bass"] and shares == sorted(shares) and shares[-1] == 1 and len(shares) > 3
    for row, expected in zip(ours, theirs, strict=True):
        assert tuple(row) == COLUMNS + BSS_COLUMNS and tuple(expected) == COLUMNS + MUSEVAL_COLUMNS
        for column, other in zip(BSS_COLUMNS, MUSEVAL_COLUMNS, strict=True):
            assert row[column] == pytest.approx(expected[other], abs=1e-3, nan_ok=True)
            # The mixture is a sum of sources, and has no artefacts whose level could be measured.
            assert np.isnan(row[column]) == (row["estimate"] == "mixture" and column == "bss_sar")


@needs_museval
def test_musevals_scores_come_from_museval():
    import museval

    mixture, references, estimates = song(12_000)
    rows, _ = evaluate_track(
        "Song",
        4000,
        mixture[:1],
        {"vocals": references["vocals"][:1]},
        {"vocals": estimates["vocals"][:1]},
        load_metric("museval"),
    )
    sources = np.stack([references["vocals"][:1], mixture[:1] - references["vocals"][:1]]).swapaxes(1, 2).astype(float)
    guesses = np.stack([estimates["vocals"][:1], mixture[:1] - estimates["vocals"][:1]]).swapaxes(1, 2).astype(float)
    sdrs, isrs, sirs, sars = museval.evaluate(sources, guesses, win=4000, hop=4000)
    assert sdrs.shape == (2, 3)
    np.testing.assert_allclose(
        [rows[0][column] for column in MUSEVAL_COLUMNS],
        [np.median(figure[0]) for figure in (sdrs, sirs, isrs, sars)],
        rtol=1e-6,
    )


def test_blocks_of_mapped_files_change_nothing_but_the_memory(monkeypatch):
    peaks = []
    for samples in (50_000, 200_000):
        mixture, references, estimates = song(samples)
        monkeypatch.undo()
        expected, _ = evaluate_track("Song", 8000, mixture, references, estimates)
        monkeypatch.setattr(scratch, "BLOCK", 1000)
        monkeypatch.setattr(ideal, "FRAMES", 2)
        with in_files() as allocate:

            def mapped(audio, allocate=allocate):
                copy = allocate(audio.shape)
                copy[:] = audio
                return copy

            mixture = mapped(mixture)
            references, estimates = (
                {name: mapped(audio) for name, audio in part.items()} for part in (references, estimates)
            )
            folder = Path(mixture.filename).parent  # pyright: ignore[reportAttributeAccessIssue]
            assert folder.is_dir()
            tracemalloc.start()
            rows, _ = evaluate_track("Song", 8000, mixture, references, estimates, allocate=allocate)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        assert not folder.exists()
        for row, other in zip(rows, expected, strict=True):
            assert row == pytest.approx(other, abs=1e-6)
    assert peaks[1] < 1.1 * peaks[0] < mixture.nbytes


def test_room_for_temporary_files_is_asked_for_before_it_is_used():
    # A map of a file that a full disk has no room for kills the process when it is written to.
    resource = pytest.importorskip("resource")  # not on Windows
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
        with in_files() as allocate:
            assert not allocate((2, 1000)).any()
            with pytest.raises(OSError, match="no room for 8 MiB of temporary files; .* TMPDIR"):
                allocate((2, 1 << 20))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_framewise_metric_sees_targets_and_rest_and_gives_medians():
    mixture, references, estimates = song(5000)
    seen = []

    def metric(sources, sample_rate):
        def score(audio):
            seen.append((len(sources), sample_rate, len(audio)))
            rest = mixture - references["vocals"] - references["drums"]
            np.testing.assert_allclose(sources[2], rest, atol=1e-6)
            return [{"bss_sdr": np.array([np.nan, index, 10.0 + index, 20.0])} for index in range(len(audio))]

        return score

    rows, _ = evaluate_track("Song", 4000, mixture, references, estimates, metric)
    assert seen == [(3, 4000, 2)] * 3  # model, mixture, ideal mask
    assert {row["target"]: row["bss_sdr"] for row in rows} == {"vocals": 10.0, "drums": 11.0}


def test_the_scores_of_a_real_track_are_the_known_ones():
    music = os.environ.get("AURALFLOW_TEST_MUSIC")
    if not music:
        pytest.skip("AURALFLOW_TEST_MUSIC names no folder of music")
    folder = Path(music) / "valid" / "Rubidium"
    mixture, vocals = (soundfile.read(folder / f"{name}.flac", dtype="float32")[0].T for name in ("mixture", "vocals"))
    rows, _ = evaluate_track("Rubidium", 44100, mixture, {"vocals": vocals}, {"vocals": mixture / 2})
    model, before, ideal = rows
    assert before["si_sdr"] == pytest.approx(-15.59, abs=0.02)
    assert ideal["si_sdr"] == pytest.approx(10.01, abs=0.02)
    assert model["si_sdr"] == pytest.approx(before["si_sdr"]) and model["sdr"] > before["sdr"]
