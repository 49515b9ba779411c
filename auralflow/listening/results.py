"""The files that listeners send back: reading them, and telling those that cannot be counted."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import msgspec

from auralflow.listening.page import FORMAT
from auralflow.listening.stimuli import Kind
from auralflow_core.console.text import count
from auralflow_core.errors import InputError, brief, shown
from auralflow_core.storage.json_files import read_json
from auralflow_core.structs import convert

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
FORBIDDEN = {"forbid_unknown_fields": True, "frozen": True}


class Rating(msgspec.Struct, **FORBIDDEN):
    """A listener's rating of one stimulus, from 0 to 100."""

    name: Text
    kind: Kind
    rating: Annotated[float, msgspec.Meta(ge=0, le=100)]


class RatedTrial(msgspec.Struct, **FORBIDDEN):
    """One page with its ratings, in the order in which the listener saw them."""

    track: Text
    target: Text
    start: float
    seconds: float  # that the listener took
    ratings: tuple[Rating, ...]


class Session(msgspec.Struct, **FORBIDDEN):
    """One file: all ratings of one listener."""

    format: int
    test: Text
    session: Text
    listener: Text
    device: str
    started: str
    finished: str
    trials: tuple[RatedTrial, ...]

    def stimuli(self) -> set[tuple[str, str, float, str, str]]:
        """All that was rated: track, target, start, name and kind."""
        return {
            (trial.track, trial.target, trial.start, rating.name, rating.kind)
            for trial in self.trials
            for rating in trial.ratings
        }


def read_sessions(files: Iterable[str | Path]) -> tuple[list[Session], list[str]]:
    """Reads the results of one test.

    Args:
        files: of any number of listeners; where they are of several tests, the one with most files counts.

    Returns:
        The sessions, and a sentence for each file that cannot be counted.
    """
    read: dict[str, Session] = {}
    problems: list[str] = []
    for file in dict.fromkeys(map(str, files)):
        try:
            read[file] = _read_session(file)
        except InputError as error:
            problems.append(str(error))
    tests = Counter(session.test for session in read.values())
    usual = tests.most_common(1)[0][0] if tests else ""
    kept: dict[str, tuple[str, Session]] = {}  # session -> its file and itself
    expected: set = set()
    for file, session in read.items():
        if session.test != usual:
            problems.append(
                f"{file}: is of another listening test, {brief(session.test)}; expected {brief(usual)}, as in "
                f"{count(tests[usual], 'file')}"
            )
        elif session.session in kept:
            problems.append(f"{file}: holds the same session as {kept[session.session][0]}, which counts once")
        elif kept and session.stimuli() != expected:
            first = next(iter(kept.values()))[0]
            problems.append(
                f"{file}: has ratings of other sounds than {first}; expected those of all pages of the test"
            )
        else:
            expected = expected or session.stimuli()
            kept[session.session] = (file, session)
    return [session for _, session in kept.values()], problems


def _read_session(file: str) -> Session:
    """Reads one file.

    Raises:
        InputError: it is no result of a listening test, or an incomplete one.
    """
    value = read_json(file)
    if not isinstance(value, dict) or "test" not in value or "trials" not in value:
        raise InputError(f"{file}: is no result of a listening test, expected the file that its page saves")
    if value.get("format") != FORMAT:
        raise InputError(f"{file}: has the format {shown(value.get('format'))}, expected {FORMAT}")
    try:
        session = convert(value, Session)
    except msgspec.ValidationError as error:
        raise InputError(f"{file}: {error}") from None
    if not session.trials:
        raise InputError(f"{file}: trials is empty, expected the ratings of every page")
    for number, trial in enumerate(session.trials, 1):
        names = [rating.name for rating in trial.ratings]
        references = sum(rating.kind == "reference" for rating in trial.ratings)
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise InputError(f"{file}: page {number} has {names.count(twice)} ratings of {brief(twice)}, expected one")
        if references != 1:
            raise InputError(f"{file}: page {number} has {references} ratings of the hidden reference, expected one")
    if len(session.stimuli()) != sum(len(trial.ratings) for trial in session.trials):
        raise InputError(f"{file}: has the same page twice, expected each once")
    return session
