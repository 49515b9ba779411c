"""Files that `auralflow export` wrote are told from others by a few bytes."""

import io
import itertools
import re
import zipfile

import pytest
from onnx import helper

from auralflow_core.errors import InputError
from auralflow_core.exported.archive import read
from auralflow_core.exported.paths import FILE, is_exported
from auralflow_core.model_folder import read_model


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
        ("a.onnx", b"\x0a" + b"\xff" * 9 + b"\x7f", False),  # a field of more bytes than there are numbers for
    ],
)
def test_only_our_files_are(tmp_path, name, data, expected):
    (tmp_path / name).write_bytes(data)
    assert is_exported(tmp_path / name) is is_exported(str(tmp_path / name)) is expected
    assert not is_exported(tmp_path) and not is_exported(tmp_path / "none.onnx")


def mutations(data):
    """Each of its beginnings, and each of its copies in which one bit is another."""
    yield from (data[:size] for size in range(len(data)))
    for place, bit in itertools.product(range(len(data)), range(8)):
        copy = bytearray(data)
        copy[place] ^= 1 << bit
        yield bytes(copy)


@pytest.mark.parametrize(
    ("name", "data"), [("a.onnx", model(auralflow="{}")[-60:]), ("a.tflite", archive(FILE)[-150:])]
)
def test_damaged_files_are_ours_or_not(tmp_path, name, data):
    path = tmp_path / name
    for mutation in mutations(data):
        path.write_bytes(mutation)
        assert is_exported(path) in (True, False)
        with pytest.raises(InputError, match=rf"^{re.escape(str(path))}: "):
            read(path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("m.tflite", "does not say which model it holds: it is damaged, or `auralflow export` did not write it"),
        ("m.onnx", "is an ONNX graph, as of MDX-Net, which is not read: .*; of `auralflow export`, if it is damaged"),
        ("m.pte", "is a program that ExecuTorch runs; `separate` takes exported files of .onnx and .tflite"),
        ("m.pt2", "is a program that torch.export.load runs"),
        ("m.STABLEHLO", "is a program that jax.export.deserialize runs"),
    ],
)
def test_programs_that_are_not_run_are_refused_by_their_kind(tmp_path, name, message):
    (tmp_path / name).write_bytes(archive(FILE)[:-20])
    with pytest.raises(InputError, match=f"{name}: {message}"):
        read_model(tmp_path / name)
