"""Files that appear together, and what processes leave that are killed while they write them."""

import contextlib
import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import auralflow_core
from auralflow_core.storage import renames
from auralflow_core.storage.atomic import new_folder, replacing, replacing_together
from auralflow_core.storage.staging import PREFIX, is_vacant, remove_abandoned, remove_own, staging

NAMES = ("song/bass.wav", "song/drums.wav", "song/other.wav", "song/vocals.wav")

# Writes four files, the calls of os.replace counted; the process dies before the call of the number given.
DIES = """
import os, sys
from pathlib import Path
from auralflow_core.storage import atomic
folder, calls = Path(sys.argv[1]), iter(range(1000))
replace = os.replace

def dying(*paths):
    if next(calls) == int(sys.argv[2]):
        os._exit(9)
    replace(*paths)

os.replace = dying
with atomic.replacing_together(folder, [folder / name for name in sys.argv[4:]], [folder / "song/residual.wav"]) as new:
    for path in new:
        path.write_text(sys.argv[3])
"""


def run(script, *arguments):
    environment = os.environ | {"PYTHONPATH": str(Path(auralflow_core.__file__).parents[1])}
    return subprocess.run([sys.executable, "-c", script, *map(str, arguments)], env=environment, check=False).returncode


def contents(folder):
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("exists", [False, True])
def test_a_process_may_be_killed_at_any_moment(tmp_path, exists):
    before = dict.fromkeys([*NAMES, "song/residual.wav"], "old") if exists else {}
    after, seen = dict.fromkeys(NAMES, "new"), []
    for number in range(20):
        folder = tmp_path / str(number)
        for name, text in before.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        status = run(DIES, folder, number, "new", *NAMES)
        remove_abandoned(folder)
        assert contents(folder) in (before, after), number
        assert [path.name for path in folder.iterdir() if path.name.startswith(PREFIX)] == []
        seen.append(contents(folder) == after)
        if status == 0:
            break
    # Killed before the record is complete nothing has happened, and afterwards everything.
    assert seen == [False, *[True] * (len(seen) - 1)] and len(seen) == 2 + 2 * len(NAMES)


def test_an_error_while_files_are_renamed_leaves_all_as_before(tmp_path, monkeypatch):
    paths = [tmp_path / name for name in NAMES]
    paths[0].parent.mkdir()
    paths[0].write_text("old")
    with pytest.raises(IsADirectoryError), replacing_together(tmp_path, paths) as asides:
        for aside in asides:
            aside.write_text("new")
        (tmp_path / "song/vocals.wav/in the way").mkdir(parents=True)
        monkeypatch.setattr(renames.os, "replace", refuse_folders(os.replace))
    assert contents(tmp_path) == {"song/bass.wav": "old"}


@pytest.mark.parametrize("number", range(5))
def test_a_process_may_be_killed_while_it_undoes_renames(tmp_path, monkeypatch, number):
    """Two of four files had their names when the third could not get its own."""
    staged, replace, calls = tmp_path / f"{PREFIX}x", os.replace, iter(range(1000))
    staged.mkdir()
    (tmp_path / "song").mkdir()
    for place, name in enumerate(NAMES):
        is_done = place < 2
        (tmp_path / name).write_text("new" if is_done else "old")
        (staged / f"{'old' if is_done else 'new'}-{place}").write_text("old" if is_done else "new")
    (staged / "lock").touch()
    (staged / renames.RECORD).write_text(json.dumps({"forward": False, "names": NAMES, "stale": []}))

    def dying(*paths):
        if next(calls) == number:
            raise KeyboardInterrupt
        replace(*paths)

    with monkeypatch.context() as patch, contextlib.suppress(KeyboardInterrupt):
        patch.setattr(renames.os, "replace", dying)
        remove_abandoned(tmp_path)
    remove_abandoned(tmp_path)
    assert contents(tmp_path) == dict.fromkeys(NAMES, "old")


def test_a_folder_is_vacant_whatever_killed_processes_left_in_it(tmp_path):
    for name in ("killed", "used"):
        (tmp_path / name / f"{PREFIX}x").mkdir(parents=True)
    (tmp_path / "used" / "mine").touch()
    (tmp_path / "file").touch()
    (tmp_path / "dangling").symlink_to("nowhere")
    with staging(tmp_path / "busy"):
        vacant = [name for name in ("new", "killed", "used", "file", "dangling", "busy") if is_vacant(tmp_path / name)]
    assert vacant == ["new", "killed"]
    assert list((tmp_path / "killed").iterdir()) == []


