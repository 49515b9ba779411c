"""The start of a training run, without the run."""

import contextlib

import jax
import numpy as np

from auralflow_jax.train.plan import make_plan
from auralflow_jax.train.progress import Progress
from auralflow_jax.train.run import move_aside, open_checkpoints, start_run


def prepare(folder, songs, console, restart=False, start_from=()):
    """Where a run would start."""
    plan = make_plan(folder, songs, start_from)
    if restart:
        move_aside(plan, Progress(plan, console))
    with contextlib.closing(open_checkpoints(plan)) as checkpoints:
        return start_run(plan, checkpoints)


def assert_equal_trees(tree, other):
    assert jax.tree.structure(tree) == jax.tree.structure(other)
    for value, reference in zip(jax.tree.leaves(tree), jax.tree.leaves(other), strict=True):
        np.testing.assert_array_equal(value, reference)
