"""The windows of Music-Source-Separation-Training, as weights of ours: whole songs agree."""

import importlib.util

import numpy as np
import pytest
import torch
from roformer_files import BS, roformer

from auralflow_core.dsp.overlap_add import overlap_add
from auralflow_torch.models import create_model
from auralflow_torch.weights import load_state

CHUNK = 800


def window(chunk, _overlap):
    """Ones that rise from 0 and fall to 0 by straight lines of a tenth of the chunk."""
    fade = chunk // 10
    weights = np.ones(chunk)
    weights[:fade], weights[chunk - fade :] = np.linspace(0, 1, fade), np.linspace(1, 0, fade)
    return weights


def ours(network, audio, parts):
    """With weights of ours: the song is mirrored at both ends, and the end's mirror once more, for the last chunks."""
    border = CHUNK - CHUNK // parts
    padded = np.pad(audio, [(0, 0), (border, border)], mode="reflect")
    padded = np.pad(padded, [(0, 0), (0, CHUNK // 2)], mode="reflect")
    return overlap_add(network, padded, CHUNK, border, window=window)[..., border : border + audio.shape[1]]


def restated(network, audio, parts):
    """As it is described: chunks one at a time, no fade at the song's ends, sums of windowed chunks over windows."""
    step = CHUNK // parts
    border = CHUNK - step
    padded = np.pad(audio, [(0, 0), (border, border)], mode="reflect")
    length, fade = padded.shape[1], CHUNK // 10
    sums, weights = 0.0, np.zeros(length)
    for start in range(0, length, step):
        part = padded[:, start : start + CHUNK]
        held, weight = part.shape[1], window(CHUNK, border)
        mirrored = {"mode": "reflect"} if held > CHUNK // 2 else {}
        output = network(np.pad(part, [(0, 0), (0, CHUNK - held)], **mirrored)[None])[0]
        if start == 0:
            weight[:fade] = 1
        elif start + step >= length:
            weight[-fade:] = 1
        place = np.zeros((*output.shape[:-1], length))
        place[..., start : start + held] = (output * weight)[..., :held]
        sums, weights[start : start + held] = sums + place, weights[start : start + held] + weight[:held]
    found = np.divide(sums, weights, out=np.zeros_like(sums), where=weights > 0)
    return found[..., border : border + audio.shape[1]]


def original(network, audio, parts):
    """By the package msst."""
    from ml_collections import ConfigDict  # pyright: ignore[reportMissingImports]
    from msst.utils.model_utils import demix  # pyright: ignore[reportMissingImports]

    names = ["drums", "other", "vocals"]
    config = ConfigDict(
        {
            "audio": {"chunk_size": CHUNK},
            "training": {"instruments": names, "target_instrument": None},
            "inference": {"num_overlap": parts, "batch_size": 1},
        }
    )
    found = demix(config, lambda chunk: torch.from_numpy(network(chunk.numpy())), audio, torch.device("cpu"), "bs")
    return np.stack([found[name] for name in names])


@pytest.mark.parametrize("parts", [2, 4])
@pytest.mark.parametrize(
    "theirs",
    [
        restated,
        pytest.param(
            original,
            marks=pytest.mark.skipif(
                not all(importlib.util.find_spec(name) for name in ("msst", "ml_collections")),
                reason="msst, or what its windows import, is not installed",
            ),
        ),
    ],
)
def test_a_song_is_separated_as_there(theirs, parts):
    config, state = roformer(BS)
    model = create_model(config).eval()
    load_state(model.network, state)

    def network(blocks):
        with torch.inference_mode():
            return model.estimate(torch.from_numpy(np.ascontiguousarray(blocks, np.float32))).audio.numpy()

    audio = np.random.default_rng(0).standard_normal((2, 4210)).astype(np.float32)
    found, expected = ours(network, audio, parts), theirs(network, audio, parts)
    assert found.shape == expected.shape and np.abs(expected).max() > 1e-2
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * max(1, np.abs(expected).max()))
