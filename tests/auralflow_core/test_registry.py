import sys

import pytest

from auralflow_core.errors import InputError
from auralflow_core.registry import Registry


class Shape:
    pass


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Makes a package with a module and entry points look installed."""
    monkeypatch.syspath_prepend(tmp_path)

    def install(name, module, points):
        (tmp_path / f"{name}.py").write_text(module)
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[test.shapes]\n" + points)

    yield install
    for module in tmp_path.glob("*.py"):
        sys.modules.pop(module.stem, None)


def test_entry_points_are_loaded_once_and_at_the_first_look(install, monkeypatch):
    registry = Registry("test.shapes")
    monkeypatch.setattr(sys, "registry", registry, raising=False)
    install(
        "shapes_by_module",
        "import sys\nclass Square: pass\nsys.registry.add('Square', Square)\nassert 'Square' in sys.registry\n",
        "any = shapes_by_module",
    )
    install(
        "shapes_by_function",
        "import sys\nclass Circle: pass\ndef add(): sys.registry.add('Circle', Circle)\n",
        "any = shapes_by_function:add",
    )
    registry.add("Shape", Shape)
    assert "shapes_by_module" not in sys.modules
    assert set(registry) == {"Shape", "Square", "Circle"} and len(registry) == 3
    assert registry["Shape"] is Shape and registry["Circle"].__module__ == "shapes_by_function"
    registry.load()  # a second call of `add` would be none of the same class


@pytest.mark.parametrize(
    ("module", "point", "words"),
    [
        ("import nowhere", "x = broken", r"'x' \(broken\).*ModuleNotFoundError: No module named 'nowhere'"),
        ("", "x = broken:add", r"'x' \(broken:add\).*AttributeError: .*'add'"),
        ("def add(): 1 / 0", "x = broken:add", r"'x' \(broken:add\).*ZeroDivisionError: division by zero"),
    ],
)
def test_a_broken_entry_point_is_named_each_time(install, module, point, words):
    install("broken", module, point)
    registry = Registry("test.shapes")
    for _ in range(2):
        with pytest.raises(InputError, match=f"^broken: its entry point {words}; mend or uninstall broken$"):
            list(registry)


def test_names_are_not_taken_twice():
    registry = Registry("test.shapes")
    registry.add("Shape", Shape)

    def again():
        return type("Shape", (), {"__module__": Shape.__module__})  # as a cell of a notebook that runs again does

    registry.add("Shape", newer := again())
    assert registry["Shape"] is newer
    with pytest.raises(ValueError, match=r"'Shape' is the name of .*\.Shape already, builtins.dict needs another one"):
        registry.add("Shape", dict)
