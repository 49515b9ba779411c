import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from auralflow_core.errors import InputError
from auralflow_core.weights import names as naming

names = st.from_regex(r"[a-z]{1,3}(_[0-9]{1,2}){0,2}", fullmatch=True)
# Every bit pattern: infinities, denormals, -0.0 and NaNs of every payload.
bits = st.integers(0, 2**32 - 1)


def leaf(dims):
    shapes = arrays.array_shapes(min_dims=dims[0], max_dims=dims[1], max_side=3)
    return arrays.arrays(np.uint32, shapes, elements=bits).map(lambda array: array.view(np.float32))


vector = leaf((1, 1))
layer = st.fixed_dictionaries({"kernel": leaf((2, 5))}, optional={"bias": vector}).map(lambda params: (params, {}))
norm = st.tuples(
    st.fixed_dictionaries({}, optional={"scale": vector, "bias": vector}),
    st.fixed_dictionaries({"mean": vector, "var": vector}),
)
recurrent = st.fixed_dictionaries({"weight_ih_l0": leaf((2, 2)), "bias_hh_l0_reverse": vector}).map(
    lambda params: (params, {})
)
scalar = st.fixed_dictionaries({"gain": leaf((0, 0))}).map(lambda params: (params, {}))
modules = st.recursive(
    st.one_of(layer, norm, recurrent, scalar),
    lambda inner: st.dictionaries(names, inner, min_size=1, max_size=3),
    max_leaves=8,
)


def split(tree, collection):
    """The leaves of one collection of a tree of (params, batch_stats)."""
    if isinstance(tree, tuple):
        return tree[collection]
    return {name: part for name, inner in tree.items() if (part := split(inner, collection))}


trees = st.dictionaries(names, modules, max_size=4).map(
    lambda tree: {"params": split(tree, 0), "batch_stats": split(tree, 1)}
)


def same_bits(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


@settings(deadline=None, max_examples=150)
@given(trees)
def test_a_round_trip_of_any_tree_keeps_every_bit(variables):
    state = naming.to_torch(variables)
    again = naming.to_flax(state, variables)
    before, after = (dict(naming.flatten(tree)) for tree in (variables, again))
    assert before.keys() == after.keys()
    assert all(same_bits(before[path], after[path]) for path in before)
    assert all(array.flags.c_contiguous and array.flags.writeable for array in [*state.values(), *after.values()])
    back = naming.to_torch(again)
    assert back.keys() == state.keys() and all(same_bits(back[name], state[name]) for name in state)
    assert len(state) == len(before) + sum(path[-1] == "mean" for path in before)


def test_every_rule_of_the_table():
    rng = np.random.default_rng(0)
    draw = lambda *shape: rng.standard_normal(shape, np.float32)  # noqa: E731
    kernel, linear, scale, bias, mean, var, weight = (
        draw(3, 2, 4, 5),
        draw(4, 5),
        draw(5),
        draw(5),
        draw(5),
        draw(5),
        draw(8, 2),
    )
    variables = {
        "params": {
            "down_1": {"conv_0": {"kernel": kernel}, "norm": {"scale": scale, "bias": bias}},
            "head": {"kernel": linear},
            "lstm": {"weight_ih_l0_reverse": weight},
        },
        "batch_stats": {"down_1": {"norm": {"mean": mean, "var": var}}},
    }
    state = naming.to_torch(variables)
    # By hand: torch keeps (outputs, inputs, ...) where flax keeps (..., inputs, outputs).
    assert state.keys() == {
        "down.1.conv.0.weight",
        "down.1.norm.weight",
        "down.1.norm.bias",
        "down.1.norm.running_mean",
        "down.1.norm.running_var",
        "down.1.norm.num_batches_tracked",
        "head.weight",
        "lstm.weight_ih_l0_reverse",
    }
    assert state["down.1.conv.0.weight"].shape == (5, 4, 3, 2)
    assert state["down.1.conv.0.weight"][4, 1, 2, 0] == kernel[2, 0, 1, 4]
    np.testing.assert_array_equal(state["head.weight"], linear.T)
    for name, array in (
        ("down.1.norm.weight", scale),
        ("down.1.norm.bias", bias),
        ("down.1.norm.running_mean", mean),
        ("down.1.norm.running_var", var),
        ("lstm.weight_ih_l0_reverse", weight),
    ):
        np.testing.assert_array_equal(state[name], array)
    counter = state["down.1.norm.num_batches_tracked"]
    assert counter.shape == () and counter.dtype == np.int64 and counter == 0


def zeros(*shape, dtype=np.float32):
    return np.zeros(shape, dtype)


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"params": {"a": {"kernel": zeros(3)}}}, "'params/a/kernel' has shape (3,)"),
        ({"cache": {"a": {"bias": zeros(3)}}}, "'cache/a/bias' of shape (3,) has no counterpart"),
        ({"batch_stats": {"a": {"count": zeros()}}}, "'batch_stats/a/count' of shape () has no counterpart"),
        (
            {"params": {"a": {"kernel": zeros(2, 3), "scale": zeros(4)}}},
            "'params/a/kernel' of shape (3, 2) and 'params/a/scale' of shape (4,) would both be torch's 'a.weight'",
        ),
        ({"params": {"a": {"0": {"bias": zeros(2)}}, "a_0": {"bias": zeros(3)}}}, "would both be torch's 'a.0.bias'"),
    ],
)
def test_variables_without_a_name_of_their_own_in_torch_are_refused(variables, words):
    with pytest.raises(InputError) as caught:
        naming.to_torch(variables)
    assert words in str(caught.value)


EXPECTED = {
    "params": {"down_0": {"kernel": zeros(4, 5), "bias": zeros(5)}, "norm": {"scale": zeros(5)}},
    "batch_stats": {"norm": {"mean": zeros(5), "var": zeros(5)}},
}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"down.0.bias": None}, "1 missing ('down.0.bias' of shape (5,))"),
        ({"norm.num_batches_tracked": None}, "1 missing ('norm.num_batches_tracked' of shape ())"),
        ({"up.weight": zeros(2, 7)}, "1 left over ('up.weight' of shape (2, 7))"),
        ({"down.0.weight": zeros(4, 5)}, "1 of another shape ('down.0.weight' is (4, 5), expected (5, 4))"),
        (
            {"norm.running_var": zeros(5, dtype=np.float16)},
            "1 of another type ('norm.running_var' is float16, expected float32)",
        ),
        ({"norm.num_batches_tracked": zeros(1, dtype=np.int64)}, "'norm.num_batches_tracked' is (1,), expected ()"),
        (
            {"down.0.bias": None, "down_0.bias": zeros(5)},
            "1 missing ('down.0.bias' of shape (5,)); 1 left over ('down_0.bias' of shape (5,))",
        ),
    ],
)
def test_a_state_dict_that_does_not_fit_is_refused_with_name_and_shapes(changes, words):
    state = naming.to_torch(EXPECTED) | changes
    state = {name: array for name, array in state.items() if array is not None}
    with pytest.raises(InputError) as caught:
        naming.to_flax(state, EXPECTED, "net.pth")
    message = str(caught.value)
    assert message.startswith("net.pth: ") and words in message and "\n" not in message
