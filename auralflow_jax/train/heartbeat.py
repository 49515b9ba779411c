"""Hosts that train together notice within ten seconds when one of them has died."""

import contextlib
import ctypes
import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

import jax
from jax._src import distributed  # the store of keys and values that the hosts share has no public name

from auralflow_core.errors import InputError, TrainingError

PERIOD = 1.0  # seconds between two signs of life
PATIENCE = 7  # periods without one, after which a host is taken for dead
KEYS, DONE = "auralflow/alive/", "done"


@contextlib.contextmanager
def watching_hosts(prog: str = "auralflow") -> Iterator[None]:
    """Tells the other hosts of a run that this one lives, and watches them, while the block runs.

    An error of the block that comes of a dead host is replaced by a sentence about that. Where the block hangs, as it
    waits for a dead host, the process is ended with that sentence and exit status 1; nothing else can end it.

    Args:
        prog: how the command is called, for the sentence on standard error.

    Raises:
        TrainingError: another host has died.
    """
    if jax.process_count() == 1:
        yield
        return
    watch = _Watch(prog)
    try:
        yield
    except (InputError, TrainingError, KeyboardInterrupt):
        raise
    except Exception:
        watch.is_block_over.set()
        if watch.is_host_lost.wait((PATIENCE + 1) * PERIOD):
            raise TrainingError(watch.sentence()) from None
        raise
    finally:
        watch.close()


class _Watch:
    """Signs of life: two threads, as a call to the store can hang with the host that keeps it."""

    def __init__(self, prog: str):
        self.prog = prog
        self.host = jax.process_index()
        self.client: Any = distributed.global_state.client  # its class is jaxlib's own
        self.ages = dict.fromkeys(range(jax.process_count()), 0)  # periods since each host's last sign of life
        self.is_block_over, self.is_host_lost, self.is_closed = threading.Event(), threading.Event(), threading.Event()
        if sys.platform != "win32":
            # Without the first host jax aborts the process. Its own words come before, the sentence is the last one.
            self._on_abort = ctypes.CFUNCTYPE(None, ctypes.c_int)(lambda number: self._end())
            ctypes.CDLL(None).signal(signal.SIGABRT, self._on_abort)
        for run in (self._exchange, self._count):
            threading.Thread(target=run, daemon=True).start()

    def sentence(self) -> str:
        lost = [host for host, age in self.ages.items() if age >= PATIENCE]
        # The first host keeps the store, and without it nothing is known of any.
        name = "the first host" if 0 in lost or not lost else f"host {lost[0]} (counted from 0)"
        return (
            f"{name} of the {len(self.ages)} that train together has ended or cannot be reached; the same command on "
            "all of them goes on from the last checkpoint"
        )

    def close(self) -> None:
        """Tells the others that this host needs no watching any more."""
        self.is_closed.set()
        if sys.platform != "win32":
            ctypes.CDLL(None).signal(signal.SIGABRT, None)
        if not self.is_host_lost.is_set():
            with contextlib.suppress(Exception):  # the first host may have left before
                self._tell(DONE)

    def _tell(self, value: str) -> None:
        self.client.key_value_set(f"{KEYS}{self.host}", value, allow_overwrite=True)

    def _exchange(self) -> None:
        """Gives signs of life and reads those of the others."""
        seen, beat = {}, 0
        while not self.is_closed.wait(PERIOD):
            beat += 1
            with contextlib.suppress(Exception):  # without an answer the hosts' ages rise
                self._tell(str(beat))
                for key, value in self.client.key_value_dir_get(KEYS):
                    host = int(key.rpartition("/")[2])
                    if value == DONE or seen.get(host) != value:
                        seen[host], self.ages[host] = value, 0

    def _count(self) -> None:
        """Counts periods rather than seconds: a machine that sleeps for a while finds nobody dead when it wakes."""
        while not self.is_closed.wait(PERIOD):
            for host in self.ages:
                self.ages[host] += 1
            if max(self.ages.values()) >= PATIENCE:
                self.is_host_lost.set()
                if not self.is_block_over.wait(PERIOD):
                    self._end()
                return

    def _end(self) -> None:
        print(f"{self.prog}: error: {self.sentence()}", file=sys.stderr, flush=True)
        os._exit(1)
