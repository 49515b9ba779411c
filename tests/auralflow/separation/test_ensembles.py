"""Several models as one, from JSON and from the command, in both frameworks."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from small_models import make_model, small_config

import auralflow_jax
import auralflow_torch
from auralflow.cli.main import main
from auralflow_core.audio import write
from auralflow_core.errors import InputError
from auralflow_core.separation.options import SeparationOptions
from auralflow_core.separation.separator import separate, separate_blocks

PACKAGES = [auralflow_jax, auralflow_torch]
FOUR = ("bass", "drums", "other", "vocals")
CHAIN = {
    "combine": "chain",
    "members": [{"model": "two", "targets": ["vocals"]}, {"model": "four", "targets": ["bass", "drums", "other"]}],
}


@pytest.fixture(scope="module")
def made(make_once):
    def make(folder):
        make_model(folder / "two", small_config(targets="accompaniment,vocals", sample_rate="8000"))
        make_model(folder / "four", small_config(targets=",".join(FOUR)))
        make_model(folder / "stereo", small_config("AudioNetSimple", targets="bass,vocals", num_channels="2"))
        (folder / "chain.json").write_text(json.dumps(CHAIN))

    return make_once("ensembles", make)


@pytest.fixture(autouse=True)
def inside(made, monkeypatch):
    monkeypatch.chdir(made)


def audio(samples=20011):
    return np.random.default_rng(0).uniform(-0.5, 0.5, (2, samples)).astype(np.float32)


def describe(members, **further):
    Path("e.json").write_text(json.dumps({"members": members, **further}))
    return "e.json"


@pytest.mark.parametrize("package", PACKAGES)
def test_a_model_with_itself_is_the_model(package):
    expected = package.load("two").separate(audio(), 16000)
    for combine in ("mean", "mean_magnitude", "median_magnitude", "max_magnitude", "min_magnitude"):
        members = [{"model": "two"}, {"model": "two"}, {"model": "two"}]
        model = package.load(describe(members, combine=combine))
        np.testing.assert_allclose(model.separate(audio(), 16000), expected, atol=1e-6)


@pytest.mark.parametrize("package", PACKAGES)
def test_means_and_chains_of_unlike_models(package):
    """Of other rates, channels and targets; each member hears and gives what it does alone."""
    two, four, stereo = (package.load(name) for name in ("two", "four", "stereo"))
    alone = {name: model.separate(audio(), 16000) for name, model in (("two", two), ("four", four), ("st", stereo))}
    name = describe([{"model": "two", "targets": ["vocals"], "weights": 2}, {"model": "four"}, {"model": "stereo"}])
    model = package.load(name)
    assert (model.targets, model.sample_rate, model.num_channels) == (FOUR, 16000, 2)
    found = model.separate(audio(), 16000)
    np.testing.assert_allclose(found[3], (2 * alone["two"][1] + alone["four"][3] + alone["st"][1]) / 4, atol=1e-6)
    np.testing.assert_allclose(found[0], (alone["four"][0] + alone["st"][0]) / 2, atol=1e-6)
    np.testing.assert_array_equal(found[1:3], alone["four"][1:3])
    chain = package.load("chain.json").separate(audio(), 16000, residual=True)
    np.testing.assert_array_equal(chain[3], alone["two"][1])
    np.testing.assert_allclose(chain[:3], four.separate(audio() - chain[3], 16000)[:3], atol=1e-6)
    np.testing.assert_allclose(chain.sum(0), audio(), atol=1e-6)
    outer = package.load(describe([{"model": "chain.json"}, {"model": "chain.json"}]))
    np.testing.assert_allclose(outer.separate(audio(), 16000), chain[:4], atol=1e-6)


@pytest.mark.parametrize("package", PACKAGES)
def test_what_an_ensemble_cannot_do_is_a_sentence(package):
    model = package.load("chain.json")
    assert [type(member).__name__ for member in model.members] == ["SpectrogramMaskModel"] * 2
    assert repr(model).startswith("Ensemble(chain, SpectrogramMaskModel(")
    for call in (
        lambda: model.estimate(audio()[None]),
        lambda: model.save("saved"),
        lambda: package.StreamingSeparator(model),
        lambda: package.load("chain.json", adapter="a.safetensors"),
        lambda: auralflow_torch.SeparationModel.from_pretrained("chain.json"),
    ):
        with pytest.raises(InputError, match=r"ensemble"):
            call()


def test_only_members_with_a_part_run(monkeypatch):
    separator, ran = auralflow_torch.Separator(auralflow_torch.load("chain.json")), []
    monkeypatch.setattr(
        auralflow_torch.Separator,
        "estimate",
        lambda self, mixture: ran.append(self.targets) or np.stack([mixture] * len(self.targets), 1),
    )
    for targets, needed in (([3], {2}), ([0], {2, 4}), ([0, 3], {2, 4})):
        ran.clear()
        separate(separator.narrow(targets), audio(), 16000)
        assert {len(names) for names in ran} == needed


def test_memory_does_not_grow(copies):
    """The pieces that wait between members are a few segments, however long the song is."""
    from auralflow_core.config import Config
    from auralflow_core.config.ensemble import Ensemble
    from auralflow_core.separation.separator import Separator

    fast, slow = copies(factors={"vocals": 0.5}), copies(rate=2000, factors={"bass": 0.25})

    class Both(Separator):
        members = (fast, slow)  # pyright: ignore[reportAssignmentType]
        estimate = refine = None  # pyright: ignore[reportAssignmentType]

        def __init__(self, combine):
            self.config = Config(
                model=Ensemble(targets=("bass", "vocals"), combine=combine, members=2, member_shares=(0, 1, 1, 0))
            )

    for combine in ("mean", "chain", "max_magnitude"):
        asked, most = 0, 0

        def song():
            nonlocal asked
            for _ in range(300):
                asked += 500
                yield np.full((1, 500), 0.5, np.float32)

        done, middle = 0, None
        for mixture, estimates in separate_blocks(Both(combine), song(), 150000, 8000, SeparationOptions(overlap=0)):
            done += mixture.shape[-1]
            most, middle = max(most, asked - done), estimates[:, 0].mean(1) if done < 75000 else middle
        assert done == 150000 and most < 20000
        np.testing.assert_allclose(middle, [0.0625 if combine == "chain" else 0.125, 0.25], atol=1e-3)


def test_the_command(capsys):
    write("song.wav", audio(4000), 16000)
    command = ["separate", "--backend", "torch", "--overwrite", "--bits", "16", "--residual", "song.wav"]
    assert main([*command, "--model", "chain.json"]) == 0
    stems = [soundfile.read(path, dtype="int16")[0].astype(int) for path in Path("separated/chain/song").glob("*.wav")]
    mixture = soundfile.read("song.wav", dtype="float64")[0]
    assert len(stems) == 5
    np.testing.assert_array_equal(sum(stems), np.rint(mixture * 2**15))
    weights = ["--weights", "vocals=1,3", "--weights", "bass=0,1"]
    assert main([*command, "--model", "two", "--model", "four", *weights, "--combine", "mean_magnitude"]) == 0
    assert len([*Path("separated/two+four/song").glob("*.wav")]) == 6
    capsys.readouterr()
    both = ["--model", "two", "--model", "four"]
    for further, words in (
        ([*both, "--weights", "1,2,3"], "weights: 3 numbers, expected one for each of 2 models"),
        ([*both, "--weights", "1,x"], "--weights 1,x: expected numbers such as 1,2, or TARGET=1,2"),
        ([*both, "--weights", "1,2", "--weights", "bass=0,1"], "expected one for all targets, or one for each"),
        ([*both, "--weights", "1,nan"], "weights: 1.0, nan, expected finite numbers from 0"),
        ([*both, "--combine", "max"], "unknown combine 'max'; did you mean"),
        (["--model", "two", "--weights", "1"], "weights and combine are for several models, and two is the only one"),
        (["--model", "chain.json", "--adapter", "a"], "a: adapters belong to a single model"),
        ([*both, "--targets", "guitar"], "unknown target 'guitar'"),
    ):
        assert main([*command, *further]) == 2
        message = capsys.readouterr().err
        assert words in message and message.count("\n") == 1


def test_evaluation_takes_ensembles(trained, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    Path("twice.json").write_text(json.dumps({"members": [{"model": str(trained.model.path)}] * 2}))
    command = ["evaluate", "twice.json", str(trained.songs), "--metrics", "sdr", "--no_report", "--backend", "torch"]
    assert main([*command, "--compare", str(trained.model.path), "--save", "out"]) == 0
    rows = [line.split(",") for line in Path("out/evaluation.csv").read_text().splitlines()]
    scores = {row[2]: [float(score) for score in row[3:]] for row in rows[1:]}
    np.testing.assert_allclose(scores["twice.json"], scores["model"], atol=1e-4)
