"""Models of several members: a stem is separated by those members alone that have a part in it."""

import numpy as np
import pytest
from demucs_files import SMALL, ht_demucs

from auralflow.cli.main import main
from auralflow_core.audio import write
from auralflow_core.separation.separator import separate
from auralflow_torch.models import create_model
from auralflow_torch.networks import HTDemucs
from auralflow_torch.separation import Separator
from auralflow_torch.weights import load_state

SHARES = (1.0, 0, 0, 0, 1, 0.5, 0, 0, 0.5)  # of bass, drums, vocals in each member


@pytest.mark.parametrize(("targets", "needed"), [([0], [0]), ([2], [1, 2]), ([0, 1], [0, 1]), ([0, 1, 2], [0, 1, 2])])
@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_members_without_a_part_are_not_run(targets, needed, backend, monkeypatch):
    bag = {"members": 3, "member_shares": SHARES, "targets": ["bass", "drums", "vocals"], "depth": 1, "num_layers": 1}
    config, state = ht_demucs(SMALL | bag)
    audio = np.random.default_rng(0).standard_normal((2, 1003)).astype(np.float32)
    model = create_model(config).eval()
    load_state(model.network, state)
    expected = separate(Separator(model), audio, 8000)[targets]
    if backend == "torch":
        narrow, ran = Separator(model).narrow(targets), []
        for index, member in enumerate(model.network.member):
            member.register_forward_hook(lambda *_, index=index: ran.append(index))
        found = separate(narrow, audio, 8000)[targets]
        assert sorted({*ran}) == needed
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(separate(Separator(model), audio, 8000)[targets], expected)
    else:
        import jax

        import bridge
        from auralflow_jax.models.registry import build

        flax = build(config).replace(variables=bridge.to_flax(state, config)).narrow(targets)
        jaxpr = str(jax.make_jaxpr(type(flax).estimate)(flax, audio[None]))
        whole = build(config).replace(variables=flax.variables)
        of_all = str(jax.make_jaxpr(type(whole).estimate)(whole, audio[None]))
        assert jaxpr.count("dot_general") * 3 == of_all.count("dot_general") * len(needed)


def test_the_command_runs_what_it_needs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bag = {"members": 3, "member_shares": SHARES, "targets": ["bass", "drums", "vocals"], "depth": 1, "num_layers": 1}
    create_model(ht_demucs(SMALL | bag)[0]).save("bag")
    write("song.wav", np.random.default_rng(0).uniform(-0.5, 0.5, (2, 900)).astype(np.float32), 8000)
    ran, estimate = [], HTDemucs.estimate

    def counted(network, x, noise=None):
        ran.append(network.config.members)
        return estimate(network, x, noise)

    monkeypatch.setattr(HTDemucs, "estimate", counted)
    command = ["separate", "bag", "song.wav", "--backend", "torch", "--overwrite"]
    for further, members in ((["--targets", "bass"], 1), (["--targets", "vocals", "--residual"], 2), ([], 3)):
        ran.clear()
        assert main([*command, *further]) == 0
        assert ran.count(1) == members * ran.count(3) > 0
    ran.clear()
    assert main([*command, "--targets", "bass", "--wiener", "1"]) == 0
    assert ran.count(1) == 3 * ran.count(3) > 0  # the filter needs all
