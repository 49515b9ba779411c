"""Behaviour of the metrics that JAX alone has; tests/parity holds the rest."""

import jax
import jax.numpy as jnp
import numpy as np

from auralflow_jax.metrics import bss_eval


def test_float64_stays_inside_and_ranks_may_be_strict_outside():
    references, estimates = np.random.default_rng(0).standard_normal((2, 1, 1, 500))
    with jax.numpy_rank_promotion("raise"):
        bss_eval(jnp.asarray(references), jnp.asarray(estimates), 500, 500, 8)
    assert jnp.ones(3).dtype == jnp.float32 and not jax.config.jax_enable_x64  # pyright: ignore[reportAttributeAccessIssue]
