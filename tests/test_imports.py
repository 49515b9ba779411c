"""Imports run down only: shown by the source text, and by packages that work without what they must not know."""

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
JAX = ("jax", "jaxlib", "flax", "optax", "orbax", "grain")
TORCH = ("torch", "torchaudio", "torchvision")

# Imports every module of a package while some others cannot be found; an entry point runs when it is imported.
EVERYTHING = """
import importlib, pkgutil, sys
package, *blocked = sys.argv[1:]
sys.modules.update(dict.fromkeys(blocked))
found = pkgutil.walk_packages(importlib.import_module(package).__path__, package + ".")
names = [module.name for module in found if not module.name.endswith("__main__")]
for name in names:
    importlib.import_module(name)
print(len(names))
"""


@pytest.fixture(scope="module")
def structure():
    """docs/structure.py, which is a script and in no package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "docs"))
        import structure

        yield structure


@pytest.fixture(scope="module")
def files(structure):
    return structure.source_files()


@pytest.fixture(scope="module")
def imports(structure, files):
    return structure.find_imports(files)


def run(code, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_only_the_entry_point_imports_upwards(structure, imports):
    assert structure.upward_imports(imports) == [structure.Import(structure.ENTRY_POINT, "auralflow.cli.main")]
    assert structure.ENTRY_POINT not in {edge.imported for edge in imports}


def test_no_files_import_each_other_in_a_circle(structure, imports):
    assert structure.circles(imports) == []


def test_no_package_holds_a_third_of_the_lines(structure, files):
    lines = structure.count_lines(files)
    assert lines.keys() == structure.FLOORS.keys() and max(lines.values()) < 0.3 * sum(lines.values()), lines


@pytest.mark.parametrize(
    ("package", "blocked"),
    [
        ("auralflow_core", (*JAX, *TORCH, "auralflow_jax", "auralflow_torch", "bridge", "auralflow")),
        ("auralflow_jax", (*TORCH, "auralflow_torch", "bridge", "auralflow")),
        ("auralflow_torch", (*JAX, "auralflow_jax", "bridge", "auralflow")),
        ("bridge", ("auralflow",)),
    ],
)
def test_every_module_does_without_what_stands_above_or_beside(package, blocked):
    assert int(run(EVERYTHING, package, *blocked)) > 10


@pytest.mark.parametrize("package", ["auralflow_core", "auralflow_jax", "auralflow_torch", "bridge", "auralflow"])
def test_a_package_alone_imports_no_framework(package):
    assert (
        run(f"import sys, {package}; print(*sorted({{'jax', 'torch', 'matplotlib', 'rich'}} & {{*sys.modules}}))") == ""
    )


@pytest.mark.parametrize(("package", "other"), [("auralflow_torch", "jax"), ("auralflow_jax", "torch")])
def test_the_names_of_a_twin_import_its_own_framework_alone(package, other):
    code = f"import sys, {package} as p; [getattr(p, name) for name in p.__all__]; print({other!r} in sys.modules)"
    assert run(code) == "False"


@pytest.mark.parametrize("package", ["auralflow", "auralflow_jax", "auralflow_jax.train", "auralflow_torch", "bridge"])
def test_type_checkers_see_the_names_that_a_package_imports_lazily(package):
    module = importlib.import_module(package)
    body = ast.parse(inspect.getsource(module)).body
    (block,) = [node for node in body if isinstance(node, ast.If)]
    assert ast.unparse(block.test) == "TYPE_CHECKING"
    shown = {}
    exec(compile(ast.Module(block.body, []), package, "exec"), shown)
    lazy = {*module.__all__, *getattr(module, "_MODULES", ())}
    shown = {name: value for name, value in shown.items() if not name.startswith("_") or name in lazy}
    assert {name: getattr(module, name) for name in lazy} == shown


@pytest.mark.parametrize("missing", ["torch", "jax"])
def test_the_command_runs_without_a_framework(missing):
    code = f"import sys; sys.modules[{missing!r}] = None; from auralflow.cli.main import main"
    assert "spleeter-2stems" in run(code + "; main(['pretrained', 'list'])")


@pytest.mark.parametrize(("missing", "command"), [("jax", "train"), ("matplotlib", "evaluate")])
def test_commands_name_what_the_small_wheel_does_without(missing, command):
    code = f"""
