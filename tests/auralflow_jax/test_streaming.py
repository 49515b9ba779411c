import numpy as np
import pytest
from msgspec.structs import replace

import auralflow_jax
from auralflow_core.errors import InputError
from auralflow_jax.streaming import StreamingSeparator

SIZES = (1, 37, 599, 600, 1300)  # of blocks; a segment has 600 samples


@pytest.fixture(scope="module")
def make_model(tiny_config):
    """Makes small models for crops of 600 samples."""
    dataset = replace(tiny_config.dataset, sample_length=0.075)

    def make(**settings):
        return auralflow_jax.create_model(
            replace(tiny_config, dataset=dataset, model=replace(tiny_config.model, **settings))
        )

    return make


def noise(*shape):
    return np.random.default_rng(shape[-1]).uniform(-0.5, 0.5, shape).astype(np.float32)


def live(streaming, audio, *sizes):
    """All that comes out, of blocks of these sizes, over and over."""
    pieces, start = [], 0
    while start < audio.shape[-1]:
        block = audio[..., start : start + sizes[len(pieces) % len(sizes)]]
        pieces.append(streaming.push(block))
        assert pieces[-1].shape[-1] == block.shape[-1]
        start += block.shape[-1]
    return np.concatenate([*pieces, streaming.finish()], axis=-1)


@pytest.mark.parametrize("sizes", [(37,), (600,), SIZES])
@pytest.mark.parametrize("overlap", [0.0, 0.1, 0.5])
def test_what_comes_out_is_the_offline_result_later(make_model, sizes, overlap):
    model = make_model()
    streaming = StreamingSeparator(model, overlap=overlap)
    assert streaming.latency == 600
    for samples in (5, 600, 4321):
        audio = noise(1, samples)
        output = live(streaming, audio, *sizes)
        assert output.shape == (1, 1, samples + 600) and not output[..., :600].any()
        np.testing.assert_allclose(output[..., 600:], model.separate(audio, overlap=overlap), rtol=0, atol=1e-6)


@pytest.mark.parametrize("shape", [(2000,), (1, 2000), (2, 2000)])
def test_several_targets_and_a_wiener_filter(make_model, shape):
    model, audio = make_model(targets=("drums", "vocals"), num_channels=2), noise(*shape)
    output = live(StreamingSeparator(model, overlap=0.25, wiener=1), audio, 333)
    assert output.shape == (2, *shape[:-1], 2600)
    np.testing.assert_allclose(output[..., 600:], model.separate(audio, overlap=0.25, wiener=1), rtol=0, atol=1e-4)


def test_shorter_segments_come_sooner(make_model):
    # Of segments that do not overlap, each is what the model makes of it alone.
    model, audio = make_model(), noise(1, 1000)
    streaming = StreamingSeparator(model, 200, overlap=0.0)
    output = live(streaming, audio, 70)
    assert streaming.latency == 200 and output.shape == (1, 1, 1200)
    parts = np.split(audio, 5, axis=-1)
    alone = np.concatenate([np.asarray(model.estimate(part[None]).audio[0]) for part in parts], axis=-1)
    np.testing.assert_allclose(output[..., 200:], alone, rtol=0, atol=1e-6)


def test_blocks_of_another_kind_are_refused(make_model):
    model = make_model()
    streaming = auralflow_jax.StreamingSeparator(model)
    with pytest.raises(InputError, match="none were pushed"):
        streaming.finish()
    streaming.push(np.zeros((2, 10)))
    for block, words in (
        (np.zeros(10), "has the shape .10,., those before it .2, 'samples'"),
        (np.zeros((1, 2, 10)), "block must be floating point, .samples,. or .channels, samples., got float64 of shape"),
        (np.zeros((2, 10), np.int32), "got int32 of shape .*block / 2147483648"),
        (np.full((2, 10), np.inf), "got 20 NaN or infinite values"),
        (np.zeros((200, 10)), "at most 64 channels are accepted"),
    ):
        with pytest.raises(InputError, match=words):
            streaming.push(block)
    assert streaming.push(np.zeros((2, 0))).shape == (1, 2, 0)
    for options, words in (
        ({"overlap": 0.9}, "overlap is 0.9"),
        ({"segment": 0}, "segment is 0"),
        ({"segment": 0.5}, "segment is 0.5"),
        ({"wiener": -1}, "wiener is -1"),
    ):
        with pytest.raises(InputError, match=words):
            StreamingSeparator(model, **options)
