"""Peak memory of a training step, from raw audio to new weights, in torch and in JAX.

    python benchmarks/step_memory.py [--model NAME ...] [--batch N] [--seconds S] [--set KEY=VALUE ...]

Two steps of a network of full size with AdamW, each case in a process of its own. The figures are the system's account
of that process, which holds the imports, what was compiled, the weights and the optimizer's state. `plan` is the part
that XLA says it needs for the step: the state that goes in, and all that is computed from it. RoFormers are trained
without `remat`, too, which computes their blocks twice to keep less. JAX also trains low-rank adapters of rank 8, and
with `accumulate_steps`, which computes the items of a batch one after the other.
"""

import argparse
import json
from collections.abc import Mapping

from arguments import add_settings, duration, refused_by, whole_number
from noise import make_batch
from processes import measure

from auralflow_core import config as configuration
from auralflow_core.config import Config

CASES = {
    "torch": ("torch", {}),
    "torch, no remat": ("torch", {"remat": "false"}),
    "JAX": ("jax", {}),
    "JAX, no remat": ("jax", {"remat": "false"}),
    "JAX, adapters": ("jax", {"lora_rank": "8"}),
    "JAX, item by item": ("jax", {"accumulate_steps": "{batch}"}),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--model", nargs="+", choices=list(configuration.MODELS), metavar="NAME", default=["MelBandRoformer"]
    )
    parser.add_argument("--batch", type=whole_number, default=1)
    parser.add_argument("--seconds", type=duration, default=4.0, help="length of the crops (default: %(default)g)")
    add_settings(parser)
    parser.add_argument("--cases", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        side, config = arguments.child
        {"torch": torch_steps, "jax": jax_steps}[side](configuration.from_dict(json.loads(config)))
        return
    changes = dict(arguments.set) | {"batch_size": str(arguments.batch), "sample_length": str(arguments.seconds)}
    with refused_by(parser):
        configs = {name: configuration.override(configuration.template(name), changes) for name in arguments.model}
    print("| network | with | peak of the process | of the first one's | plan |\n| --- | --- | ---: | ---: | ---: |")
    for name, config in configs.items():
        first = None
        for case in arguments.cases:
            side, own = CASES[case]
            if not makes_sense(own, config, arguments.batch):
                continue
            own = {key: value.format(batch=arguments.batch) for key, value in own.items()}
            settings = json.dumps(configuration.to_dict(configuration.override(config, own)))
            used = measure([__file__, "--child", side, settings], case)
            first = first or used.peak
            print(
                f"| {name} | {case} | {used.peak / 1e9:.2f} GB | {used.peak / first:.2f} | {used.printed} |", flush=True
            )


def makes_sense(own: Mapping[str, str], config: Config, batch: int) -> bool:
    """Whether a case's own settings are for a network, and change something: most are for RoFormers alone."""
    return batch > 1 if "accumulate_steps" in own else not own or hasattr(config.model, "remat")


def jax_steps(config: Config) -> None:
    """Two steps in JAX; prints the memory that XLA plans for one."""
    import jax

    from auralflow_core.memory import give_back_memory
    from auralflow_jax.compilation import drawing_options
    from auralflow_jax.losses import make_loss
    from auralflow_jax.models.registry import build
    from auralflow_jax.train.optimizer import make_optimizer
    from auralflow_jax.train.sharding import make_mesh, replicated, shard_batch
    from auralflow_jax.train.state import initial_state
    from auralflow_jax.train.step import make_train_step

    model, training, mesh = build(config), config.training, make_mesh()
    optimizer = make_optimizer(training, 1000)
    train_step = make_train_step(
        model, make_loss(training, model.represent), optimizer, accumulate_steps=training.accumulate_steps
    )
    draw = jax.jit(
        lambda: initial_state(model, optimizer, config),
        out_shardings=replicated(mesh),
        compiler_options=drawing_options(),
    )
    state = draw()
    give_back_memory()  # as a run does before its steps
    batch = shard_batch(make_batch(config), mesh)
    step = train_step.lower(state, batch).compile()  # pyright: ignore[reportFunctionMemberAccess]
    plan = step.memory_analysis()
    for _ in range(2):
        state, metrics = step(state, batch)
        jax.block_until_ready(metrics)
    print(f"{(plan.argument_size_in_bytes + plan.temp_size_in_bytes) / 1e9:.2f} GB")


def torch_steps(config: Config) -> None:
    """Two steps in torch."""
    import torch

    from auralflow_torch import losses
    from auralflow_torch.models import create_model

    training, model = config.training, create_model(config).train()
    criterion = losses.Criterion(model, losses.make_loss(training, model.represent))
    optimizer = torch.optim.AdamW(model.parameters(), training.lr, weight_decay=training.weight_decay)
    batch = make_batch(config)
    mixture, targets = torch.from_numpy(batch["mixture"]), torch.from_numpy(batch["targets"]).movedim(1, -1)
    for _ in range(2):
        optimizer.zero_grad(set_to_none=True)
        criterion(mixture, targets).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), training.max_grad_norm)
        optimizer.step()


if __name__ == "__main__":
    main()
