"""Files that `auralflow export` wrote are told from others by a few bytes."""

import io
import zipfile

import pytest
from onnx import helper

from auralflow_core.exported.paths import is_exported


def model(**properties):
    proto = helper.make_model(helper.make_graph([], "graph" * 100, [], []))
    helper.set_model_props(proto, properties)
    return proto.SerializeToString()


def archive(name):
    """A file that ends in a zip archive."""
    file = io.BytesIO(b"TFL3" * 100)
    with zipfile.ZipFile(file, "a") as zipped:
        zipped.writestr(name, "{}")
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("a.onnx", model(auralflow="{}"), True),
        ("a.ONNX", model(other="x", auralflow="{}" * 1000), True),
        ("a.onnx", model(), False),
        ("a.onnx", model(auralflows="{}", other="auralflow"), False),
        ("a.pt2", model(auralflow="{}"), False),
        ("a.tflite", archive("auralflow.json"), True),
        ("a.tflite", archive("labels.txt"), False),
        ("a.tflite", model(auralflow="{}"), False),
        ("a.onnx", archive("auralflow.json"), False),
        ("a.onnx", b"", False),
        ("a.onnx", bytes(100_000), False),
        ("a.onnx", b"\xff" * 100_000, False),
        ("a.onnx", b"\x0a\xff\xff\xff\xff\x7f", False),
        ("a.onnx", model(auralflow="{}")[:-20], False),
    ],
)
def test_only_our_files_are(tmp_path, name, data, expected):
    (tmp_path / name).write_bytes(data)
    assert is_exported(tmp_path / name) is is_exported(str(tmp_path / name)) is expected
    assert not is_exported(tmp_path) and not is_exported(tmp_path / "none.onnx")
