import json

import numpy as np
import soundfile
from msgspec.structs import replace

from auralflow.cli.main import main
from auralflow_core.model_folder import ModelFolder


def test_inspect_tells_what_to_leave_out_and_train_takes_it(tmp_path, capsys, tiny_config):
    rng = np.random.default_rng(0)
    for place in ("train/one", "train/two", "train/three", "valid/four"):
        (tmp_path / "songs" / place).mkdir(parents=True)
        for stem in ("drums", "vocals"):
            soundfile.write(tmp_path / "songs" / place / f"{stem}.wav", rng.uniform(-0.3, 0.3, 12000), 8000)
    folder = ModelFolder("net")
    folder.save_config(tiny_config)
    assert main(["inspect", "songs", "--model", "net"]) == 0
    assert "Inspected 4 tracks, none to leave out." in capsys.readouterr().out
    track = tmp_path / "songs" / "train" / "one"
    track = track.rename(track.with_name("[b]<i>, one"))
    audio, rate = soundfile.read(track / "drums.wav")
    audio[5] = np.nan
    soundfile.write(track / "drums.wav", audio, rate, subtype="FLOAT")
    assert main(["inspect", "songs", "--save", "found"]) == 1
    output, error = capsys.readouterr()
    assert error == "" and "train/[b]<i>, one leave out: " in " ".join(output.split())
    assert """auralflow config MODEL --exclude "$(cat found/exclude.json)\"""" in output
    page = (tmp_path / "found" / "inspection.html").read_text()
    assert "train/[b]&lt;i&gt;, one" in page and "<i>" not in page and "Leave out" in page
    text = (tmp_path / "found" / "exclude.json").read_text()
    assert json.loads(text) == ["train/[b]<i>, one"]
    assert main(["config", "net", "--exclude", text]) == 0
    assert folder.load_config() == replace(
        tiny_config, dataset=replace(tiny_config.dataset, exclude=("train/[b]<i>, one",))
    )
    assert main(["inspect", "nowhere"]) == 2 and main(["inspect", "songs/train"]) == 2
    assert "the dataset may be" in capsys.readouterr().err
