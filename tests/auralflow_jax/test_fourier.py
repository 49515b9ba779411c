"""Transforms of a batch that devices share, in a process of its own, which has two devices."""

import os
import subprocess
import sys

CODE = """
import jax, numpy as np
from auralflow_jax import spectral
from auralflow_jax.train.sharding import batch_sharding, divided, make_mesh

def there_and_back(audio):
    spectrum = spectral.stft(audio, 64, 16, 64)
    return (spectral.istft(2 * spectrum, 64, 16, 64, audio.shape[-1]) ** 2).sum()

mesh = make_mesh()
assert mesh.size == 2
for batch, gathered in ((4, False), (3, False), (4, True)):
    def function(audio):
        with divided(None if gathered else mesh):
            return jax.value_and_grad(there_and_back)(audio)
    audio = np.random.default_rng(0).standard_normal((batch, 1, 160)).astype(np.float32)
    placed = jax.device_put(audio, batch_sharding(mesh)) if batch == 4 else audio
    program = jax.jit(function).lower(placed).compile()
    assert ("all-gather" in program.as_text()) == gathered, (batch, gathered)
    value, gradient = program(placed)
    # The inverse undoes the transform, so that this is the sum of (2 audio)^2.
    np.testing.assert_allclose(value, 4 * (audio.astype(np.float64) ** 2).sum(), rtol=1e-5)
    np.testing.assert_allclose(gradient, 8 * audio, rtol=1e-4, atol=1e-4)
"""


def test_each_device_transforms_its_part_of_a_batch():
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count=2"
    done = subprocess.run(
        [sys.executable, "-c", CODE], env=os.environ | {"XLA_FLAGS": flags}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
