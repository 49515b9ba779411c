"""Objects print in a line."""

from pathlib import Path

import pytest
from small_models import make_model, small_config

import auralflow_jax
import auralflow_torch
from auralflow.api.comparison import EvaluatedModel
from auralflow.api.evaluation import Evaluation
from auralflow.pretrained import PRETRAINED
from auralflow.separation.stems import SeparationResult
from auralflow_core.weights.file import read_tensors


@pytest.mark.parametrize("package", [auralflow_jax, auralflow_torch])
def test_objects_print_in_a_line(package, tmp_path):
    folder = make_model(tmp_path / "model", small_config(targets="drums,vocals"))
    model = package.load(folder.path)
    separator = package.Separator(model)
    rows = [{"track": "a", "target": "b", "estimate": "model"}] * 100
    things = [
        (model, ("SpectrogramNetSimple, targets=('drums', 'vocals'), sample_rate=16000", " parameters)")),
        (separator, ("Separator(SpectrogramNetSimple", "device='cpu'")),
        (package.StreamingSeparator(model), ("StreamingSeparator(Separator(", "segment=4800")),
        (folder, ("ModelFolder(", "model")),
        (EvaluatedModel("a", folder.path, separator), ("EvaluatedModel('a', ",)),
        (Evaluation(rows, rows, {}, 3, Path("x.csv")), ("Evaluation(3 tracks, 0 failed, 100 rows, 'x.csv')",)),
        (
            SeparationResult(files=[Path("a")] * 50, separated=2),
            ("SeparationResult(2 separated, 0 failed, 50 files, ",),
        ),
        (PRETRAINED["umx"], ("PretrainedModel('umx', targets=('bass', 'drums', 'other', 'vocals'), licence='MIT')",)),
        (read_tensors(folder.weights), ("SpectrogramNetSimple of drums, vocals)",)),
    ]
    for thing, words in things:
        text = repr(thing)
        assert "\n" not in text and len(text) < 250 and all(word in text for word in words), text
