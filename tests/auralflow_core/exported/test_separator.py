"""Exported files that open, and whose programs fail or do something else than they say."""

from pathlib import Path

import numpy as np
import pytest

from auralflow_core.errors import InputError
from auralflow_core.exported.separator import Separator


class Opened(Separator):
    RUNTIME = "LiteRT"

    def __init__(self, config, run):
        self.path, self.config, self.run = Path("my_model.tflite"), config, run

    def run(self, audio):
        raise NotImplementedError


def fail(audio):
    raise RuntimeError("Node number 135 failed to prepare.\nand a lot more")


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (fail, r"LiteRT cannot run it: Node number 135 failed to prepare\.$"),
        (lambda audio: {}["stems"], "LiteRT cannot run it: 'stems'$"),
        (lambda audio: audio, r"returned stems of shape \(1, 1, 4000\), and says that they have \(1, 1, 1, 4000\)$"),
    ],
)
def test_a_program_that_fails_is_named(tiny_config, run, message):
    separator = Opened(tiny_config, run)
    with pytest.raises(InputError, match=f"^my_model.tflite: {message}"):
        separator.estimate(np.zeros((2, 1, 4000), np.float32))


def test_segments_are_run_one_by_one(tiny_config):
    given = []

    def run(audio):
        given.append((audio.shape, audio.dtype))
        return -audio[:, None]

    mixture = np.random.default_rng(0).normal(size=(3, 1, 40))
    stems = Opened(tiny_config, run).estimate(mixture)
    assert given == [((1, 1, 40), np.float32)] * 3
    np.testing.assert_allclose(stems, -mixture[:, None], rtol=1e-6)
