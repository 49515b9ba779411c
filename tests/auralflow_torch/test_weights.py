"""State dicts in the files that torch and safetensors write, frozen layers, and adapters of peft."""

import pytest
import torch
from safetensors.torch import save_file

import auralflow_jax
import auralflow_torch
from auralflow_core.config import override
from auralflow_core.config.templates import read_template
from auralflow_core.errors import InputError
from auralflow_core.model_folder import ModelFolder
from auralflow_torch.losses import L1Loss
from auralflow_torch.train.trainer import ModelTrainer


@pytest.fixture
def model(tiny_config):
    torch.manual_seed(0)
    made = auralflow_torch.create_model(tiny_config)
    for name, tensor in made.state_dict().items():
        if "num_batches" not in name:
            torch.nn.init.uniform_(tensor, 0.1, 0.9)
    return made


def same(model, other):
    ours, theirs = model.state_dict(), other.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("name", ["state.pt", "state.pth", "pytorch_model.bin", "state.safetensors"])
def test_a_plain_state_dict_beside_its_configuration(model, tmp_path, name, whole):
    state, path = (model if whole else model.network).state_dict(), tmp_path / name
    (save_file if path.suffix == ".safetensors" else torch.save)(state, path)
    with pytest.raises(InputError, match=f"{name}: holds tensors and no configuration, .* config.json next to it"):
        auralflow_torch.load(path)
    ModelFolder(tmp_path).save_config(model.settings)
    assert same(auralflow_torch.load(path, device="cpu"), model)
    if path.suffix == ".safetensors":
        loaded = auralflow_jax.load(path, device="cpu")
        bias = loaded.variables["params"]["head"]["bias"]
        assert bias.tolist() == model.network.head.bias.tolist()
    fresh = auralflow_torch.create_model(model.settings)
    fresh.load_state_dict(model.state_dict())
    assert same(fresh, model)


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module."])
def test_state_dicts_of_wrapped_models(model, tmp_path, prefix):
    ModelFolder(tmp_path).save_config(model.settings)
    torch.save({prefix + name: tensor for name, tensor in model.state_dict().items()}, tmp_path / "a.pt")
    assert same(auralflow_torch.load(tmp_path / "a.pt", device="cpu"), model)


def test_what_could_not_be_read_again_is_not_saved(model, tmp_path):
    model.network.extra = torch.nn.Linear(2, 2)
    with pytest.raises(
        InputError, match=r"new: not written: the tensors do not fit the network: 2 left over \('extra\."
    ):
        model.save(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_torchs_default_type_changes_no_weights(model, tmp_path):
    model.save(tmp_path / "new")
    torch.set_default_dtype(torch.float64)
    try:
        loaded = auralflow_torch.load(tmp_path / "new", device="cpu")
    finally:
        torch.set_default_dtype(torch.float32)
    assert same(loaded, model)


@pytest.mark.parametrize("content", [b"", b"PK", [1, 2], {"a": 1}, {1: torch.ones(1)}, torch.ones(3), torch.nn.ReLU()])
def test_another_file_of_torch_is_one_sentence(model, tmp_path, content):
    path = tmp_path / "state.pt"
    ModelFolder(tmp_path).save_config(model.settings)
    path.write_bytes(content) if isinstance(content, bytes) else torch.save(content, path)
    with pytest.raises(
        InputError, match="state.pt: (no state dict that torch.load reads|holds no state dict)"
    ) as error:
        auralflow_torch.load(path)
    assert "\n" not in str(error.value)


def test_frozen_layers_keep_weights_and_statistics_while_the_rest_trains(model, tmp_path):
    frozen = model.network.down[0].requires_grad_(False)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    parts = {f"network.down.0.{name}" for name in frozen.state_dict()}
    batch = [(torch.rand(2, 1, 4000) - 0.5, torch.rand(2, 1, 4000) - 0.5)]
    ModelTrainer(model, L1Loss(model), folder=tmp_path / "run", callbacks=(), lr=0.01).train(batch, batch, 1)
    changed = {name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])}
    assert parts and not changed & parts
    assert changed == before.keys() - parts
    best = auralflow_torch.load(tmp_path / "run", device="cpu").state_dict()  # of averaged weights
    assert all(torch.equal(best[name], before[name]) for name in parts)
    model.save(tmp_path / "saved")
    assert same(auralflow_torch.load(tmp_path / "saved", device="cpu"), model)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["BSRoformer", "OpenUnmix", "SpectrogramNetLSTM"])
def test_adapters_of_peft_are_merged_and_saved(tmp_path, name):
    peft = pytest.importorskip("peft")
    config = override(read_template(name, "tiny"), {"sample_length": "0.3"})
    model = auralflow_torch.create_model(config).eval()
    names, audio = model.state_dict().keys(), torch.rand(1, model.num_channels, config.crop_samples)
    linear = [name for name, module in model.named_modules() if type(module) is torch.nn.Linear][:3]
    adapted = peft.get_peft_model(model, peft.LoraConfig(r=2, target_modules=linear, init_lora_weights=False))
    expected = model.estimate(audio).audio
    merged = adapted.merge_and_unload()
    assert merged.state_dict().keys() == names
    torch.testing.assert_close(merged.estimate(audio).audio, expected, rtol=1e-4, atol=1e-5)
    merged.save(tmp_path / "model")
    assert same(auralflow_torch.load(tmp_path / "model", device="cpu"), merged)
