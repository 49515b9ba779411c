import re
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
from wheels import port_arrays, write_wheel

from auralflow_core.errors import InputError
from bridge.importers.rename import rename
from bridge.importers.spleeter import MEMBERS, read_arrays, read_spleeter


def test_spleeters_arrays_go_where_they_belong():
    state = read_spleeter([write_wheel("spleeter.whl")])
    vocals = port_arrays(0)
    for ours, theirs in (
        ("down.0.weight", "down1_conv.1.weight"),
        ("up.5.weight", "up1.0.weight"),
        ("up.0.weight", "up6.0.weight"),
        ("head.weight", "up7.0.weight"),
    ):
        np.testing.assert_array_equal(state[f"target.1.{ours}"], vocals[theirs].transpose(0, 1, 3, 2))
    for ours, theirs in (
        ("down_norm.4.running_var", "down5_act.0.running_var"),
        ("up_norm.5.bias", "up1.3.bias"),
        ("up_norm.0.weight", "up6.3.weight"),
        ("down.5.bias", "down6_conv.1.bias"),
    ):
        np.testing.assert_array_equal(state[f"target.1.{ours}"], vocals[theirs])
    np.testing.assert_array_equal(state["target.0.head.bias"], port_arrays(1)["up7.0.bias"])
    # Each is used once, but those of the norm whose result goes nowhere.
    assert len([name for name in state if not name.endswith("tracked")]) == 2 * (len(vocals) - 4)


class Harmful:
    def __reduce__(self):
        return print, ("run",)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"a": Harmful()}, "it would run __builtin__.print"),
        (OrderedDict(), "it would run collections.OrderedDict"),
        ([1], "something other than a dict of arrays"),
        ({"a": 1}, "something other than a dict of arrays"),
        (None, "not a readable file of arrays"),
    ],
)
def test_other_pickles_are_refused_and_nothing_is_run(capsys, content, words):
    wheel = write_wheel("spleeter.whl", vocals=content)
    with pytest.raises(InputError, match=re.escape(words)):
        read_arrays(wheel, MEMBERS["vocals"])
    assert capsys.readouterr().out == ""


def test_unknown_tensors_and_other_files_are_refused():
    with pytest.raises(InputError, match="tensor 'up8.0.weight' of shape .* is no part of this network"):
        read_spleeter([write_wheel("spleeter.whl", vocals=port_arrays(0) | {"up8.0.weight": np.ones(2)})])
    with zipfile.ZipFile("empty.whl", "w"):
        pass
    with pytest.raises(InputError, match="There is no item named"):
        read_spleeter([Path("empty.whl")])


def test_rename_is_strict():
    state = {"a.b.running_mean": np.ones(2), "c": np.ones(3), "old.window": np.ones(4)}
    renamed = rename(state, {"a.b": "norm.0", "": ""}, frozenset({"old.window"}), "file")
    assert sorted(renamed) == ["c", "norm.0.num_batches_tracked", "norm.0.running_mean"]
    with pytest.raises(InputError, match="file: tensor 'old.window'"):
        rename(state, {"a.b": "norm.0", "": ""}, frozenset(), "file")
