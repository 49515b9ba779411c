import threading
import time

import numpy as np
import pytest

from auralflow_core.dsp.streams import ahead, aligned, delayed, skipped


def cut(signal, *lengths):
    """A signal in pieces of these lengths, over and over."""
    pieces, start = [], 0
    while start < signal.shape[-1]:
        pieces.append(signal[..., start : start + lengths[len(pieces) % len(lengths)]])
        start += pieces[-1].shape[-1]
    return pieces


def test_ahead_runs_in_a_thread_a_few_items_in_front():
    taken, threads = [], set()

    def items():
        for number in range(20):
            taken.append(number)
            threads.add(threading.current_thread())
            yield number

    with ahead(items(), depth=2) as stream:
        for number in stream:
            time.sleep(0.002)
            assert taken[-1] <= number + 4  # two wait, one is in hand, one is on its way
            assert number > 15 or len(taken) > number + 1
    assert threads.isdisjoint({threading.current_thread()}) and len(threads) == 1
    assert taken == list(range(20)) and list(stream) == []


def test_ahead_raises_where_the_next_item_is_asked_for():
    def items():
        yield 1
        raise KeyError("two")

    with ahead(items()) as stream:
        assert next(stream) == 1
        with pytest.raises(KeyError, match="two"):
            next(stream)


@pytest.mark.parametrize("error", [None, KeyboardInterrupt])
def test_ahead_stops_its_thread_and_closes_the_generator(error):
    closed, before = [], threading.active_count()

    def endless():
        try:
            while True:
                yield 1
        finally:
            closed.append(threading.current_thread())

    try:
        with ahead(endless()) as stream:
            next(stream)
            if error:
                raise error
    except KeyboardInterrupt:
        pass
    assert len(closed) == 1 and threading.active_count() == before


def test_aligned_streams_have_pieces_of_one_length():
    short, long = np.arange(50), np.arange(100).reshape(2, 50)
    pieces = list(aligned(cut(short, 7), cut(long, 3, 0, 11)))
    assert all(a.shape == (b.shape[-1],) and len(a) for a, b in pieces)
    np.testing.assert_array_equal(np.concatenate([a for a, _ in pieces]), short)
    np.testing.assert_array_equal(np.concatenate([b for _, b in pieces], axis=-1), long)


def test_aligned_streams_of_different_lengths_are_refused():
    for streams in (([np.arange(3)], [np.arange(4)]), ([np.arange(4)], [np.arange(3)])):
        with pytest.raises(ValueError, match="different lengths"):
            list(aligned(*streams))


def test_what_is_delayed_and_skipped_is_the_same_again():
    signal = np.arange(100).reshape(2, 50)
    late = np.concatenate(list(delayed(cut(signal, 7), 12)), axis=-1)
    np.testing.assert_array_equal(late, np.pad(signal, [(0, 0), (12, 0)]))
    for pieces in (cut(late, 5), cut(late, 12), cut(late, 100)):
        np.testing.assert_array_equal(np.concatenate(list(skipped(pieces, 12)), axis=-1), signal)
