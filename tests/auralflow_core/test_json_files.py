import json

import pytest

from auralflow_core.errors import InputError
from auralflow_core.storage.json_files import parse_json, read_json, write_json


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": {"b": [1, NaN]}}', "f: a.b[1] is nan, expected a finite number"),
        ('{"a": -1e999}', "f: a is -inf, expected a finite number"),
        ("1" * 5000, "expected an integer of at most 64 bits"),
        ('{"a": 18446744073709551616}', "f: a is 18446744073709551616, expected an integer of at most 64 bits"),
        ('{"a": -9223372036854775809}', "f: a is -9223372036854775809, expected an integer of at most 64 bits"),
        ("[" * 100_000, "f: nested more than 64 levels deep"),
        ("[" * 66 + "]" * 66, "f: nested more than 64 levels deep"),
        ('{"a": "\\ud800"}', r"f: a is '\ud800', expected Unicode text"),
        ('{"\\ud800": 1}', r"f: has the key '\ud800', which is not Unicode text"),
        ('{"a": 1', "f: not valid JSON at line 1, column 8"),
        ("", "f: not valid JSON at line 1, column 1"),
        ('{"' + "k" * 9000 + '": NaN}', "kkk is nan"),
        (" " * (1 << 24) + "1", "f: more than 16 MiB of JSON"),
    ],
)
def test_what_cannot_be_written_again_is_refused_in_one_sentence(text, words):
    with pytest.raises(InputError) as caught:
        parse_json(text, "f")
    assert words in str(caught.value) and len(str(caught.value)) < 500 and "\n" not in str(caught.value)


def test_what_is_at_the_limits_is_accepted():
    accepted = [2**64 - 1, -(2**63), 1.7976931348623157e308, 5e-324, "\U0001f600é\x00", {"": [None, True]}]
    assert parse_json(json.dumps(accepted), "f") == accepted
    assert parse_json("[" * 65 + "]" * 65, "f")
    assert parse_json("[NaN]", "f", finite=False)[0] != 0


def test_a_file_that_would_not_read_back_leaves_the_old_one(tmp_path):
    file = tmp_path / "a.json"
    write_json(file, {"a": 1})
    for value in ({"a": float("inf")}, {"a": "\ud800"}, {"a": (1, 2)}, {"a": 2**70}):
        with pytest.raises(InputError, match="a.json"):
            write_json(file, value)
    assert read_json(file) == {"a": 1} and [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_files_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "a.json").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "b.json").write_bytes(b"\xef\xbb\xbf[1]")  # a byte order mark, as some editors write it
    for path in (tmp_path / "a.json", tmp_path, tmp_path / "none.json"):
        with pytest.raises(InputError, match=f"^{path}: cannot be read"):
            read_json(path)
    assert read_json(tmp_path / "b.json") == [1]
