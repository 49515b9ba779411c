"""The results of a run of the trainer, for comparison with another run's."""

import io

import torch
from rich.console import Console

from auralflow_core.weights.file import TORCH, read_tensors


def quiet():
    return Console(file=io.StringIO(), width=200, soft_wrap=True)


def weights(trainer):
    return {name: tensor.clone() for name, tensor in trainer.model.network.state_dict().items()}


def averages(trainer):
    return {name: tensor.clone() for name, tensor in trainer.average.module.state_dict().items()}


def same(some, others):
    return some.keys() == others.keys() and all(torch.equal(some[name], others[name]) for name in some)


def timeless(history):
    return [
        {key: value for key, value in epoch.items() if key not in ("seconds", "samples_per_second")}
        for epoch in history
    ]


def outcome(trainer):
    """The results that two runs must have in common, bit for bit."""
    best = read_tensors(trainer.folder.weights, [TORCH])
    last = torch.load(trainer.folder.last, weights_only=True)["state"]
    return {
        "history": timeless(trainer.history),
        "weights": weights(trainer),
        "averages": averages(trainer),
        "random": last["random"]["cpu"],
        "optimizer": last["parts"]["optimizer"],
        "best": best.tensors,
        "epoch": timeless([best.provenance]),
    }


def assert_same_outcome(some, others):
    torch.testing.assert_close(some, others, rtol=0, atol=0)
