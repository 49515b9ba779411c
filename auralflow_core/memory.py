"""Memory of this process that is free, but not yet the system's."""

import contextlib
import ctypes
import gc
import sys


def give_back_memory() -> None:
    """Returns free memory to the system where the C library can be told so, as glibc keeps pieces of it for long."""
    gc.collect()
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError):  # another C library
            ctypes.CDLL(None).malloc_trim(0)
