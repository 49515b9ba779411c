import math

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from auralflow_core.config import MODELS, Config, DatasetConfig, OpenUnmix, SpectrogramNetSimple, template
from auralflow_core.config.networks.demucs import DemucsConfig
from auralflow_core.separation.options import cross_fade


@example(overlap=0.5, segment=3, hop=1, depth=2)  # half of an odd number rounds up to an even one
@given(overlap=st.floats(0, 0.875), segment=st.integers(1, 5000), hop=st.integers(1, 300), depth=st.integers(1, 4))
def test_segments_begin_where_strides_repeat_as_near_as_can_be(overlap, segment, hop, depth):
    model = SpectrogramNetSimple(num_fft=512, window_size=512, num_bins=8, hop_length=hop, depth=depth)
    faded = cross_fade(Config(model=model), overlap, segment)
    largest = segment // 2 if overlap <= 0.5 else segment * 7 // 8
    asked = min(round(overlap * segment), largest)
    assert 0 <= faded <= largest
    whole = [segment - stride for stride in range(hop * 2**depth, segment + 1, hop * 2**depth)]  # such overlaps
    near = [overlap for overlap in whole if asked <= overlap <= largest]
    if asked == 0:
        assert faded == 0
    elif near:
        assert faded == min(near)
    else:
        assert faded == asked or (faded in whole and asked / 2 <= faded < asked)


@pytest.mark.parametrize("name", MODELS)
def test_all_strides_of_a_network_fit_its_alignment(name):
    # By the settings' meanings: levels halve frames, or divide samples by four; recurrent groups join steps.
    config = template(name)
    model = config.model
    frames = getattr(model, "hop_length", 1) * (1 if isinstance(model, OpenUnmix) else 2 ** getattr(model, "depth", 0))
    samples = (
        4 ** getattr(model, "audio_depth", model.depth) * getattr(model, "recurrent_group", 1)  # pyright: ignore[reportAttributeAccessIssue]
        if name.startswith(("AudioNet", "Hybrid"))
        else 1
    )
    if name.startswith("AudioNet"):
        frames = 1
    if isinstance(model, DemucsConfig):
        frames, samples = model.num_fft // 4, math.prod(level.stride for level in model.levels)
    assert model.alignment % frames == 0 and model.alignment % samples == 0
    assert model.alignment in (frames, samples, frames * samples) or name == "HybridNet"


def test_the_share_of_a_model_as_it_is_trained():
    config = Config(model=SpectrogramNetSimple(), dataset=DatasetConfig(sample_length=3.0))
    # 3 s are 132300 samples, 32 frames of 768 are 24576: four times that leave 33996, five times 9420.
    assert [cross_fade(config, share) for share in (0.0, 0.05, 0.1, 0.5)] == [0, 9420, 33996, 132300 - 3 * 24576]
    assert cross_fade(msgspec.structs.replace(config, model=OpenUnmix()), 0.1) == 132300 - 116 * 1024
