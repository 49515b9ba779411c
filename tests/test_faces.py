"""Both packages offer the same names with the same arguments, and the docs' table of them is up to date."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROMISED = {"load", "create_model", "separate", "StreamingSeparator", "Separator", "SeparationModel", "register"}
MODULES = {"losses", "metrics", "networks", "spectral", "wiener"}
MEMBERS = {"targets", "sample_rate", "num_channels", "settings", "network", "estimate", "represent", "separate", "save"}


@pytest.fixture(scope="module")
def faces():
    """docs/faces.py."""
    spec = importlib.util.spec_from_file_location("faces", ROOT / "docs" / "faces.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_names_of_both_have_the_same_arguments(faces):
    problems = [
        f"{title}: {name}: {problem}"
        for title, jax, torch in faces.sections()
        for name in sorted(jax.keys() & torch.keys())
        for problem in faces.compare(jax[name], torch[name])
    ]
    assert not problems, "\n".join(problems)


def test_both_have_what_is_promised(faces):
    for package in faces.PACKAGES:
        assert {*PROMISED, *MODULES} <= {*package.__all__} <= {*dir(package)}
    for title, jax, torch in faces.sections():
        assert len(jax.keys() & torch.keys()) > 0, title
        if title == "SeparationModel":
            assert jax.keys() & torch.keys() >= MEMBERS
            assert {"variables", "replace", "init", "apply"} <= jax.keys() - torch.keys()
            assert {"from_pretrained", "save_pretrained", "config"} <= torch.keys()
        if title == "networks":
            assert jax.keys() == torch.keys()


def test_the_page_is_what_the_script_writes(faces):
    assert faces.PAGE.read_text(encoding="utf-8") == faces.page(), "run `python docs/faces.py`"


@pytest.mark.parametrize("package", ["auralflow_jax", "auralflow_torch", "bridge"])
def test_an_unknown_name_is_an_attribute_error_without_a_framework(package):
    code = f"import sys, {package} as p; print(hasattr(p, 'seperate'), *sorted({{'jax', 'torch'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]


def f(a, b=1, *, c=2): ...


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (lambda a, b=1, *, c=2, d=3: None, None),
        (lambda b=1, a=1, *, c=2: None, "in the order"),
        (lambda a, b=2, *, c=2: None, "'b' is `b=1` in JAX, `b=2` in torch"),
        (lambda a, b=1, c=2: None, "'c' is"),
        (lambda a, b=1, *, c=2, d: None, "'d' exists on one side"),
        (lambda a, b=1, d=1, *, c=2: None, "'d' exists on one side"),
        ("no function", "in torch"),
    ],
)
def test_differences_are_found(faces, other, words):
    problems = faces.compare(f, other)
    assert (not problems) if words is None else any(words in problem for problem in problems)
