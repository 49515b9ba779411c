"""What `auralflow export` says; tests/auralflow/api/test_export.py has what it writes."""

import re

import pytest

from auralflow.cli.export import lines
from auralflow_core.exported.description import Check, Description


@pytest.fixture
def describe():
    def describe(weights="float32", **check):
        found = {"audio": "a generated song", "seconds": 2.0, "largest_difference": 2.5e-6, "tolerance": None}
        return Description(
            model="my_model",
            config={},
            targets=("bass", "vocals"),
            channels=2,
            samples=32000,
            sample_rate=16000,
            weights=weights,
            check=Check(**found | {"si_sdr": {"bass": 41.26, "vocals": None}} | check),
            made_with={},
        )

    return describe


def test_sizes_and_differences(describe, tmp_path):
    path = tmp_path / "m.onnx"
    path.write_bytes(bytes(1_260_000))
    assert lines(path, describe(tolerance=1e-4)) == [
        f"Wrote {path} (1.3 MB, weights in float32): bass, vocals of 32000 samples (2.00 s) at 16000 Hz, stereo.",
        "Opened again, it differs from the model by at most 2.5e-06 on a generated song (1e-04 is accepted).",
    ]
    small = lines(path, describe("int8", cost={"bass": -0.0012}))
    assert small[1:] == [
        "Opened again, it differs from the model by at most 2.5e-06 on a generated song.",
        "SI-SDR of its stems against the model's: bass 41.3 dB, vocals exact.",
        "SI-SDR that the smaller weights cost, against the true stems: bass -0.001 dB.",
    ]


def test_an_unknown_kind_of_file_is_refused(run):
    assert re.search(r"--to.*'coreml'.*onnx.*stablehlo.*pt2", run("export", "my_model", "--to", "coreml", fails=True))
    assert "my_model: no such file" in run("export", "my_model", "--to", "pt2", fails=True)
