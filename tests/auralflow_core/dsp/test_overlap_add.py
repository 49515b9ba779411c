import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auralflow_core.dsp.overlap_add import fade, overlap_add, stream


def signal(samples, channels=2, seed=0):
    return np.random.default_rng(seed).standard_normal((channels, samples)).astype(np.float32)


def identity(blocks):
    return blocks[:, None]


@settings(deadline=None, max_examples=200)
@given(
    samples=st.integers(1, 400),
    segment=st.integers(1, 40),
    share=st.floats(0, 0.95),
    batch=st.integers(1, 5),
    cut=st.integers(1, 150),
)
def test_the_identity_returns_the_signal_however_it_comes(samples, segment, share, batch, cut):
    audio, overlap = signal(samples), int(share * segment)
    shapes = set()

    def watched(blocks):
        shapes.add(blocks.shape)
        return identity(blocks)

    whole = overlap_add(watched, audio, segment, overlap, batch)
    blocks = [audio[:, start : start + cut] for start in range(0, samples, cut)]
    pieces = list(stream(watched, blocks, segment, overlap, batch))
    np.testing.assert_array_equal(whole, audio[None])
    np.testing.assert_array_equal(np.concatenate(pieces, -1), audio[None])
    assert shapes == {(batch, 2, segment)}
    assert all(piece.shape[-1] for piece in pieces)


def test_the_cross_fade_is_sin_squared_and_spares_the_borders():
    # Segment number k is all k: the output shows which segment counts how much.
    calls = iter(range(10))
    output = overlap_add(lambda blocks: np.full_like(blocks, next(calls))[:, None], signal(16, 1), 8, 4)[0, 0]
    rise = np.sin(np.pi / 2 * np.array([0.125, 0.375, 0.625, 0.875])) ** 2
    np.testing.assert_allclose(output, [0] * 4 + [*rise] + [*(1 + rise)] + [2] * 4, atol=1e-6)


def triangle(segment, overlap):
    return np.minimum(np.arange(segment) + 1, segment - np.arange(segment))


@pytest.mark.parametrize(
    ("overlap", "batch", "window"), [(48, 1, fade), (56, 3, fade), (45, 2, fade), (48, 2, triangle)]
)
def test_many_segments_are_averaged_by_weights_that_sum_to_one(overlap, batch, window):
    # Each call returns noise of its own, whatever it gets: the mean shows what every segment counts.
    segment, samples, outputs = 64, 500, []

    def noise(blocks):
        outputs.append(signal(blocks.size, 1, len(outputs)).reshape(blocks.shape)[:, None])
        return outputs[-1]

    found = overlap_add(noise, signal(samples, 1), segment, overlap, batch, window=window)[0, 0]
    sums = np.zeros((2, samples + batch * segment))
    for number, output in enumerate(np.concatenate(outputs)[:, 0, 0]):
        if (start := number * (segment - overlap)) < samples - overlap:
            sums[:, start : start + segment] += window(segment, overlap) * [output, np.ones(segment)]
    np.testing.assert_allclose(found, sums[0, :samples] / sums[1, :samples], atol=1e-6)


def test_hann_windows_add_up_to_the_same_everywhere():
    # Closed form: Hann windows at a quarter and an eighth of their length add up to 2 and 4.
    for parts in (4, 8):
        window = fade(64, 64 - 64 // parts)
        np.testing.assert_allclose(sum(np.roll(window, k * 64 // parts) for k in range(parts)), parts / 2, atol=1e-12)


def test_the_last_segment_and_the_last_batch_are_filled_with_zeros():
    seen = []
    overlap_add(lambda blocks: seen.append(blocks.copy()) or identity(blocks), np.ones((1, 11), np.float32), 4, 1, 3)
    blocks = np.concatenate(seen)[:, 0]
    assert blocks.shape == (6, 4)  # four segments hold signal
    np.testing.assert_array_equal(blocks[3], [1, 1, 0, 0])
    np.testing.assert_array_equal(blocks[4:], 0)


def test_a_pointwise_function_of_several_targets_sees_no_seams():
    audio = signal(1000)
    output = overlap_add(lambda blocks: np.stack([blocks, -2 * blocks, blocks**2], axis=1), audio, 128, 50, 4)
    np.testing.assert_allclose(output, np.stack([audio, -2 * audio, audio**2]), atol=1e-6)


def test_progress_counts_finished_samples_up_to_the_end():
    told = []
    overlap_add(identity, signal(1000), 100, 20, 2, progress=told.append)
    assert told == sorted(set(told)) and told[-1] == 1000 and len(told) > 3


def test_memory_stays_constant_while_a_stream_runs():
    # An endless signal: the output must come while the input is still running, at most a few segments behind.
    taken = 0

    def endless():
        nonlocal taken
        while True:
            taken += 10
            yield np.ones((1, 10), np.float32)

    given = 0
    for piece in stream(identity, endless(), 64, 16, 4):
        given += piece.shape[-1]
        assert taken - given <= 64 + 16 + 10
        if given > 10_000:
            break


@pytest.mark.parametrize(("segment", "overlap", "batch"), [(0, 0, 1), (8, 8, 1), (8, -1, 1), (8, 4, 0)])
def test_sizes_out_of_order_are_refused(segment, overlap, batch):
    with pytest.raises(ValueError, match=f"segment {segment}, overlap {overlap}, batch_size {batch}"):
        overlap_add(identity, signal(100), segment, overlap, batch)


def test_an_empty_signal_and_a_wrong_function_are_refused():
    with pytest.raises(ValueError, match="no samples"):
        overlap_add(identity, np.zeros((2, 0), np.float32), 8, 4)
    with pytest.raises(ValueError, match=r"must return .* got \(1, 2, 8\)"):
        overlap_add(lambda blocks: blocks, signal(20), 8, 4)
