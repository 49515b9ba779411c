import numpy as np
import pytest
import soundfile

from auralflow_core.data.tracks import find_tracks
from auralflow_core.errors import InputError
from auralflow_core.evaluation import dataset as assessment
from auralflow_core.evaluation.dataset import evaluate_tracks
from auralflow_core.evaluation.track import evaluate_track
from auralflow_core.storage import temp_arrays as scratch

RATE, SAMPLES = 8000, 30_001
STEMS = ("bass", "drums", "vocals")


@pytest.fixture
def tracks(tmp_path):
    for index, name in enumerate(("One", "Two")):
        for seed, stem in enumerate(STEMS):
            path = tmp_path / "test" / name / f"{stem}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            audio = 0.1 * np.random.default_rng([index, seed]).standard_normal((SAMPLES, 2))
            soundfile.write(path, audio, RATE, "FLOAT")
    return find_tracks(tmp_path, "test")


def test_whole_tracks_are_scored_piece_by_piece(tracks, copies, monkeypatch):
    monkeypatch.setattr(scratch, "BLOCK", 7000)
    steps = []
    rows, silent = evaluate_tracks(
        tracks, copies(RATE, {"accompaniment": 0.5, "vocals": 0.5}), progress=lambda *step: steps.append(step)
    )
    assert silent == {} and len(rows) == 2 * 2 * 3
    for track, part in zip(tracks, (rows[:6], rows[6:]), strict=True):
        stems = {name: soundfile.read(path, dtype="float32")[0].T for name, path in track.stems.items()}
        mixture = sum(stems.values())
        references = {"accompaniment": stems["bass"] + stems["drums"], "vocals": stems["vocals"]}
        expected, _ = evaluate_track(track.name, RATE, mixture, references, dict.fromkeys(references, mixture / 2))
        for row, other in zip(part, expected, strict=True):
            assert row == pytest.approx(other, abs=1e-4)
    names = list(dict.fromkeys(name for name, _ in steps))
    assert names == ["separating One", "scoring One", "separating Two", "scoring Two"]
    for name in names:  # so the sums over names are twice the tracks' seconds
        seconds = [done for step, done in steps if step == name]
        assert seconds == sorted(seconds) and seconds[-1] == pytest.approx(SAMPLES / RATE)


def test_targets_that_share_stems_are_scored_apart(tracks, copies, monkeypatch):
    asked = []
    monkeypatch.setattr(
        assessment, "evaluate_track", lambda *_, overlapping, **options: asked.append(overlapping) or ([], [])
    )
    for targets in (("accompaniment", "vocals"), ("accompaniment", "drums"), STEMS):
        evaluate_tracks(tracks[:1], copies(RATE, dict.fromkeys(targets, 0.5)))
    assert asked == [False, True, False]


def test_what_cannot_be_scored_is_refused_before_the_work(tracks, copies):
    with pytest.raises(InputError, match="unknown target 'piano'"):
        evaluate_tracks(tracks, copies(RATE, {"piano": 1}))
