import json

import pytest

from auralflow.utils import load_config
from auralflow_core import config
from auralflow_core.errors import InputError
from auralflow_core.model_folder import ModelFolder


def test_a_configuration_comes_as_plain_json_from_a_file_or_its_folder(tmp_path):
    folder = ModelFolder(tmp_path / "model")
    folder.save_config(config.override(config.template("SpectrogramNetLSTM"), {"targets": "vocals,drums"}))
    settings = load_config(tmp_path / "model" / "config.json")
    assert settings == load_config(str(tmp_path / "model")) == json.loads(folder.config_file.read_text())
    assert settings["model"]["targets"] == ["drums", "vocals"]
    assert config.from_dict(settings) == folder.load_config()


def test_a_short_file_of_any_name_is_filled_with_defaults(tmp_path):
    file = tmp_path / "mine.json"
    file.write_text('{"model": {"model_type": "SpectrogramNetSimple", "hop_length": 512}}')
    settings = load_config(file)
    assert settings["model"]["hop_length"] == 512 and settings["training"]["criterion"] == "l1"
    assert config.from_dict(settings) == config.override(config.template("SpectrogramNetSimple"), {"hop_length": "512"})


def test_what_is_no_configuration_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"nothing\.json: cannot be read: No such file"):
        load_config(tmp_path / "nothing.json")
    with pytest.raises(InputError, match=r"no model folder, it has no config\.json"):
        load_config(tmp_path)
    (tmp_path / "broken.json").write_text('{"model": ')
    with pytest.raises(InputError, match=r"broken\.json: not valid JSON at line 1"):
        load_config(tmp_path / "broken.json")
    (tmp_path / "odd.json").write_text('{"model": {"model_type": "SpectrogramNetSimple", "num_fft": 401}}')
    with pytest.raises(InputError, match=r"odd\.json: .*num_fft \(401\) must be even"):
        load_config(tmp_path / "odd.json")


def test_the_losses_have_their_documented_names():
    pytest.importorskip("torch")
    from auralflow import losses

    assert set(losses.__all__) >= {
        "component_loss",
        "kl_div_loss",
        "si_sdr_loss",
        "mask_loss",
        "WeightedComponentLoss",
        "KLDivergenceLoss",
        "L1Loss",
        "L2Loss",
        "MaskLoss",
        "SISDRLoss",
    }
