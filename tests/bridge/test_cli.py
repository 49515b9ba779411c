import json
import subprocess
import sys

import jax
import numpy as np
import torch
from safetensors import safe_open
from small_models import KINDS, PROVENANCE, make_model, random_bits, random_weights, same_bits, small_config

import auralflow_torch
from auralflow_core.model_folder import ModelFolder
from auralflow_core.weights.file import FLAX, TORCH, TensorFile, read_tensors, write_tensors
from auralflow_core.weights.names import to_torch
from auralflow_jax.loading import load
from auralflow_jax.models.base import abstract_variables
from auralflow_jax.train.checkpoint import Checkpoints
from auralflow_jax.weights import load_weights
from bridge.cli import main
from bridge.training_state import fresh_state, read_run, training_to_flax


def refused(capsys, *arguments):
    """The sentence with which a command refuses its input."""
    capsys.readouterr()
    assert main([*map(str, arguments)]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("python -m bridge: error: ") and err.count("\n") == 1
    return err


def test_weights_go_to_torch_and_back(here, capsys):
    config = small_config(KINDS[1], targets="bass,vocals")
    variables = random_bits(abstract_variables(config))
    make_model("model", config, variables)
    assert main(["to-torch", "model"]) == 0 and main(["to-torch", "model", "-o", "deep/t.safetensors"]) == 0
    assert capsys.readouterr().out.split() == ["model.safetensors", "deep/t.safetensors"]
    file = read_tensors("deep/t.safetensors", [TORCH])
    assert (file.config, file.provenance) == (config, PROVENANCE)

    assert main(["to-jax", "deep/t.safetensors", "new/model"]) == 0
    folder = ModelFolder("new/model")
    assert folder.load_config() == config
    stored, stored_config, provenance = load_weights(folder.weights)
    assert same_bits(stored, variables) and (stored_config, provenance) == (config, PROVENANCE)
    state, _ = training_to_flax(*read_run("new/model")[:2])
    assert same_bits(state.variables, variables) and same_bits(state.ema, variables) and state.step == 0
    assert not [path for path in (here / "new").iterdir() if path.name != "model"]


def test_a_state_dict_goes_into_a_folder_that_has_a_configuration(here, capsys):
    config = small_config()
    variables = random_weights(config)
    torch.save({name: torch.from_numpy(array) for name, array in to_torch(variables).items()}, "net.pth")
    assert "net.pth: holds no configuration" in refused(capsys, "to-jax", "net.pth", "model")
    ModelFolder("model").save_config(config)
    assert main(["to-jax", "net.pth", "model"]) == 0
    assert same_bits(jax.device_get(load("model").variables), variables)


def test_a_training_state_goes_to_torch_and_back(here):
    config = small_config()
    shapes = abstract_variables(config)
    folder = make_model("model", config, random_bits(shapes, 1))
    state = fresh_state(random_bits(shapes, 2), config).replace(ema=random_bits(shapes, 3))
    history = [{"epoch": 1, "step": 0, "valid_loss": 0.5}]
    checkpoints = Checkpoints(folder)
    checkpoints.save(state, config, {"history": history, "losses": []})
    checkpoints.close()
    assert main(["to-torch", "model", "--training", "-o", "t.safetensors"]) == 0
    assert main(["to-jax", "t.safetensors", "again"]) == 0
    assert main(["to-torch", "again", "--training"]) == 0
    first, second = (read_tensors(path) for path in ("t.safetensors", "again-training.safetensors"))
    assert same_bits(first.tensors, second.tensors)
    assert (first.config, first.provenance) == (second.config, second.provenance)
    assert load_weights("again/checkpoint/best.safetensors")[2] == history[0]


def test_info_tells_what_a_file_or_a_folder_holds(here, capsys):
    config = small_config()
    make_model("model", config)
    main(["to-torch", "model"])
    ModelFolder("untrained").save_config(config)
    torch.save(torch.nn.Linear(3, 5).state_dict(), "net.pth")
    network = auralflow_torch.load("model").network
    count = sum(parameter.numel() for parameter in network.parameters())
    tensors = len([*network.parameters()])
    for path in ("model", "model.safetensors", "model/checkpoint/best.safetensors"):
        capsys.readouterr()
        assert main(["info", path]) == 0
        lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
        assert lines["network"] == KINDS[0] and lines["dtype"] == "float32"
        assert lines["parameters"] == f"{count:,} in {tensors} tensors"
        assert lines["provenance.valid_loss"] == "0.25" and lines["model.num_bins"] == "102"
    assert main(["info", "untrained"]) == 0 and "none yet" in capsys.readouterr().out
    assert main(["info", "net.pth"]) == 0 and "20 in 2 tensors" in capsys.readouterr().out
    assert "nowhere: no such file" in refused(capsys, "info", "nowhere")


def test_bad_input_is_refused_in_a_sentence(here, capsys):
    config = small_config()
    make_model("model", config)
    main(["to-torch", "model"])
    main(["to-torch", "model", "-o", "cut.safetensors"])
    with open("cut.safetensors", "r+b") as file:
        file.truncate(5000)
    (here / "occupied").mkdir()
    (here / "occupied" / "notes.txt").write_text("")
    ModelFolder("other").save_config(small_config(num_bins="100"))
    ModelFolder("lstm").save_config(small_config(KINDS[1]))
    tensors = read_tensors("model.safetensors").tensors | {"head.bias": np.zeros(4, np.float32)}
    write_tensors("odd.safetensors", TensorFile(TORCH, tensors, config, {}))
    best = read_tensors("model/checkpoint/best.safetensors").tensors
    write_tensors("astray.safetensors", TensorFile(FLAX, best | {"more": np.zeros(2)}, config, {}))
    best |= {"params/head/bias": np.zeros(4, np.float32), "params/more": np.zeros(2)}
    del best["params/head/kernel"]
    write_tensors("bad.safetensors", TensorFile(FLAX, best, config, {}))
    for arguments, words in (
        (["to-torch", "model"], "model.safetensors: exists already"),
        (["to-torch", "model", "-o", "net.pth"], "net.pth: a file of weights must end in .safetensors"),
        (["to-torch", "nowhere"], "nowhere: no such file"),
        (["to-torch", "occupied"], "occupied: no model folder"),
        (["to-torch", "other"], "other: the model is not trained yet"),
        (["to-torch", "other", "--training"], "other: the model has no training state yet"),
        (["to-jax", "model.safetensors", "model"], "model: has a checkpoint already"),
        (["to-jax", "model.safetensors", "occupied"], "occupied: exists already and is no model folder"),
        (["to-jax", "model.safetensors", "other"], "num_bins (102 there, 100 here)"),
        (
            ["to-jax", "model.safetensors", "lstm"],
            (
                "another model than lstm/config.json: "
                "model_type ('SpectrogramNetSimple' there, 'SpectrogramNetLSTM' here)\n"
            ),
        ),
        (["to-torch", "model", "-o", "occupied/notes.txt/t.safetensors"], "occupied/notes.txt"),
        (["to-jax", "cut.safetensors", "new"], "cut.safetensors: not a readable safetensors file"),
        (
            ["to-jax", "odd.safetensors", "new"],
            (
                "odd.safetensors: the tensors do not fit the network: "
                "1 of another shape ('head.bias' is (4,), expected (1,))"
            ),
        ),
        (["to-jax", "model/checkpoint/best.safetensors", "new"], "the metadata's format is 'auralflow-flax'"),
        (["verify", "other"], "other: the model is not trained yet"),
        (["verify", "model", "--torch", "odd.safetensors"], "'head.bias' is (4,), expected (1,)"),
        (["to-torch", "model/checkpoint/best.safetensors", "--training"], "a file holds no training state"),
        *[
            (
                [*command, "bad.safetensors"],
                (
                    "bad.safetensors: the tensors do not fit the network: 1 missing ('params/head"
                    "/kernel' of shape (1, 1, 4, 1)); 1 left over ('params/more' of shape (2,)); 1 of another shape "
                    "('params/head/bias' is (4,), expected (1,))"
                ),
            )
            for command in (["to-torch", "-o", "t.safetensors"], ["verify"])
        ],
        *[
            ([*command, "astray.safetensors"], "astray.safetensors: tensor 'more' of shape (2,) is no variable")
            for command in (["to-torch", "-o", "t.safetensors"], ["verify"], ["info"])
        ],
    ):
        assert words in refused(capsys, *arguments), arguments
    assert not [path for path in ("new", "t.safetensors", "other/checkpoint") if (here / path).exists()]
    assert not [path for path in here.iterdir() if path.name.startswith(".")]
    for arguments, words in (
        (
            ["to-torch", "model", "--train"],
            "unknown flag --train of python -m bridge to-torch; did you mean --training?",
        ),
        (["convert"], "unknown command 'convert'; "),
    ):
        assert words in refused(capsys, *arguments)


def test_info_needs_neither_framework(here):
    make_model("model", small_config())
    main(["to-torch", "model"])
    script = (
        "import sys; from bridge.cli import main; status = main(sys.argv[1:]); "
        "print(status, sorted({'jax', 'torch', 'flax'} & sys.modules.keys()))"
    )
    for path in ("model", "model.safetensors"):
        run = subprocess.run(
            [sys.executable, "-c", script, "info", path],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONPATH": ":".join(filter(None, sys.path))},
        )
        assert run.stdout.splitlines()[-1] == "0 []"
    with safe_open("model.safetensors", "numpy") as file:
        assert json.loads(file.metadata()["provenance"]) == PROVENANCE
    run = subprocess.run(
        [sys.executable, "-m", "bridge", "info", "nowhere"],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": ":".join(filter(None, sys.path))},
    )
    assert run.returncode == 2 and run.stderr.startswith("python -m bridge: error: nowhere: no such file or folder, ")
    assert run.stderr.count("\n") == 1


def test_an_interruption_ends_in_a_sentence(here, capsys, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("bridge.cli.read_flax", interrupt)
    assert main(["to-torch", "model"]) == 130
    assert capsys.readouterr().err == "python -m bridge: interrupted\n"
