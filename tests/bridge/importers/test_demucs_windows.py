"""The segments of demucs, as weights of ours: whole songs agree."""

import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from demucs_files import SMALL, ht_demucs

from auralflow_core.audio import read
from auralflow_core.dsp.overlap_add import overlap_add
from auralflow_torch.models import create_model
from auralflow_torch.weights import load_state
from bridge.importers.demucs_settings import to_arguments
from bridge.importers.demucs_state import to_demucs

pytestmark = pytest.mark.skipif(importlib.util.find_spec("demucs") is None, reason="demucs is not installed")
FULL = {"model_type": "HTDemucs"}
SECONDS = 7.8  # of its segments


def triangle(segment, _overlap):
    """Weights that rise to the middle of a segment and fall again."""
    half = segment // 2
    weights = np.concatenate([np.arange(1, half + 1), np.arange(segment - half, 0, -1)])
    return weights / weights.max()


def restated(network, audio, segment):
    """As demucs does it: the last segments are shorter, and have what comes before them as context at both ends."""
    step, length, sums, weights = int(0.75 * segment), audio.shape[1], 0.0, 0.0
    for start in range(0, length, step):
        held = min(segment, length - start)
        before = (segment - held) // 2
        padded = np.pad(audio, [(0, 0), (segment, segment)])
        output = network(padded[None, :, segment + start - before :][..., :segment])[0]
        place, weight = np.zeros((*output.shape[:-1], length)), triangle(segment, None)[:held]
        place[..., start : start + held] = weight * output[..., before : before + held]
        sums = sums + place
        weights = weights + np.pad(weight, (start, length - start - held))
    return sums / weights


def networks(model, samples):
    """demucs' network and our model with the same random weights, and the targets in demucs' order."""
    from demucs.htdemucs import HTDemucs  # pyright: ignore[reportMissingImports]

    config, state = ht_demucs(model, samples=samples)
    arguments, sources = to_arguments(config, "m")
    with torch.device("meta"):  # the full size is not in memory more often than it has to be
        theirs = HTDemucs(**arguments).eval()
    arrays = to_demucs(state, config.model, sources)
    theirs.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()}, assign=True)
    ours = create_model(config).eval()
    load_state(ours.network, state)
    return theirs, ours, sources


def theirs_and_ours(model, samples):
    """Functions of demucs' network and of ours with the same random weights, and the samples of a segment."""
    from demucs.apply import apply_model  # pyright: ignore[reportMissingImports]

    theirs, ours, sources = networks(model, samples)
    config = ours.config
    order = [sources.index(target) for target in config.model.targets]

    def apply(audio):
        return apply_model(theirs, torch.from_numpy(audio)[None], shifts=0, overlap=0.25)[0, order].numpy()

    def network(blocks):
        with torch.inference_mode():
            return ours.estimate(torch.from_numpy(np.ascontiguousarray(blocks))).audio.numpy()

    return apply, network, config.crop_samples


def music(seconds):
    if not (folder := os.environ.get("AURALFLOW_TEST_MUSIC")):
        pytest.skip("AURALFLOW_TEST_MUSIC names no folder of music")
    audio, rate = read(Path(folder) / "valid" / "Rubidium" / "mixture.flac")
    return np.ascontiguousarray(audio[:, : round(seconds * rate)], np.float32)


@pytest.mark.slow
@pytest.mark.parametrize("size", ["small", "full"])
def test_a_song_is_separated_as_there(size):
    if size == "full":
        audio, (apply, network, segment) = music(20), theirs_and_ours(FULL, SECONDS * 44100)
    else:
        audio = np.random.default_rng(0).standard_normal((2, 4210)).astype(np.float32)
        apply, network, segment = theirs_and_ours(SMALL, 1000)
    expected = apply(audio)
    bar = 1e-5 * max(1, np.abs(expected).max())
    assert np.abs(expected).max() > 1e-2
    np.testing.assert_allclose(restated(network, audio, segment), expected, rtol=0, atol=bar)
    # With their weights in our overlap-add the same comes out until the first segment that the end cuts.
    found = overlap_add(network, audio, segment, segment - int(0.75 * segment), window=triangle)
    step = int(0.75 * segment)
    whole = step * (1 + (audio.shape[1] - segment) // step)
    np.testing.assert_allclose(found[..., :whole], expected[..., :whole], rtol=0, atol=bar)
