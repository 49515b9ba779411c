"""TensorBoard events."""

from pathlib import Path

import pytest

from auralflow_core.training.events import EventFile, open_events


def test_events_are_written_where_they_can_be(tmp_path):
    with open_events(tmp_path / "a:b" / "runs") as events:
        events.add_scalar("loss", 0.5, 3)
    [file] = (tmp_path / "a:b" / "runs").iterdir()
    assert file.name.startswith("events.out.tfevents.") and b"loss" in file.read_bytes()


def test_where_they_cannot_be_written_a_line_says_so_and_nothing_stops(tmp_path, capsys):
    (tmp_path / "runs").touch()
    with open_events(tmp_path / "runs") as events:
        for step in range(20):  # more than the queue holds
            events.add_scalar("loss", 0.5, step)
    [line] = capsys.readouterr().out.splitlines()
    assert line.startswith("TensorBoard events are no longer written: ") and str(tmp_path) in line


def test_a_disk_that_becomes_full(capsys):
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    file = EventFile("/dev/full")
    file.write(b"event")
    file.flush()
    assert capsys.readouterr().out == "TensorBoard events are no longer written: No space left on device\n"
    for act in (lambda: file.write(b"event"), file.flush, file.close):
        act()
    assert capsys.readouterr().out == ""
