"""Conversions in several threads."""

import subprocess
import sys

# Each struct is new, and met by all threads at once; a crash would end the process.
PROGRAM = """
import sys, threading
import msgspec
from auralflow_core.structs import convert, decode

sys.setswitchinterval(1e-6)
for _ in range(30):
    class Part(msgspec.Struct):
        number: int
        parts: dict[str, tuple[float, ...]]

    class Whole(msgspec.Struct):
        part: Part
        others: list[Part]

    part = {"number": 1, "parts": {"a": [0.5]}}
    whole = Whole(Part(1, {"a": (0.5,)}), [Part(1, {"a": (0.5,)})])
    together = threading.Barrier(4)

    def work(number):
        together.wait()
        value = {"part": part, "others": [part]}
        found.append(convert(value, Whole) if number % 2 else decode(msgspec.json.encode(value), Whole))

    found, threads = [], [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [whole] * 4
"""


def test_threads_may_meet_a_struct_at_once():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