import sys
sys.modules[{missing!r}], sys.stderr = None, sys.stdout
from auralflow.cli.main import main
print(main([{command!r}, "my_model", "my_songs"]))
"""
    message = f"this needs the package {missing}, which is not installed: pip install auralflow"
    assert run(code) == f"auralflow: error: {message}\n2"


def test_without_torch_the_documented_torch_names_say_what_to_install():
    names = ("datasets", "losses", "models", "trainer", "utils.data_utils", "visualizer")
    code = f"""
import importlib, sys
sys.modules["torch"] = None
for name in {names}:
    try:
        importlib.import_module(f"auralflow.{{name}}")
    except ImportError as error:
        print(error)
"""
    assert [line.count("pip install 'auralflow[torch]'") for line in run(code).splitlines()] == [1] * len(names)


# docs/structure.py itself, on small trees of files


@pytest.fixture
def tree(tmp_path, structure):
    """Writes files, given by their module names, and returns their imports."""

    def tree(**sources):
        for module, text in sources.items():
            path = tmp_path / f"{module.replace('__', '/')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            (path.parent / "__init__.py").touch()
            path.write_text(text)
        return structure.find_imports(structure.source_files(tmp_path))

    return tree


def test_imports_of_every_kind_are_found(structure, tree):
    imports = tree(
        bridge__a="import bridge.b\nfrom bridge import c\nfrom bridge.d import name",
        bridge__b="def f():\n    from auralflow_jax.e import g",
        bridge__c="if TYPE_CHECKING:\n    import auralflow.f",
        bridge__d="",
        auralflow_jax__e="import auralflow_torch.g, numpy",
        auralflow__f="'bridge.d'",
        auralflow_torch__g="",
    )
    assert imports == [
        structure.Import(*edge.split())
        for edge in sorted(
            (
                "bridge.a bridge.b",
                "bridge.a bridge.c",
                "bridge.a bridge.d",
                "bridge.b auralflow_jax.e",
                "bridge.c auralflow.f",
                "auralflow_jax.e auralflow_torch.g",
            )
        )
    ]
    assert [edge.importer for edge in structure.upward_imports(imports)] == ["auralflow_jax.e", "bridge.c"]
    assert structure.circles(imports) == []


def test_names_that_a_package_imports_lazily_count(structure, tree, tmp_path):
    tree(bridge__a="import bridge")
    (tmp_path / "bridge/__init__.py").write_text("_HOME = {'name': 'bridge.a:another'}")
    imports = structure.find_imports(structure.source_files(tmp_path))
    assert structure.circles(imports) == [["bridge", "bridge.a"]]


def test_circles_are_found_through_other_files_and_through_packages(structure, tree, tmp_path):
    imports = tree(
        bridge__a="import bridge.b", bridge__b="import bridge.c", bridge__c="import bridge.a, bridge.d", bridge__d=""
    )
    assert structure.circles(imports) == [["bridge.a", "bridge.b", "bridge.c"]]
    tree(bridge__a="import auralflow.x.y", bridge__b="", bridge__c="", auralflow__x__y="")
    (tmp_path / "auralflow/x/__init__.py").write_text("import bridge.a")
    imports = structure.find_imports(structure.source_files(tmp_path))
    assert structure.circles(imports) == [["auralflow.x", "bridge.a"]]


def test_long_functions_are_counted_without_their_docstrings(structure, tmp_path):
    path = tmp_path / "bridge.py"
    path.write_text('def f():\n    """One\n    two\n    three."""\n    x = 1\n    return x\n')
    assert structure.long_functions({"bridge": path}, 2) == [("bridge.f", 3)]
    assert structure.long_functions({"bridge": path}, 3) == []
