"""The windows of Music-Source-Separation-Training, as weights of ours: whole songs agree."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from roformer_files import BS, roformer
from roformer_oracles import needs_msst, needs_pymss, pymss

from auralflow_core.audio import read
from auralflow_core.config.templates import read_template
from auralflow_core.dsp.overlap_add import overlap_add
from auralflow_torch.models import create_model
from auralflow_torch.weights import load_state
from bridge.importers.band_split_roformer import from_msst

CHUNK = 800


def window(chunk, _overlap):
    """Ones that rise from 0 and fall to 0 by straight lines of a tenth of the chunk."""
    fade = chunk // 10
    weights = np.ones(chunk)
    weights[:fade], weights[chunk - fade :] = np.linspace(0, 1, fade), np.linspace(1, 0, fade)
    return weights


def ours(network, audio, parts, chunk=CHUNK):
    """With weights of ours: the song is mirrored at both ends, and the end's mirror once more, for the last chunks."""
    border = chunk - chunk // parts
    padded = np.pad(audio, [(0, 0), (border, border)], mode="reflect")
    padded = np.pad(padded, [(0, 0), (0, chunk // 2)], mode="reflect")
    return overlap_add(network, padded, chunk, border, window=window)[..., border : border + audio.shape[1]]


def restated(network, audio, parts, chunk=CHUNK):
    """As it is described: chunks one at a time, no fade at the song's ends, sums of windowed chunks over windows."""
    step = chunk // parts
    border = chunk - step
    padded = np.pad(audio, [(0, 0), (border, border)], mode="reflect")
    length, fade = padded.shape[1], chunk // 10
    sums, weights = 0.0, np.zeros(length)
    for start in range(0, length, step):
        part = padded[:, start : start + chunk]
        held, weight = part.shape[1], window(chunk, border)
        mirrored = {"mode": "reflect"} if held > chunk // 2 else {}
        output = network(np.pad(part, [(0, 0), (0, chunk - held)], **mirrored)[None])[0]
        if start == 0:
            weight[:fade] = 1
        elif start + step >= length:
            weight[-fade:] = 1
        place = np.zeros((*output.shape[:-1], length))
        place[..., start : start + held] = (output * weight)[..., :held]
        sums, weights[start : start + held] = sums + place, weights[start : start + held] + weight[:held]
    found = np.divide(sums, weights, out=np.zeros_like(sums), where=weights > 0)
    return found[..., border : border + audio.shape[1]]


def original(network, audio, parts, chunk=CHUNK, names=("drums", "other", "vocals")):
    """By the package msst."""
    from ml_collections import ConfigDict  # pyright: ignore[reportMissingImports]
    from msst.utils.model_utils import demix  # pyright: ignore[reportMissingImports]

    config = ConfigDict(
        {
            "audio": {"chunk_size": chunk},
            "training": {"instruments": list(names), "target_instrument": None},
            "inference": {"num_overlap": parts, "batch_size": 1},
        }
    )
    found = demix(config, lambda chunk: torch.from_numpy(network(chunk.numpy())), audio, torch.device("cpu"), "bs")
    return np.stack([found[name] for name in names])


@pytest.mark.parametrize("parts", [2, 4])
@pytest.mark.parametrize("theirs", [restated, pytest.param(original, marks=needs_msst)])
def test_a_song_is_separated_as_there(theirs, parts):
    config, state = roformer(BS)
    model = create_model(config).eval()
    load_state(model.network, state)
    network = as_function(lambda blocks: model.estimate(blocks).audio)
    audio = np.random.default_rng(0).standard_normal((2, 4210)).astype(np.float32)
    assert_same_song(ours(network, audio, parts), theirs(network, audio, parts))


def as_function(estimate):
    """A function of tensors (batch, channels, samples) as one of arrays, which are float32."""

    def network(blocks):
        with torch.inference_mode():
            return estimate(torch.from_numpy(np.ascontiguousarray(blocks, np.float32))).float().numpy()

    return network


def assert_same_song(found, expected):
    assert found.shape == expected.shape and np.abs(expected).max() > 1e-2
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * max(1, np.abs(expected).max()))


@pytest.mark.slow
@needs_pymss
@needs_msst
@pytest.mark.parametrize("name", ["BSRoformer", "MelBandRoformer"])
def test_real_music_is_separated_as_there(name):
    """Twenty seconds, by networks of a presentable size: ours in our windows, the original in those of its project.

    In float64, as in float32 each of the two is as far from itself as they may be from each other.
    """
    if not (folder := os.environ.get("AURALFLOW_TEST_MUSIC")):
        pytest.skip("AURALFLOW_TEST_MUSIC names no folder of music")
    config = read_template(name, "small")
    rate, hop = config.model.sample_rate, config.model.hop_length  # pyright: ignore[reportAttributeAccessIssue]
    chunk = config.crop_samples // hop * hop  # whole hops, as in all published settings
    audio, own_rate = read(Path(folder) / "valid" / "Rubidium" / "mixture.flac")
    assert own_rate == rate
    audio = np.ascontiguousarray(audio[:, : 20 * rate], np.float32)
    torch.manual_seed(0)
    network, model = pymss(config), create_model(config).eval()
    state = {key: tensor.numpy() for key, tensor in network.state_dict().items()}
    load_state(model.network, from_msst(state, config.model))
    network, model = network.double(), model.double()
    found = ours(as_function(lambda blocks: model.estimate(blocks.double()).audio), audio, 2, chunk)
    theirs = as_function(lambda blocks: network(blocks.double())[:, None])
    assert_same_song(found, original(theirs, audio, 2, chunk, config.model.targets))
