"""What the whole of a process shares and libraries change: rules of jax and torch, loggers, warnings, signals."""

import locale
import logging
import os
import signal
import sys
import threading
import warnings

import jax
import numpy as np
import torch
import torch._dynamo
import torch._functorch.config
import torch._inductor.config


def take():
    """The state of now, as a dict of dicts."""
    configs = {
        f"torch.{name}": {key: repr(value) for key, value in module.get_config_copy().items()}
        for name, module in (
            ("_dynamo", torch._dynamo.config),
            ("_functorch", torch._functorch.config),
            ("_inductor", torch._inductor.config),
        )
    }
    return configs | {
        "jax": dict(jax.config.values),
        "torch": {
            "dtype": torch.get_default_dtype(),
            "device": torch.get_default_device(),
            "precision": torch.get_float32_matmul_precision(),
            "threads": torch.get_num_threads(),
            "gradients": torch.is_grad_enabled(),
            "deterministic": torch.are_deterministic_algorithms_enabled(),
            "denormals": torch.tensor(1e-39).mul(0.5).item(),
        },
        "environment": dict(os.environ),
        "loggers": {
            name: (logger.level, logger.propagate, logger.disabled, [*logger.handlers])
            for name, logger in (("root", logging.root), *logging.root.manager.loggerDict.items())
            if isinstance(logger, logging.Logger)
        },
        "signals": {number.name: signal.getsignal(number) for number in signal.Signals},
        "python": {
            "streams": (sys.stdout, sys.stderr),
            "path": [*sys.path],
            "recursion": sys.getrecursionlimit(),
            "hooks": (sys.excepthook, threading.excepthook, warnings.showwarning),
            "filters": [*warnings.filters],
            "logging": (logging.root.manager.disable, logging.getLoggerClass()),
            "floats": np.geterr(),
            "locale": locale.setlocale(locale.LC_ALL),
            "folder": os.getcwd(),
        },
    }


def differences(before, after):
    """Lines of what is not the same; what a library adds of its own does not count."""
    return [
        f"{group}.{name}: {value} became {after[group].get(name)}"
        for group, values in before.items()
        for name, value in values.items()
        if after[group].get(name) != value
    ] + [f"environment.{name} is new" for name in after["environment"].keys() - before["environment"].keys()]