def test_what_cannot_be_removed_yet_is_left_to_the_next_process(tmp_path, monkeypatch):
    rmdir = os.rmdir

    def refuse(path, **options):
        if Path(path).name == "busy":  # a thread of this process still writes into it
            raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY))
        rmdir(path, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "rmdir", refuse)
        with staging(tmp_path) as folder:
            (folder / "busy").mkdir()
            remove_own()
            assert (folder / "busy").exists()
        assert (folder / "busy").exists()
    remove_abandoned(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),  # of a file that is open already
        ValueError("Error while serializing: I/O error: No space left on device (os error 28)"),  # safetensors'
    ],
)
def test_a_full_disk_names_the_users_file(tmp_path, error):
    for writing in (replacing(tmp_path / "a.json"), new_folder(tmp_path / "a.json")):
        with pytest.raises(OSError, match="a.json") as raised, writing:
            raise error
        assert (raised.value.errno, raised.value.filename) == (errno.ENOSPC, str(tmp_path / "a.json"))
    assert list(tmp_path.iterdir()) == []


def test_errors_about_other_files_stay_as_they_are(tmp_path):
    other = FileNotFoundError(errno.ENOENT, "No such file or directory", "song.wav")
    for error in (other, OSError("song.wav: ends early"), KeyError("a")):
        with pytest.raises(type(error)) as raised, replacing(tmp_path / "a.json"):
            raise error
        assert raised.value is error


def test_a_folder_that_cannot_be_written_to_is_told_from_a_disk(tmp_path, monkeypatch):
    """The system's answer about them is simulated: root may write everywhere."""
    monkeypatch.setattr(os, "access", lambda *arguments: False)
    for flags, number in ((0, errno.EACCES), (os.ST_RDONLY, errno.EROFS)):
        monkeypatch.setattr(os, "statvfs", lambda path, flags=flags: SimpleNamespace(f_flag=flags))
        with pytest.raises(OSError, match="a.json") as raised, replacing(tmp_path / "a.json"):
            pass
        assert (raised.value.errno, raised.value.filename) == (number, str(tmp_path / "a.json"))


def refuse_folders(replace):
    def refusing(source, target):
        if Path(source).is_dir():
            raise IsADirectoryError(21, "Is a directory", str(source))
        replace(source, target)

    return refusing


def test_folders_of_living_processes_stay(tmp_path):
    holds = "import sys; from auralflow_core.storage.staging import staging\nwith staging(sys.argv[1]): input()"
    environment = os.environ | {"PYTHONPATH": str(Path(auralflow_core.__file__).parents[1])}
    with (
        staging(tmp_path) as own,
        subprocess.Popen(
            [sys.executable, "-c", holds, str(tmp_path)], stdin=subprocess.PIPE, env=environment
        ) as process,
    ):
        while len(found := list(tmp_path.glob(f"{PREFIX}*/lock"))) < 2:
            assert process.poll() is None
        remove_abandoned(tmp_path)
        with staging(tmp_path):
            assert own.exists() and all(path.exists() for path in found)
        process.kill()
    remove_abandoned(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_others_put_there_stays_and_records_lead_nowhere_else(tmp_path):
    song = tmp_path / "out" / f"{PREFIX}song"  # a user's, with a name like ours
    song.mkdir(parents=True)
    (song / "vocals.wav").write_text("mine")
    forged = tmp_path / "out" / f"{PREFIX}forged"
    forged.mkdir()
    (forged / "lock").touch()
    (forged / "new-0").write_text("evil")
    (forged / renames.RECORD).write_text('{"forward": true, "names": ["../victim"], "stale": []}')
    (tmp_path / "victim").write_text("precious")
    remove_abandoned(tmp_path / "out")
    assert contents(tmp_path) == {f"out/{PREFIX}song/vocals.wav": "mine", "victim": "precious"}


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"forward": 1, "names": 3, "stale": []}', "[" * 5000])
def test_damaged_records_are_dropped(tmp_path, text):
    folder = tmp_path / f"{PREFIX}x"
    folder.mkdir()
    (folder / "lock").touch()
    (folder / renames.RECORD).write_text(text)
    remove_abandoned(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("length", [1, 200, 249, 255])
def test_temporary_names_are_short(tmp_path, length):
    for name in ("n" * length, "n" * (length - 1) + ".", "." + "n" * (length - 1), "a." + "n" * (length - 2)):
        if name in (".", "a."):
            continue
        with replacing(tmp_path / name) as aside:
            aside.write_text(name)
        assert (tmp_path / name).read_text() == name
    with new_folder(tmp_path / ("f" * length)) as staged:
        (staged / "a").touch()
    assert (tmp_path / ("f" * length) / "a").exists()


def test_what_is_in_the_way_is_known_before_the_work(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    for name, kind in (("file/a", NotADirectoryError), ("folder", IsADirectoryError), ("n" * 256, OSError)):
        with pytest.raises(kind) as error:
            with replacing_together(tmp_path, [tmp_path / "good", tmp_path / name]):
                raise AssertionError("the work began")
        assert error.value.filename == str(tmp_path / name)
    assert not (tmp_path / "good").exists()
