"""Imports run one way: each package does without the frameworks that it must not know."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
JAX = ("jax", "jaxlib", "flax", "optax", "orbax", "grain")
TORCH = ("torch", "torchaudio", "torchvision")

# Imports every module of a package where some others cannot be found; prints what it could not import.
EVERYTHING = """
import importlib, pkgutil, sys
package, *blocked = sys.argv[1:]
sys.modules.update(dict.fromkeys(blocked))
modules = [package, *(module.name for module in pkgutil.walk_packages(importlib.import_module(package).__path__,
                                                                      package + ".", lambda name: None))]
for module in modules:
    if not module.endswith("__main__"):
        try:
            importlib.import_module(module)
        except ImportError as error:
            print(module, error)
print("count", len(modules), file=sys.stderr)
"""


def run(code, *arguments):
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    ("package", "blocked"), [("auralflow_torch", JAX), ("auralflow_jax", TORCH), ("auralflow", JAX + TORCH)]
)
def test_every_module_does_without(package, blocked):
    done = run(EVERYTHING, package, *blocked)
    assert done.returncode == 0 and int(done.stderr.split()[-1]) > 10, done.stderr
    failed = done.stdout.splitlines()
    # The documented torch names are torch's.
    documented = ("datasets", "losses", "models", "trainer", "utils.data_utils", "visualizer")
    expected = [f"auralflow.{name}" for name in documented] if package == "auralflow" else []
    assert sorted(line.split()[0] for line in failed) == expected
    assert all("pip install 'auralflow[torch]'" in line for line in failed)


@pytest.mark.parametrize("package", ["auralflow", "auralflow_torch", "auralflow_jax", "bridge"])
def test_a_package_alone_brings_in_no_framework(package):
    done = run(f"import sys, {package}; print(*sorted({{'jax', 'torch', 'matplotlib', 'rich'}} & set(sys.modules)))")
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


@pytest.mark.parametrize(("package", "other"), [("auralflow_torch", "jax"), ("auralflow_jax", "torch")])
def test_its_names_bring_in_its_own_framework_alone(package, other):
    code = f"import sys, {package} as p; [getattr(p, name) for name in p.__all__]; print({other!r} in sys.modules)"
    done = run(code)
    assert (done.returncode, done.stdout.strip()) == (0, "False"), done.stderr
