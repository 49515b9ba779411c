"""Classes by their names, including those that other packages register."""

import threading
from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points
from typing import TypeVar

from auralflow_core.errors import InputError

Entry = TypeVar("Entry")  # of a registry: something with a module and a name, such as a class or a function


class Registry(Mapping[str, Entry]):
    """A mapping from names to classes that loads the entry points of a group when it is first read.

    An entry point names a module, or a function to call; either one adds what it has to the registry.

    Args:
        group: of the entry points.

    Example:
        >>> shapes = Registry("shapes")
        >>> shapes.add("dict", dict)
        >>> list(shapes)
        ['dict']
    """

    def __init__(self, group: str):
        self.group = group
        self._entries: dict[str, Entry] = {}
        self._complete = False
        self._lock = threading.RLock()

    def add(self, name: str, entry: Entry) -> None:
        """Adds an entry; one that was defined again, as in a notebook's cell, takes the place of its older self.

        Raises:
            ValueError: something else has that name.
        """
        known = self._entries.get(name, entry)
        if _origin(known) != _origin(entry):
            raise ValueError(f"{name!r} is the name of {_origin(known)} already, {_origin(entry)} needs another one")
        self._entries[name] = entry

    def load(self) -> None:
        """Loads the entry points, once.

        Raises:
            InputError: one of them cannot be loaded.
        """
        with self._lock:
            if not self._complete:
                self._complete = True  # what is loaded may read the registry
                try:
                    for point in entry_points(group=self.group):
                        _load(point)
                except InputError:
                    self._complete = False
                    raise

    def __getitem__(self, name: str) -> Entry:
        self.load()
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        self.load()
        return iter(self._entries)

    def __len__(self) -> int:
        self.load()
        return len(self._entries)


def _load(point) -> None:
    """Imports the module that an entry point names, or calls its function."""
    try:
        loaded = point.load()
        if point.attr:
            loaded()
    except Exception as error:  # whatever another package's code raises
        package = point.dist.name if point.dist else "a package"
        raise InputError(
            f"{package}: its entry point {point.name!r} ({point.value}) of group {point.group!r} cannot be loaded: "
            f"{type(error).__name__}: {error}; mend or uninstall {package}"
        ) from error


def _origin(entry) -> str:
    return f"{entry.__module__}.{entry.__qualname__}"
