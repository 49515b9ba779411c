import os
import subprocess
import sys

import pytest

from auralflow_core.console.text import printable, printable_lines


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("song", "song"),
        ("音 é 😄 שלום", "音 é 😄 שלום"),
        ("caf\udce9", r"caf\udce9"),
        ("a\nb\tc\r", r"a\nb\tc\r"),
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("\x00\x7f\x85\x9b", r"\x00\x7f\x85\x9b"),
        ("a\u2028b\u2029", r"a\u2028b\u2029"),
        ("a\u3000b\u00a0c", "a\u3000b\u00a0c"),
        ("[bold]x[/] :smile: $x$", "[bold]x[/] :smile: $x$"),
        ("", ""),
    ],
)
def test_what_would_not_be_shown_is_escaped(text, expected):
    assert printable(text) == expected
    assert printable(text).encode("utf-8").decode() == expected


def test_messages_keep_their_lines():
    assert printable_lines("a\n  b\x1b") == "a\n  b\\x1b"


PRINTS = """
from auralflow_core.console.exit_status import exit_status
from auralflow_core.errors import InputError
def run():
    print("音\\udce9")
    raise InputError("caf\\udce9 音: no such\\x1b file")
raise SystemExit(exit_status("auralflow", run))
"""


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1", "utf-8", "utf-16", "cp437", "shift_jis", "koi8-r"])
def test_streams_of_any_encoding_take_all_text(encoding):
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-c", PRINTS], env=environment, capture_output=True, check=False)
    sign = "音" if encoding in ("utf-8", "utf-16", "shift_jis") else r"\u97f3"
    assert done.returncode == 2
    assert done.stdout.decode(encoding) == sign + "\\udce9\n"
    assert done.stderr.decode(encoding) == f"auralflow: error: caf\\udce9 {sign}: no such\\x1b file\n"


@pytest.mark.skipif(os.name == "nt", reason="of shells")
@pytest.mark.parametrize(
    ("redirection", "status", "error"),
    [
        (">&-", 2, r"auralflow: error: caf\udce9 音: no such\x1b file"),
        (">&- <&-", 2, r"auralflow: error: caf\udce9 音: no such\x1b file"),
        (">&- 2>&- <&-", 2, ""),
        ("2>&-", 2, ""),
    ],
)
def test_closed_and_full_streams_raise_nothing(redirection, status, error):
    command = f'"{sys.executable}" -c "$0" {redirection}'
    done = subprocess.run(["sh", "-c", command, PRINTS], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (status, error)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="of Linux")
def test_output_that_a_full_device_loses_is_a_failure():
    script = 'from auralflow_core.console.exit_status import *\nraise SystemExit(exit_status("a", lambda: print("x")))'
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", script], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (1, "a: error: No space left on device\n")
