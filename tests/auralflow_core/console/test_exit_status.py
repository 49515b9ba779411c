import errno
import pickle

import pytest

from auralflow_core.console.exit_status import exit_status
from auralflow_core.errors import DivergedError, InputError, MissingPackage, StorageError, TrainingError


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (InputError("no such model"), 2, "no such model"),
        (MissingPackage("torch is not installed"), 2, "torch is not installed"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "a.wav"), 2, "a.wav: No such file or directory"),
        (PermissionError(errno.EACCES, "Permission denied", "a.wav"), 2, "a.wav: Permission denied"),
        (DivergedError("the loss of step 3 is nan"), 1, "the loss of step 3 is nan"),
        (StorageError("the checkpoint cannot be written"), 1, "the checkpoint cannot be written"),
        (OSError(errno.ENOSPC, "No space left on device", "a.wav"), 1, "a.wav: No space left on device"),
        (
            OSError("a.wav: cannot be written, the disk may be full"),
            1,
            "a.wav: cannot be written, the disk may be full",
        ),
        (KeyboardInterrupt(), 130, None),
    ],
)
def test_an_error_is_one_sentence_and_a_status(capsys, error, status, words):
    def run():
        raise error

    assert exit_status("auralflow", run) == status
    expected = "auralflow: interrupted\n" if words is None else f"auralflow: error: {words}\n"
    assert capsys.readouterr() == ("", expected)


def test_the_status_of_a_command_that_does_not_fail_is_its_own():
    assert [exit_status("auralflow", lambda status=status: status) for status in (None, 0, 1)] == [0, 0, 1]


def test_errors_of_training_are_not_input_errors_and_say_what_they_know():
    error = pickle.loads(pickle.dumps(DivergedError("nan", step=3, tracks=["a", "b"], checkpoint=2)))
    assert (str(error), error.step, error.tracks, error.checkpoint) == ("nan", 3, ("a", "b"), 2)
    for kind in (DivergedError, StorageError):
        assert issubclass(kind, TrainingError) and not issubclass(kind, InputError)
    assert issubclass(StorageError, OSError)  # as any other write that fails
