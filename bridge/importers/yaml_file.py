"""Files of YAML: plain data in, without running what a file names, and out."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from auralflow_core.console.text import with_article
from auralflow_core.errors import InputError

if TYPE_CHECKING:
    import yaml

TUPLE = "tag:yaml.org,2002:python/tuple"
MAX_BYTES = 1_000_000
MAX_VALUES = 100_000  # after aliases have been replaced by what they stand for


def read_yaml(path: str | Path) -> dict[str, Any]:
    """Reads a file of settings.

    Args:
        path: the file, of at most `MAX_BYTES`. Of the tags that make Python objects it may have `!!python/tuple` alone,
            which becomes a list.

    Raises:
        InputError: the file is missing, too large, no YAML, has another tag, or is no mapping of names.
    """
    import yaml

    path = Path(path)
    try:
        with open(path, "rb") as file:
            text = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    if len(text) > MAX_BYTES:
        raise InputError(f"{path}: is larger than {MAX_BYTES / 1e6:.0f} MB, so it is no file of settings")
    try:
        settings = _load(text, path)
    except InputError:
        raise
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not valid YAML: {_reason(error)}") from None
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        # The YAML reader lets these through: of wrong numbers and dates, and of lists a thousand levels deep.
        raise InputError(f"{path}: not valid YAML: it holds a wrong value ({type(error).__name__})") from None
    if not isinstance(settings, dict) or not all(isinstance(name, str) for name in settings):
        raise InputError(
            f"{path}: holds {with_article(type(settings).__name__)}, expected names of groups with their settings"
        )
    return settings


def write_yaml(path: str | Path, settings: dict[str, Any]) -> None:
    """Writes plain data in the order given; tuples get the tag that Music-Source-Separation-Training reads."""
    import yaml

    class Dumper(yaml.SafeDumper):
        """Writes tuples, too."""

        def ignore_aliases(self, data: Any) -> bool:
            return True

    Dumper.add_representer(
        tuple, lambda dumper, values: dumper.represent_sequence(TUPLE, list(values), flow_style=True)
    )
    Path(path).write_text(yaml.dump(settings, Dumper=Dumper, sort_keys=False, width=100), encoding="utf-8")


def _load(text: bytes, path: Path) -> Any:
    import yaml

    class Loader(yaml.SafeLoader):
        """Reads tuples, too."""

    def read_tuple(loader: yaml.SafeLoader, node: Any) -> list:
        return loader.construct_sequence(node, deep=True)

    Loader.add_constructor(TUPLE, read_tuple)
    loader = Loader(text)
    try:
        node = loader.get_single_node()
        if node is not None and _count(node, {}) > MAX_VALUES:
            raise InputError(
                f"{path}: its aliases stand for more than {MAX_VALUES} values, so it is no file of settings"
            )
        return None if node is None else loader.construct_document(node)
    finally:
        loader.dispose()


def _count(node: "yaml.Node", known: dict[int, int]) -> int:
    """The values in a node with its aliases replaced; more than `MAX_VALUES` if it contains itself."""
    if id(node) not in known:
        known[id(node)] = MAX_VALUES + 1  # as long as it is not counted
        parts = node.value if isinstance(node.value, list) else []
        nodes = [part for pair in parts for part in (pair if isinstance(pair, tuple) else (pair,))]
        known[id(node)] = 1 + sum(_count(part, known) for part in nodes)
    return known[id(node)]


def _reason(error: "yaml.YAMLError") -> str:
    """A parser's error in one line."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    return f"{problem} in line {mark.line + 1}, column {mark.column + 1}" if mark else problem
