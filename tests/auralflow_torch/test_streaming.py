import pytest
import torch

import auralflow_torch
from auralflow_core.errors import InputError
from auralflow_torch.streaming import StreamingSeparator

SIZES = (1, 37, 599, 600, 1300)  # of blocks; a segment has 600 samples


def live(streaming, audio, *sizes):
    """All that comes out, of blocks of these sizes, over and over."""
    pieces, start = [], 0
    while start < audio.shape[-1]:
        block = audio[..., start : start + sizes[len(pieces) % len(sizes)]]
        pieces.append(streaming.push(block))
        assert pieces[-1].shape[-1] == block.shape[-1]
        start += block.shape[-1]
    return torch.cat([*pieces, streaming.finish()], dim=-1)


@pytest.mark.parametrize("sizes", [*((size,) for size in SIZES[1:]), SIZES])
@pytest.mark.parametrize("overlap", [0.0, 0.1, 0.5])
def test_what_comes_out_is_the_offline_result_later(make_model, sizes, overlap):
    model = make_model()
    streaming = StreamingSeparator(model, overlap=overlap)
    assert streaming.latency == 600
    for samples in (5, 600, 4321):
        audio = torch.rand(1, samples, generator=torch.Generator().manual_seed(samples)) - 0.5
        output = live(streaming, audio, *sizes)
        assert output.shape == (1, samples + 600) and not output[:, :600].any()
        torch.testing.assert_close(output[:, 600:], model.separate(audio, overlap=overlap), rtol=0, atol=1e-6)


@pytest.mark.parametrize("shape", [(2000,), (1, 2000), (2, 2000)])
def test_several_targets_and_a_wiener_filter(make_model, shape):
    model = make_model(targets=["drums", "vocals"], num_channels=2)
    model.train()
    audio = torch.rand(shape, generator=torch.Generator().manual_seed(0)) - 0.5
    output = live(StreamingSeparator(model, overlap=0.25, wiener=1), audio, 333)
    assert output.shape == (2, *shape[:-1], 2600) and model.training
    torch.testing.assert_close(output[..., 600:], model.separate(audio, overlap=0.25, wiener=1), rtol=0, atol=1e-4)


def test_shorter_segments_come_sooner(make_model):
    # Of segments that do not overlap, each is what the model makes of it alone.
    model, audio = make_model(), torch.rand(1, 1000)
    streaming = StreamingSeparator(model, overlap=0.0, segment=200)
    output = live(streaming, audio, 70)
    assert streaming.latency == 200 and output.shape == (1, 1200)
    with torch.no_grad():
        alone = torch.cat([model.eval().estimate(part[None]).audio[0, 0] for part in audio.split(200, dim=-1)], dim=-1)
    torch.testing.assert_close(output[:, 200:], alone, rtol=0, atol=1e-6)


def test_blocks_of_another_kind_are_refused(make_model):
    streaming = auralflow_torch.StreamingSeparator(make_model())
    with pytest.raises(InputError, match="none were pushed"):
        streaming.finish()
    streaming.push(torch.zeros(2, 10))
    for block, words in (
        (torch.zeros(10), "has the shape .10,., those before it .2, 'samples'"),
        (torch.zeros(1, 2, 10), "got float32 of shape"),
        (torch.zeros(2, 10).int(), "got int32 of shape .*block / 2147483648"),
        (torch.full((2, 10), torch.nan), "got 20 NaN or infinite values"),
    ):
        with pytest.raises(InputError, match=words):
            streaming.push(block)
    assert streaming.push(torch.zeros(2, 0)).shape == (2, 0)
    for options, words in (
        ({"overlap": 0.9}, "overlap is 0.9"),
        ({"segment": 0}, "segment is 0"),
        ({"wiener": -1}, "wiener is -1"),
    ):
        with pytest.raises(InputError, match=words):
            StreamingSeparator(make_model(), **options)
