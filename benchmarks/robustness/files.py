"""Damaged files: configurations, recipes, weights."""

import json
import shutil
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from auralflow.cli.main import main
from auralflow.recipes import claim_directory, read_recipe, recipes
from auralflow_core.config import MODELS, Config
from auralflow_core.config.templates import read_template, templates_folder
from auralflow_core.console.exit_status import exit_status
from auralflow_core.errors import InputError
from auralflow_core.model_folder import ModelFolder
from auralflow_core.weights.file import FLAX, TORCH, TensorFile, read_tensors, write_tensors
from auralflow_core.weights.training_state import TrainingTensors, write_training
from robustness.mutations import mutate_bytes, mutate_json
from robustness.outcomes import Outcome, run


def mutate_configuration(originals: Path, folder: Path, rng: np.random.Generator) -> list[Outcome]:
    """A damaged config.json is edited, and the networks that it describes are made without memory."""
    model = ModelFolder(folder / "model")
    model.path.mkdir()
    name = str(rng.choice(sorted(MODELS)))
    template = templates_folder() / str(rng.choice(["tiny", "models"])) / f"{name}.json"
    model.config_file.write_bytes(mutate_json(template.read_text(), rng))
    before = model.config_file.read_bytes()
    edited = run("config", lambda: main(["config", str(model.path), "--batch_size", "4"]), folder)
    if edited.status == 0:
        try:
            if model.load_config().training.batch_size != 4:
                edited.faults.append("the edit is lost")
        except InputError as error:
            edited.faults.append(f"cannot be read again: {error}")
    elif model.config_file.read_bytes() != before:
        edited.faults.append("changed, although it was refused")
    return [edited, run("describe", lambda: exit_status("auralflow", lambda: describe(model)), folder)]


def describe(model: ModelFolder) -> None:
    """Makes the networks of a configuration in both frameworks, without memory."""
    from auralflow_jax.models.base import abstract_variables
    from auralflow_torch.networks import network_shapes

    config = model.load_config()
    abstract_variables(config)
    network_shapes(config)


def mutate_recipe(originals: Path, folder: Path, rng: np.random.Generator) -> list[Outcome]:
    """A damaged recipe is read; then a folder in which the copy of a recipe is damaged is continued."""
    recipe, claimed = folder / "mutant.json", folder / "claimed"
    text = recipes()[str(rng.choice(sorted(recipes())))].read_text()
    recipe.write_bytes(mutate_json(text, rng))
    plain = {"recipe": "four_stems", **json.loads(text)}
    claim_directory(claimed, plain)
    copy = claimed / "recipe.json"
    copy.write_bytes(mutate_json(copy.read_text(), rng))
    return [
        run("read", lambda: exit_status("auralflow", lambda: void(read_recipe(str(recipe)))), folder),
        run("continue", lambda: exit_status("auralflow", lambda: claim_directory(claimed, plain)), folder),
    ]


def void(result: object) -> None:
    """Drops a result, which is no exit status."""


def make_weights(originals: Path) -> None:
    """Files of weights of each format, of the smallest network."""
    from auralflow_jax.models.registry import create_model
    from auralflow_jax.weights import save_weights
    from bridge import to_torch

    model = create_model(tiny())
    assert model.variables is not None  # as it is fresh
    save_weights(originals / "flax.safetensors", model.variables, model.settings, {"epoch": 3, "valid_loss": 0.5})
    state = to_torch(model.variables)
    write_tensors(originals / "torch.safetensors", TensorFile(TORCH, state, model.settings, {}))
    moments = {name: array for name, array in state.items() if "running" not in name and "num_" not in name}
    training = TrainingTensors(state, state, moments, moments, 12, np.float32(1), state)
    record = {"history": [{"epoch": 1, "step": 12, "valid_loss": 0.5}], "losses": [0.25]}
    write_training(originals / "training.safetensors", training, model.settings, record)


def tiny() -> Config:
    """The settings of a small network."""
    return read_template("SpectrogramNetSimple", "tiny")


def mutate_weights(originals: Path, folder: Path, rng: np.random.Generator) -> list[Outcome]:
    """A damaged file of weights is described, loaded and converted."""
    import auralflow_jax
    import auralflow_torch

    kind = str(rng.choice(["flax", "torch", "training"]))
    original, file = originals / f"{kind}.safetensors", folder / "mutant.safetensors"
    if is_bytes := rng.random() < 0.5:
        file.write_bytes(mutate_bytes(original.read_bytes(), rng))
    else:
        forge(original, file, rng)
    commands = {
        "load in jax": lambda: exit_status("auralflow", lambda: void(auralflow_jax.load(file, device="cpu"))),
        "load in torch": lambda: exit_status("auralflow", lambda: void(auralflow_torch.load(file, device="cpu"))),
        "to-torch": lambda: main(["convert", "to-torch", str(file), "-o", str(folder / "out.safetensors")]),
        "to-jax": lambda: main(["convert", "to-jax", str(file), str(folder / "out")]),
    }
    # Conversion to JAX sets up a checkpoint, which takes longest.
    label = str(rng.choice(list(commands), p=[0.4, 0.4, 0.15, 0.05]))
    outcomes = [run("info", lambda: main(["convert", "info", str(file)]), folder), run(label, commands[label], folder)]
    if is_bytes and outcomes[0].status == 0 and not same(original, file):
        outcomes[0].faults.append("accepted with other values")
    return outcomes


def forge(original: Path, file: Path, rng: np.random.Generator) -> None:
    """A file with other metadata or tensors and without a checksum, as an earlier version or a stranger writes it."""
    found = read_tensors(original)
    metadata = {"format": found.format, "config": config_text(original), "provenance": json.dumps(found.provenance)}
    if rng.random() < 0.7:
        key = str(rng.choice(["config", "config", "provenance"]))
        metadata[key] = mutate_json(metadata[key], rng).decode(errors="replace")
    else:
        metadata["format"] = str(rng.choice([FLAX, TORCH, "", "x" * 9000, "pt"]))
    tensors = dict(found.tensors)
    if rng.random() < 0.4:
        name = str(rng.choice(sorted(tensors)))
        array = tensors.pop(name)
        changed = (array.reshape(-1), array.astype(np.int64), array[None], array.astype(np.float64), array)
        tensors[str(rng.choice([name, "x", "", "a/b" * 900, f"{name}/x"]))] = changed[rng.integers(len(changed))]
    save_file(tensors, file, metadata)


def config_text(file: Path) -> str:
    """The configuration in a file's metadata."""
    from safetensors import safe_open

    with safe_open(file, framework="numpy") as opened:
        return opened.metadata()["config"]


def same(original: Path, file: Path) -> bool:
    """Whether two files hold the same."""
    ours, theirs = read_tensors(original), read_tensors(file)
    return (ours.config, ours.provenance, ours.tensors.keys()) == (
        theirs.config,
        theirs.provenance,
        theirs.tensors.keys(),
    ) and all(array.tobytes() == theirs.tensors[name].tobytes() for name, array in ours.tensors.items())


def copy(folder: Path, to: Path) -> ModelFolder:
    """A copy of a model folder."""
    return ModelFolder(shutil.copytree(folder, to))
