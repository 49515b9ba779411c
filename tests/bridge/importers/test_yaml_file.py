"""Settings in YAML: what is read, and what is refused."""

import time
from pathlib import Path

import pytest

from auralflow_core.errors import InputError
from bridge.importers.yaml_file import read_yaml, write_yaml


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(text):
    Path("model.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_yaml("model.yaml")


def test_tuples_become_lists_and_aliases_what_they_stand_for():
    text = (
        "model:\n  bands: !!python/tuple\n  - 2\n  - 4\n  sizes: &x [1, 2]\n  again: *x\n  deep: !!python/tuple [[3]]\n"
    )
    assert read(text) == {"model": {"bands": [2, 4], "sizes": [1, 2], "again": [1, 2], "deep": [[3]]}}
    assert read(b"\xef\xbb\xbfa: 1\r\n") == {"a": 1}  # as editors on Windows write it


def test_what_is_written_is_read():
    settings = {"b": {"tuple": (1, 2), "none": None, "yes": True, "text": "1e-5", "number": 1e-5}, "a": {"one": [1]}}
    settings["c"] = settings["b"]
    write_yaml("model.yaml", settings)
    text = Path("model.yaml").read_text()
    assert "tuple: !!python/tuple [1, 2]" in text and "&" not in text and text.startswith("b:")
    again = read_yaml("model.yaml")
    assert again["b"] == again["c"] == settings["b"] | {"tuple": [1, 2]} and again["a"] == settings["a"]


def bomb(levels, merge=False):
    """A file whose aliases stand for nine to the power of `levels` values."""
    lines = ["a0: &a0 {k: v}" if merge else "a0: &a0 [x]"]
    for level in range(1, levels):
        inside = ", ".join([f"*a{level - 1}"] * 9)
        lines.append(f"a{level}: &a{level} " + (f"{{<<: [{inside}]}}" if merge else f"[{inside}]"))
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: !!python/object/apply:os.mkdir [it-ran]", "not valid YAML: could not determine a constructor for the tag"),
        ("a: !!python/name:os.system", "could not determine a constructor"),
        ("a: !!python/object:pathlib.Path {}", "could not determine a constructor"),
        (bomb(30), "its aliases stand for more than 100000 values"),
        (bomb(30, merge=True), "its aliases stand for more than 100000 values"),
        ("a: &a [*a]", "its aliases stand for more than 100000 values"),
        ("a: &a {b: *a}", "its aliases stand for more than 100000 values"),
        ("a: " + "[" * 5000, "not valid YAML: "),
        ("a: " + "x" * 1_000_000, "is larger than 1 MB, so it is no file of settings"),
        ("a: [1", "not valid YAML: expected ',' or ']', but got '<stream end>' in line 1, column 6"),
        ("a: *b", "found undefined alias 'b' in line 1"),
        ("a: 1\n---\nb: 2", "not valid YAML: but found another document in line 2"),
        (b"a: \xff\xfe", "not valid YAML: "),
        (b"a: \x00", "not valid YAML: "),
        ("a: !!int ''", "not valid YAML: it holds a wrong value (IndexError)"),
        ("a: 2026-99-99", "not valid YAML: it holds a wrong value (ValueError)"),
        ("a: !!timestamp x", "not valid YAML: it holds a wrong value (AttributeError)"),
        ("? [1]\n: 2", "not valid YAML: found unhashable key"),
        ("", "holds a NoneType, expected names of groups"),
        ("- 1", "holds a list, expected names of groups"),
        ("1: 2", "holds a dict, expected names of groups"),
        ("PK\x03\x04", "not valid YAML: "),
    ],
)
def test_what_is_refused(here, text, words):
    start = time.process_time()
    with pytest.raises(InputError, match=r"^model.yaml: ") as caught:
        read(text)
    assert words in str(caught.value) and "\n" not in str(caught.value) and len(str(caught.value)) < 300
    assert time.process_time() - start < 5
    assert [path.name for path in here.iterdir()] == ["model.yaml"]


def test_a_file_that_cannot_be_read():
    with pytest.raises(InputError, match=r"^nowhere.yaml: cannot be read: No such file"):
        read_yaml("nowhere.yaml")
    Path("folder.yaml").mkdir()
    with pytest.raises(InputError, match=r"^folder.yaml: cannot be read: Is a directory"):
        read_yaml("folder.yaml")
